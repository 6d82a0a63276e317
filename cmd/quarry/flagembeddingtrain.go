package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
)

// How many in-context examples decoder_only.icl shows a query at most: upstream's, and the reference pipeline's fork.
const (
	mostExamples     = 5
	mostForkExamples = 2
)

// flagsOfFork are those that the reference pipeline's fork of FlagEmbedding has, or its icl_finetune.sh, and no release of upstream.
var flagsOfFork = []string{"use_qlora", "save_lora_every_epoch", "eval_data", "eval_corpus_path", "eval_queries_path", "eval_examples_path", "epochs", "batch_size", "gpu_ids"}

// examplesShown is how many in-context examples a query of a line is shown at most.
func examplesShown(a pythonArgs) int {
	if slices.ContainsFunc(flagsOfFork, a.given) {
		return mostForkExamples
	}
	return mostExamples
}

// runTrainer trains as one of FlagEmbedding's trainers does, from its own flags.
func runTrainer(ctx context.Context, h *host, words []string) error {
	a, err := parsePython(words, trainerFlags)
	if err != nil {
		return badInput(err)
	}
	kind, err := trainerKind(a, h.decodes)
	if err != nil {
		return badInput(err)
	}
	a.tell(h)
	if kind == ofDecoders && a.ofScript() {
		var passed []string
		if a, passed = a.asScript(); len(passed) > 0 {
			h.note("as icl_finetune.sh passes on: %s", strings.Join(passed, ", "))
		}
	}
	if slices.ContainsFunc(flagsOfExamples, a.given) && !a.truth("same_dataset_within_batch") {
		h.note("--same_dataset_within_batch is not True: rows of all files mix in a batch; decoder_only.icl would not start (NotImplementedError)")
	}
	o, err := trainerOptions(a, kind)
	if err != nil {
		return badInput(err)
	}
	return inTypedNames(o.trainAndMerge(ctx, h))
}

// trainer is a kind of FlagEmbedding's trainers: they differ in flags and in what is trained unless a flag says it.
type trainer int

const (
	ofDecoders trainer = iota // decoder_only.icl and .base: LoRA, unless --use_lora is False
	ofEncoders                // encoder_only.base and .m3: all weights
)

// Flags that FlagEmbedding's trainers of one kind have alone.
var (
	flagsOfDecoders = []string{
		"use_lora", "use_qlora", "lora_rank", "lora_alpha", "lora_dropout", "target_modules", "modules_to_save", "peft_model_path", "from_peft", "raw_peft",
		"additional_special_tokens", "save_merged_lora_model", "only_merge_lora_model", "save_lora_every_epoch", "use_flash_attn", "use_slow_tokenizer",
		"icl_suffix_str", "retrieval_use_examples", "example_query_max_len", "example_passage_max_len",
	}
	flagsOfEncoders = []string{"unified_finetuning", "use_self_distill", "self_distill_start_step", "fix_encoder", "colbert_dim"}
)

// flagsOfExamples are those that make decoder_only.icl the trainer.
var flagsOfExamples = []string{"icl_suffix_str", "retrieval_use_examples", "example_query_max_len", "example_passage_max_len"}

// trainerKind is the trainer that a command line is of: that of a flag which it alone has, else that of the model. Flags of
// the trainers of decoders train an encoder, too, which there they cannot.
func trainerKind(a pythonArgs, decodes func(model string) (bool, error)) (trainer, error) {
	decoders, encoders := slices.IndexFunc(flagsOfDecoders, a.given), slices.IndexFunc(flagsOfEncoders, a.given)
	if decoders >= 0 && encoders >= 0 {
		return 0, fmt.Errorf("--%s and --%s: no trainer of FlagEmbedding has both: the first is of decoders, the second of encoders", flagsOfDecoders[decoders], flagsOfEncoders[encoders])
	}
	if decoders >= 0 {
		return ofDecoders, nil
	}
	decoder, err := decodes(a.text("model_name_or_path"))
	switch {
	case err != nil:
		return 0, fmt.Errorf("--model_name_or_path: %w", err)
	case !decoder:
		return ofEncoders, nil
	case encoders >= 0:
		return 0, fmt.Errorf("--%s: FlagEmbedding's trainers of decoders have no such flag, and the model is a decoder: leave it out", flagsOfEncoders[encoders])
	}
	return ofDecoders, nil
}

// decodes says whether the model of a name is a decoder, by its config.json.
func (h *host) decodes(name string) (bool, error) {
	found, err := h.findModel(name)
	if err != nil {
		return false, err
	}
	d, err := model.ReadDirectory(found.dir, model.Options{})
	if err != nil {
		return false, err
	}
	return d.Config.Decoder(), nil
}

// notHere are flags whose value, where it is not the default, asks for what quarry finetune does not do.
var notHere = []struct{ flag, instead string }{
	{"use_qlora", "an adapter trained above quantised weights fits no others, and merging it into the base's own loses what it learned; leave the flag out: a base in bf16 is mapped from its file, not copied into memory"},
	{"optim_args", "the optimizer is AdamW; --adam_beta1, --adam_beta2, --adam_epsilon and --weight_decay are its settings"},
	{"optim_target_modules", "the optimizer is AdamW, for all that is trained"},
	{"adafactor", "the optimizer is AdamW"},
	{"lr_scheduler_kwargs", "schedules have no settings but their warm-up"},
	{"neftune_noise_alpha", "embeddings of words get no noise"},
	{"group_by_length", "batches are drawn by key, whatever the length of texts"},
	{"unified_finetuning", denseAlone + ", not sparse and multi-vector heads"},
	{"use_self_distill", denseAlone + ", not sparse and multi-vector heads"},
	{"fix_encoder", "the encoder is what is trained"},
}

// trainerOptions are the options of quarry finetune that mean the same as a trainer's flags.
func trainerOptions(a pythonArgs, kind trainer) (FinetuneOptions, error) {
	o := FinetuneOptions{Tune: finetune.DefaultOptions(), Examples: ExampleOptions{a.number("example_query_max_len"), a.number("example_passage_max_len"), 0}, Metrics: defaultMetrics(), set: set{}}
	for _, n := range notHere {
		standard := pythonArgs{flags: a.flags}.text(n.flag)
		if a.given(n.flag) && a.text(n.flag) != standard && !falsy(a, n.flag) {
			return o, fmt.Errorf("--%s %s: not supported: %s", n.flag, a.text(n.flag), n.instead)
		}
	}
	if err := o.takeMerges(a, kind); err != nil {
		return o, err
	}
	var err error
	if o.Eval, err = evalSet(a); err != nil {
		return o, err
	}
	if o.Mix, err = trainData(a); err != nil {
		return o, err
	}
	o.Kinds = a.truth("same_dataset_within_batch")
	o.Train, o.Dev, o.Output = a.list("train_data")[0], a.text("eval_data"), a.text("output_dir")
	normalize := a.truth("normalize_embeddings")
	pooling := map[string]string{"cls": "cls", "mean": "mean", "last_token": "lasttoken"}[a.text("sentence_pooling_method")]
	o.Model = ModelOptions{Model: a.text("model_name_or_path"), Pooling: pooling, Normalize: &normalize, SpecialTokens: a.list("additional_special_tokens"), EOS: kind == ofDecoders}
	o.Engine.Precision = "auto"
	o.SaveEvery = a.number("save_steps")
	if err := o.takeTraining(a, kind); err != nil {
		return o, err
	}
	return o, o.takeTexts(a)
}

// falsy says whether a switch was given and is off, in whatever spelling.
func falsy(a pythonArgs, name string) bool {
	i := slices.IndexFunc(a.flags, func(f pythonFlag) bool { return f.name == name })
	switch a.flags[i].kind {
	case pythonBool:
		return !a.truth(name)
	case pythonInt, pythonFloat:
		return a.float(name) == 0
	}
	return false
}

// takeTraining takes what decides the steps. Batches of several devices share their columns with negatives_cross_device
// and are blocks apart without it, as those of accumulation always are.
func (o *FinetuneOptions) takeTraining(a pythonArgs, kind trainer) error {
	t := &o.Tune
	if kind == ofEncoders || !a.truth("use_lora") && !a.given("from_peft") { // which goes before it there
		t.Method = finetune.Full
	} else {
		t.Method = finetune.LoRA
		if a.truth("save_lora_every_epoch") {
			o.Checkpoints = loraEpochs
		}
		o.Adapter = a.text("from_peft")
		t.LoRA.ModulesToSave = a.values["modules_to_save"]
		t.LoRA.Rank, t.LoRA.Alpha, t.LoRA.Dropout = a.number("lora_rank"), a.float("lora_alpha"), a.float("lora_dropout")
	}
	o.Targets = strings.Join(a.list("target_modules"), ",")
	epochs, batch := a.float("num_train_epochs"), a.number("per_device_train_batch_size")
	epochsFlag := "num_train_epochs"
	if a.given("epochs") {
		epochsFlag, epochs = "epochs", a.float("epochs")
	}
	if a.given("batch_size") {
		batch = a.number("batch_size")
	}
	if a.number("max_steps") > 0 { // which takes their place
		epochs = max(1, math.Ceil(epochs))
	}
	if !(epochs >= 1) || epochs != math.Trunc(epochs) || epochs > math.MaxInt32 {
		return fmt.Errorf("--%s %v: want a whole number from 1 on", epochsFlag, epochs)
	}
	devices, accumulate := a.number("num_gpus"), a.number("gradient_accumulation_steps")
	if devices < 1 || accumulate < 1 || batch < 1 {
		return fmt.Errorf("--num_gpus %d, --gradient_accumulation_steps %d, a batch of %d: at least 1 each", devices, accumulate, batch)
	}
	t.Epochs, t.Batch, t.Accumulate = int(epochs), batch*devices*accumulate, accumulate
	if !a.truth("negatives_cross_device") {
		t.Accumulate *= devices
	}
	// Whole batches of one dataset, decoder_only.icl's only way, leave the last one out.
	t.DropLast = a.truth("dataloader_drop_last") || a.truth("same_dataset_within_batch")
	t.GroupSize, t.LearningRate, t.Schedule, t.WarmupRatio = a.number("train_group_size"), a.float("learning_rate"), finetune.Schedule(a.text("lr_scheduler_type")), a.float("warmup_ratio")
	if err := o.takeWarmup(a.float("warmup_steps")); err != nil {
		return err
	}
	t.WeightDecay, t.Beta1, t.Beta2, t.Epsilon, t.Clip = a.float("weight_decay"), a.float("adam_beta1"), a.float("adam_beta2"), a.float("adam_epsilon"), a.float("max_grad_norm")
	t.Temperature, t.MaskKnownPositives, t.MaxSteps = a.float("temperature"), false, max(0, a.number("max_steps")) // FlagEmbedding masks nothing
	o.StepsFirst = true
	if a.number("seed") < 0 {
		return fmt.Errorf("--seed %s: want a whole number from 0 on", a.text("seed"))
	}
	t.Seed = uint64(a.number("seed"))
	t.FixPositions, t.ShuffleRatio = a.truth("fix_position_embedding"), a.float("shuffle_ratio")
	if !(t.ShuffleRatio >= 0 && t.ShuffleRatio <= 1) {
		return fmt.Errorf("--shuffle_ratio %s: want a share between 0 and 1", a.text("shuffle_ratio"))
	}
	if a.truth("knowledge_distillation") {
		t.Distill = finetune.Distillation(a.text("kd_loss_type"))
	}
	return o.takeParts(a)
}

// takeWarmup takes --warmup_steps as transformers does: what is above 0 goes before --warmup_ratio, and is steps from 1 on, else a share of all.
func (o *FinetuneOptions) takeWarmup(steps float64) error {
	switch {
	case !(steps >= 0 && steps <= math.MaxInt32):
		return fmt.Errorf("--warmup_steps %v: want steps from 1 on, or a share of them below 1", steps)
	case steps >= 1:
		o.Tune.WarmupSteps = int(steps)
	case steps > 0:
		o.Tune.WarmupRatio = steps
	}
	return nil
}

// takeParts takes the parts of vectors that are trained as vectors of their own. FlagEmbedding takes the mean of their losses.
func (o *FinetuneOptions) takeParts(a pythonArgs) error {
	if !a.truth("use_mrl") {
		return nil
	}
	if !a.truth("normalize_embeddings") {
		return errors.New("--use_mrl with --normalize_embeddings False: not supported: parts of vectors are compared at length 1")
	}
	dims := a.list("mrl_dims")
	if len(dims) == 0 {
		return errors.New("--use_mrl needs --mrl_dims")
	}
	for _, text := range dims {
		dim, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("--mrl_dims %q: want whole numbers", text)
		}
		o.Parts, o.Weights = append(o.Parts, dim), append(o.Weights, 1/float64(len(dims)))
	}
	return nil
}

// takeTexts takes prompts, lengths and examples. A flag of decoder_only.icl's own makes it that trainer.
func (o *FinetuneOptions) takeTexts(a pythonArgs) error {
	o.Texts.set = set{"query-max-length": true, "passage-max-length": true}
	o.Texts.QueryMaxLength, o.Texts.PassageMaxLength, o.Texts.underscores = a.number("query_max_len"), a.number("passage_max_len"), true
	for _, kind := range []struct {
		name string
		into **prompt.Template
	}{{"query", &o.Texts.queryTemplate}, {"passage", &o.Texts.passageTemplate}} {
		t := prompt.Template("")
		if instruction := kind.name + "_instruction_for_retrieval"; a.given(instruction) {
			format, err := prompt.ParseFormat(a.text(kind.name + "_instruction_format"))
			if err != nil {
				return fmt.Errorf("--%s_instruction_format: %w", kind.name, err)
			}
			if t, err = format.With(a.text(instruction)); err != nil {
				return fmt.Errorf("--%s: %w", instruction, err)
			}
		}
		*kind.into = &t
	}
	format, err := prompt.ParseFormat(a.text("query_instruction_format"))
	if err != nil {
		return fmt.Errorf("--query_instruction_format: %w", err)
	}
	o.Texts.rowFormat = format
	if !slices.ContainsFunc(flagsOfExamples, a.given) {
		return nil
	}
	suffix := a.text("icl_suffix_str")
	o.Texts.QuerySuffix = &suffix
	if a.truth("retrieval_use_examples") {
		o.Tune.Examples = examplesShown(a)
		if o.Texts.QueryMaxLength <= 512 {
			o.Examples.Tokens = 1 // as there: nothing is left for examples, and none fits
		}
	}
	return nil
}
