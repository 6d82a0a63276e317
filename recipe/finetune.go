package recipe

import "github.com/quarry-ml/quarry/model/lora"

// Ways of fine-tuning.
const (
	Full = "full"
	LoRA = "lora"
)

// Finetune says how the model is trained.
type Finetune struct {
	// Which weights learn: full, all of them; lora, low-rank adapters beside frozen ones.
	Method string `yaml:"method" in:"full|lora"`
	// Times that every training query is seen.
	Epochs int `yaml:"epochs" in:"[1,)"`
	// Queries a step. All of them share all their passages as columns, whatever the memory.
	Batch int `yaml:"batch" in:"[1,)"`
	// Passages a query brings to a step: one positive, and negatives drawn anew each epoch from those mined. With
	// source none it is 1.
	GroupSize int `yaml:"group_size" in:"[1,)"`
	// Blocks of batch/accumulate queries whose columns are kept apart; their gradients add up to one step.
	Accumulate int `yaml:"accumulate" in:"[1,)"`
	// Leave out an epoch's last batch when it is not full.
	DropLast bool `yaml:"drop_last"`
	// Peak learning rate.
	LearningRate float64 `yaml:"learning_rate" in:"(0,)"`
	// How the rate goes from its peak to the end.
	Schedule string `yaml:"schedule" in:"linear|cosine|constant|constant_with_warmup"`
	// Share of all steps in which the rate rises from 0 to its peak, rounded up to whole steps. Schedule constant has none.
	WarmupRatio float64 `yaml:"warmup_ratio" in:"[0,1]"`
	// Steps in which the rate rises from 0 to its peak, in place of warmup_ratio: one section gives one of the two.
	WarmupSteps int `yaml:"warmup_steps" in:"[1,)" unset:"by warmup_ratio" omit:"true"`
	// Decay of weights (AdamW's, decoupled); biases and norms never decay.
	WeightDecay float64 `yaml:"weight_decay" in:"[0,)"`
	// AdamW's decay rates of the first and second moment.
	Betas [2]float64 `yaml:"betas" in:"[0,1)"`
	// AdamW's epsilon.
	Eps float64 `yaml:"eps" in:"(0,)"`
	// Greatest norm of the whole gradient, applied once a step; 0 never clips.
	Clip float64 `yaml:"clip" in:"[0,)"`
	// Divisor of scores before the softmax; the start value when it is learned.
	Temperature float64 `yaml:"temperature" in:"(0,)"`
	// Learn the temperature with the weights, from temperature on and between 0.01 and 1, where it must start.
	LearnTemperature bool `yaml:"learn_temperature"`
	// Also let each positive choose among the queries of the batch.
	BothDirections bool `yaml:"both_directions"`
	// Leave a column out of a row's loss when it answers the row's query by the training judgments.
	MaskKnownPositives bool `yaml:"mask_known_positives"`
	// Drop activations in training as the model's configuration says; false switches all dropout off but LoRA's.
	Dropout bool `yaml:"dropout"`
	// Steps between saves of the state that an interrupted training resumes from.
	SaveEvery int `yaml:"save_every" in:"[1,)"`
	// Tokens in a block over which gradients are summed. It fixes the order of sums, so it belongs to the result.
	BlockTokens int `yaml:"block_tokens" in:"[1,)"`
	// Stop after so many steps, the schedule fitted to them.
	MaxSteps int `yaml:"max_steps" in:"[1,)" unset:"no limit"`
	// Learn from a teacher's scores of each query's own passages, as FlagEmbedding does: kl_div adds the distance from
	// the teacher's softmax to the loss, m3_kd_loss puts one in its place. eval_loss is without either.
	Distill string `yaml:"distill" in:"kl_div|m3_kd_loss" unset:"no teacher"`
	// JSONL rows of query, pos, neg, pos_scores and neg_scores that have the score of every pair that is trained on. Rows
	// that mine.teacher was asked of have them.
	TeacherScores Path `yaml:"teacher_scores" unset:"the mined rows themselves"`
	// Model directory, or Hugging Face name, of a second embedder that masks columns, as sentence-transformers' GIST losses
	// do: a passage that its score puts above the query's positive, less a margin, has no part in the query's loss. Its vectors of the corpus
	// and of train and dev queries are made once and kept.
	Guide Path `yaml:"guide" unset:"no guide"`
	// Meaning of the guide's margin: absolute, taken from the positive's score; relative, a share of it.
	GuideMask string `yaml:"guide_mask" in:"absolute|relative" unset:"absolute, if there is a guide"`
	// How far below the positive the guide's score of a passage has to stay.
	GuideMargin float64 `yaml:"guide_margin" unset:"no margin"`
	// Leading parts of the vectors, in numbers, that are trained to be vectors of their own: the loss is the weighted sum
	// of theirs, as sentence-transformers' MatryoshkaLoss. The whole length counts only where it is listed.
	Matryoshka []int `yaml:"matryoshka" in:"[1,)" unset:"whole vectors alone"`
	// Weight of each part's loss.
	MatryoshkaWeights []float64 `yaml:"matryoshka_weights" in:"(0,)" unset:"1 for each"`
	// Low-rank adapters, for method lora; an error where no round has it.
	LoRA LoRAOptions `yaml:"lora"`
	// A program that trains in Quarry's place; see [external trainers](external-trainer.md).
	External External `yaml:"external"`
}

// LoRAOptions shapes the adapters, in the meaning of PEFT's LoraConfig.
type LoRAOptions struct {
	// Rank.
	R int `yaml:"r" in:"[1,)"`
	// Scale: the adapter's part is multiplied by alpha / r, or alpha / sqrt(r) with rslora.
	Alpha float64 `yaml:"alpha" in:"(0,)"`
	// Share of the adapter's inputs dropped in training.
	Dropout float64 `yaml:"dropout" in:"[0,1)"`
	// Names of linear layers that get an adapter, matched as PEFT does; all-linear takes all that a text's vector
	// passes through. adapter_config.json names them.
	TargetModules []string `yaml:"target_modules"`
	// Scale by the root of the rank.
	RSLoRA bool `yaml:"rslora"`
	// Other ranks, each as q_proj=8: a regular expression for the end of a module's name, matched as PEFT does, and the rank of
	// those modules. Of several that match the first counts.
	RankPattern []lora.Override `yaml:"rank_pattern" unset:"r for all" omit:"true"`
	// Other alphas, in the same form.
	AlphaPattern []lora.Override `yaml:"alpha_pattern" unset:"alpha for all" omit:"true"`
	// Modules that are trained whole beside the adapters and stored with them: those whose names end with one of these, as PEFT
	// finds them, and what is inside them. embed_tokens is the table of a decoder's word embeddings.
	ModulesToSave []string `yaml:"modules_to_save" unset:"none" omit:"true"`
}

// External is a program that trains: it gets the mined file and the base, and leaves an adapter or a model an epoch.
type External struct {
	// The program: a list of program and arguments, or one string for the shell. A round is trained anew when a file
	// that the list names has changed.
	Command Command `yaml:"command" unset:"none: Quarry trains"`
	// Further files and folders that the program's result depends on, such as its modules. A string for the shell has
	// all of its files here.
	Inputs []Path `yaml:"inputs" unset:"none"`
}
