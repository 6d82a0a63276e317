package recipe

import (
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/prompt"
)

// Default returns a recipe with every default and without the keys that must be given, which are empty.
func Default() *Recipe { return defaults() }

// defaults holds the values of the reference pipeline where it states one (window, 15 negatives, groups of 8,
// temperature 0.02, 10 % warm-up, LoRA 64/32/0.1) and PyTorch's for AdamW.
func defaults() *Recipe {
	return &Recipe{
		Version:   Version,
		Precision: "auto",
		Weights:   StoredWeights,
		Seed:      42,
		Eval: Eval{
			Metrics: []eval.Measure{
				{Kind: eval.MAP, K: 25},
				{Kind: eval.Recall, K: 25},
				{Kind: eval.Recall, K: 50},
				{Kind: eval.Recall, K: 75},
				{Kind: eval.Recall, K: 100},
				{Kind: eval.MRR, K: 10},
				{Kind: eval.NDCG, K: 10},
			},
			Convention: eval.SentenceTransformers,
		},
		Stages: Stages{
			Mine: Mine{
				Source:    Dense,
				Window:    Window{Start: 2, End: 200},
				Negatives: 15,
				Sampling:  "uniform",
			},
			Finetune: Finetune{
				Method:             Full,
				Epochs:             5,
				Batch:              32,
				GroupSize:          8,
				Accumulate:         1,
				LearningRate:       1e-4,
				Schedule:           "linear",
				WarmupRatio:        0.1,
				Betas:              [2]float64{0.9, 0.999},
				Eps:                1e-8,
				Clip:               1,
				Temperature:        0.02,
				MaskKnownPositives: true,
				Dropout:            true,
				SaveEvery:          100,
				BlockTokens:        2048,
				LoRA:               LoRAOptions{R: 64, Alpha: 32, Dropout: 0.1, TargetModules: []string{"all-linear"}},
			},
			Examples:  Examples{Leaks: LeaksError, QueryLength: 384, ResponseLength: 128},
			Select:    eval.DefaultSelectRule(),
			MineWith:  Miner{Kind: Merged},
			TrainFrom: Base,
		},
	}
}

// QueryPrompt returns the recipe's own prompt for queries; ok is false where the model's applies.
func (p Prompts) QueryPrompt() (t prompt.Template, ok bool) { return deref(p.Query) }

// PassagePrompt returns the recipe's own prompt for passages; ok is false where the model's applies.
func (p Prompts) PassagePrompt() (t prompt.Template, ok bool) { return deref(p.Passage) }

func deref(t *prompt.Template) (prompt.Template, bool) {
	if t == nil {
		return "", false
	}
	return *t, true
}
