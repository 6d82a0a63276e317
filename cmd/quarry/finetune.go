package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/finetune"
)

// FinetuneOptions are the flags of quarry finetune.
type FinetuneOptions struct {
	Data        DataOptions // the corpus may be left out
	Train, Dev  string
	Mix         *TrainData // of FlagEmbedding's trainers, in place of Train; nil is Train alone
	Merges      trainerMerges
	StepsFirst  bool // --max_steps takes the place of the epochs, as in transformers
	Kinds       bool // rows may ask FlagEmbedding for other batches than the flags say, which is refused
	Model       ModelOptions
	Texts       TextOptions
	Engine      EngineOptions
	Kind        string // of what is trained: empty is an embedder
	Pairs       PairFlags
	Tune        finetune.Options
	Targets     string // of LoRA
	Adapter     string // directory of the adapter that is trained on; empty is a fresh one
	Teacher     string // file of a teacher's scores; empty is the rows themselves
	Guide       string // model directory
	Parts       []int  // of vectors
	Weights     []float64
	Metrics     string
	SaveEvery   int
	Output      string
	Eval        EvalSet
	Checkpoints string // what names of epochs' checkpoints begin with; empty is epoch-
	Examples    ExampleOptions
	JSON        bool

	set set
}

func newFinetuneCommand(h *host) *cobra.Command {
	o := FinetuneOptions{Tune: finetune.DefaultOptions(), Examples: defaultExamples()}
	cmd := &cobra.Command{
		Use:   "finetune --model DIR --train FILE --output DIR",
		Short: "Fine-tune a model on queries, positives and mined negatives",
		Long: `Fine-tune a model with InfoNCE on queries, their positives and mined negatives, in full or by LoRA.

--train is what quarry mine writes, or queries with "pos" and "neg" texts; with --corpus, positives may also be ids. The
output directory gets epoch-1, epoch-2, … (model directories, or adapters in PEFT's format), steps.jsonl and epochs.json,
and each epoch a line is printed: with --dev its eval_loss, with --dev and --corpus also measures over the whole corpus.
The same command goes on where it was interrupted.

With --kind cross-encoder a network that reads query and passage together is trained instead, to be a teacher: the model is a
cross-encoder, or an encoder that gets a fresh head. With --folds each of several trains without a part of the queries, and scores
that part alone where the output directory is the teacher of quarry teach or quarry mine.

The flags of FlagEmbedding's trainers (--train_data, --output_dir, …) are taken in place of these; see
docs/migrate-from-flagembedding.md.`,
		Example: `  quarry finetune --model models/minilm --train mined.jsonl --dev dev.jsonl --corpus corpus.jsonl --output tuned
  quarry finetune --model models/minilm --train mined.jsonl --method lora --lora-rank 64 --lora-alpha 32 --output tuned
  quarry finetune --kind cross-encoder --model models/minilm --train mined.jsonl --folds 5 --output rerankers`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.set, o.Texts.set = setFlags(cmd.Flags()), setFlags(cmd.Flags())
			return runFinetune(cmd.Context(), o, h)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Train, "train", "", "JSONL `file` of queries with positives and negatives")
	f.StringVar(&o.Dev, "dev", "", "`file` of held-out queries, in the same form")
	f.StringVar(&o.Data.Corpus, "corpus", "", "passages: JSONL `file`; without it the passages are the texts of --train and --dev")
	o.Data.addFields(f)
	f.StringVar(&o.Output, "output", "", "`directory` to write")
	f.StringVar(&o.Metrics, "metrics", defaultMetrics(), "`list` of measures, where --dev and --corpus are given")
	f.BoolVar(&o.JSON, "json", false, "print all epochs as JSON at the end, not a line each")
	o.addTraining(cmd)
	o.addPairs(f)
	o.addLosses(cmd)
	o.addLoRA(cmd)
	o.Model.AddFlags(f)
	o.Texts.AddFlags(f)
	o.Texts.addFromRow(f)
	o.Engine.AddFlags(f)
	return cmd
}

func (o *FinetuneOptions) addTraining(cmd *cobra.Command) {
	f, t := cmd.Flags(), &o.Tune
	f.StringVar((*string)(&t.Method), "method", string(t.Method), "full: all weights; lora: low-rank adapters")
	f.IntVar(&t.Epochs, "epochs", t.Epochs, "times that every query is seen")
	f.IntVar(&t.Batch, "batch", t.Batch, "queries a step (16 of a cross-encoder); all share their passages, whatever the memory")
	f.IntVar(&t.GroupSize, "group-size", t.GroupSize, "passages a query: one positive, the rest negatives drawn anew each epoch")
	f.IntVar(&t.Accumulate, "accumulate", t.Accumulate, "blocks of a step's queries whose passages are kept apart")
	f.BoolVar(&t.DropLast, "drop-last", t.DropLast, "leave out an epoch's last batch when it is not full")
	f.Float64Var(&t.LearningRate, "learning-rate", t.LearningRate, "peak learning rate (2e-5 of a cross-encoder)")
	f.StringVar((*string)(&t.Schedule), "schedule", string(t.Schedule), "linear, cosine, constant or constant_with_warmup")
	f.Float64Var(&t.WarmupRatio, "warmup-ratio", t.WarmupRatio, "share of the steps in which the rate rises to its peak")
	f.IntVar(&t.WarmupSteps, "warmup-steps", t.WarmupSteps, "steps of it, in place of --warmup-ratio (by the ratio)")
	f.Float64Var(&t.WeightDecay, "weight-decay", t.WeightDecay, "AdamW's decay of weights; never of biases and norms")
	f.Float64Var(&t.Beta1, "beta1", t.Beta1, "AdamW's decay of the first moment")
	f.Float64Var(&t.Beta2, "beta2", t.Beta2, "AdamW's decay of the second moment")
	f.Float64Var(&t.Epsilon, "eps", t.Epsilon, "AdamW's epsilon")
	f.Float64Var(&t.Clip, "clip", t.Clip, "largest norm of the whole gradient; 0 never clips")
	f.Float64Var(&t.Temperature, "temperature", t.Temperature, "divisor of scores before the softmax")
	f.BoolVar(&t.LearnTemperature, "learn-temperature", t.LearnTemperature, fmt.Sprintf("learn the temperature with the weights; it starts and stays between %g and %g", finetune.MinTemperature, finetune.MaxTemperature))
	f.BoolVar(&t.BothDirections, "both-directions", t.BothDirections, "also let each positive choose among the queries")
	f.BoolVar(&t.MaskKnownPositives, "mask-known-positives", t.MaskKnownPositives, "leave passages that are known to answer a query out of its loss")
	f.BoolVar(&t.Dropout, "dropout", t.Dropout, "dropout as the model's configuration says")
	f.IntVar(&t.Examples, "examples", t.Examples, "most in-context examples before a query: each is shown a number from 0 to it, drawn of the step's other queries")
	o.Examples.AddFlags(f)
	f.IntVar(&t.MaxSteps, "max-steps", t.MaxSteps, "stop after so many steps (no limit)")
	f.IntVar(&t.BlockTokens, "block-tokens", t.BlockTokens, "tokens in a block over which gradients are summed")
	seedFlag(f, &t.Seed, t.Seed, "seed of every draw")
	f.IntVar(&t.Round, "round", t.Round, "round that the draws are for")
	f.IntVar(&o.SaveEvery, "save-every", 100, "steps between saves of what an interrupted training goes on from")
}

func (o *FinetuneOptions) addLosses(cmd *cobra.Command) {
	f, t := cmd.Flags(), &o.Tune
	f.StringVar((*string)(&t.Distill), "distill", "", "learn from a teacher's scores: kl_div, beside the loss; m3_kd_loss, in its place")
	f.StringVar(&o.Teacher, "teacher-scores", "", "JSONL `file` of rows with pos_scores and neg_scores (the rows of --train themselves)")
	f.StringVar(&o.Guide, "guide", "", "model `directory`, or a Hugging Face name, whose scores mask columns that may answer a query")
	f.StringVar((*string)(&t.Guide.Mask), "guide-mask", "absolute", "absolute: mask above the positive's score - margin; relative: above it - its size · margin")
	f.Float64Var(&t.Guide.Margin, "guide-margin", 0, "margin of --guide-mask")
	f.IntSliceVar(&o.Parts, "matryoshka", nil, "`list` of leading numbers of vectors, each trained to be a vector of its own")
	f.Float64SliceVar(&o.Weights, "matryoshka-weights", nil, "`list` of weights, one for each of --matryoshka (1 for each)")
	f.Lookup("matryoshka-weights").DefValue = "" // none is shown
}

// validate checks the flags.
func (o *FinetuneOptions) validate() ([]eval.Measure, error) {
	if err := need("model", o.Model.Model, "train", o.Train, "output", o.Output); err != nil {
		return nil, err
	}
	if err := o.Texts.validate(); err != nil {
		return nil, err
	}
	if err := o.settlePairs(); err != nil {
		return nil, err
	}
	if err := o.checkParts(); err != nil {
		return nil, err
	}
	measures, err := parseMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	if o.SaveEvery < 1 {
		return nil, badInputf("--save-every %d: at least 1", o.SaveEvery)
	}
	o.Tune.LoRA.TargetModules = strings.Split(o.Targets, ",")
	if o.Guide == "" {
		o.Tune.Guide = finetune.GuideOptions{}
	}
	o.Tune.Matryoshka = finetune.Matryoshka{Dims: o.Parts, Weights: o.Weights}
	for len(o.Weights) == 0 && len(o.Tune.Matryoshka.Weights) < len(o.Parts) {
		o.Tune.Matryoshka.Weights = append(o.Tune.Matryoshka.Weights, 1)
	}
	return measures, badInput(o.set.named(o.Tune.Validate()))
}

// checkParts refuses flags that change nothing as the others are.
func (o *FinetuneOptions) checkParts() error {
	if o.Tune.Method != finetune.LoRA {
		if err := o.set.needs("--method lora", append(slices.Clone(flagsOfLoRA), "from-adapter")...); err != nil {
			return err
		}
	}
	if o.Adapter != "" {
		for _, flag := range flagsOfLoRA {
			if o.set[flag] {
				return badInputf("--%s has no part with --from-adapter, which says it", flag)
			}
		}
	}
	if o.Tune.Distill == "" {
		if err := o.set.needs("--distill", "teacher-scores"); err != nil {
			return err
		}
	}
	if o.Guide == "" {
		if err := o.set.needs("--guide", "guide-mask", "guide-margin"); err != nil {
			return err
		}
	}
	if err := o.Examples.validate(o.set, o.Tune.Examples); err != nil {
		return err
	}
	if o.Dev == "" {
		if err := o.set.needs("--dev", "metrics"); err != nil {
			return err
		}
	}
	if o.Data.Corpus == "" {
		if err := o.set.needs("--corpus", "metrics"); err != nil {
			return err
		}
	}
	if o.set["warmup-steps"] && o.set["warmup-ratio"] {
		return badInputf("--warmup-ratio has no part with --warmup-steps, which stand in its place: give one of them")
	}
	if o.set["warmup-steps"] && o.Tune.Schedule == finetune.Constant {
		return badInputf("--warmup-steps has no part with --schedule constant, whose rate does not rise: use constant_with_warmup")
	}
	if err := o.set.atLeast(1, map[string]int{"max-steps": o.Tune.MaxSteps, "warmup-steps": o.Tune.WarmupSteps}); err != nil {
		return err
	}
	return o.set.atLeast(0, map[string]int{"round": o.Tune.Round})
}

// runFinetune reads the data, makes the trainer, and trains from the start or from where it was interrupted.
func runFinetune(ctx context.Context, o FinetuneOptions, h *host) error {
	measures, err := o.validate()
	if err != nil {
		return err
	}
	if o.crossEncoder() {
		return runCrossEncoder(ctx, o, h)
	}
	if err := mayWriteBeside("output", o.Output, "model", h.folder(o.Model.Model), "guide", h.folder(o.Guide), "from-adapter", o.Adapter); err != nil {
		return err
	}
	h.process.hold(o.Engine.limit(h.machine))
	set, err := o.readTraining(h)
	if err != nil {
		return err
	}
	if err := o.takeTokens(h); err != nil {
		return err
	}
	o.Model.trains = true
	m, err := o.Model.open(ctx, h)
	if err != nil {
		return err
	}
	defer m.Close()
	if o.Model.EOS && m.Contract.EOS == "" && m.Config.Decoder() {
		h.note("texts end without an end token: the tokenizer's class knows no add_eos_token, there as here")
	}
	o.Engine.weights = o.Model.Weights
	if err := o.openAdapter(ctx, h, m); err != nil {
		return err
	}
	o.Tune.LoRA.BaseModel, o.Tune.LoRA.BaseRevision = o.Model.calls()
	if o.Guide != "" {
		if o.Guide, err = o.findGuide(ctx, h); err != nil {
			return err
		}
	}
	s := &training{host: h, options: o, set: set, model: m, measures: measures}
	if err := s.tokenize(); err != nil {
		return err
	}
	own := m.Footprint()
	if start := o.Tune.LoRA.Start; start != nil {
		own.Held += start.Bytes()
	}
	weights := own
	if set.measured(o) {
		weights.Held *= 2 // each epoch's model, measured beside the one that is trained
	}
	if o.Guide != "" {
		guide, err := guideFootprint(o.Guide)
		if err != nil {
			return err
		}
		weights.Held, weights.Mapped = max(weights.Held, own.Held+guide.Held), max(own.Mapped, guide.Mapped) // one at work at a time
	}
	if s.engine, err = o.Engine.open(h, weights); err != nil {
		return err
	}
	defer s.engine.Close()
	return s.run(ctx)
}
