package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

// reference is what icl_finetune.sh passes on, by the README's numbers.
var reference = strings.Fields(`--model_name_or_path m --cache_dir c --use_lora True --lora_rank 64 --lora_alpha 32 --lora_dropout 0.1
	--target_modules q_proj k_proj v_proj o_proj gate_proj down_proj up_proj --save_merged_lora_model True --use_qlora False
	--save_lora_every_epoch True --output_dir o --overwrite_output_dir --learning_rate 1e-4 --fp16 --num_train_epochs 5
	--per_device_train_batch_size 8 --per_device_eval_batch_size 8 --gradient_accumulation_steps 1 --dataloader_drop_last True
	--warmup_ratio 0.1 --gradient_checkpointing --deepspeed f.json --logging_steps 1 --save_steps 500 --negatives_cross_device
	--save_total_limit 2 --temperature 0.02 --sentence_pooling_method last_token --normalize_embeddings True --kd_loss_type kl_div
	--train_data t.jsonl --eval_data d.jsonl --eval_corpus_path c.jsonl --eval_queries_path q.jsonl --eval_examples_path e.json --cache_path p
	--train_group_size 8 --query_max_len 1024 --passage_max_len 128 --pad_to_multiple_of 8 --query_instruction_for_retrieval Find
	--query_instruction_format <instruct>{}\n<query>{} --knowledge_distillation False --same_dataset_within_batch True --small_threshold 0
	--drop_threshold 0 --example_query_max_len 384 --example_passage_max_len 128 --retrieval_use_examples True
	--icl_suffix_str \n<response> --num_gpus 2 --gpu_ids 0,1`)

func TestTheReferencesTraining(t *testing.T) {
	a, err := parsePython(reference, trainerFlags)
	mustBe(t, err)
	o, err := trainerOptions(a, ofDecoders)
	mustBe(t, err)
	if _, err := o.validate(); err != nil {
		t.Fatal(err)
	}
	want := finetune.Options{
		Method: finetune.LoRA, Epochs: 5, Batch: 16, GroupSize: 8, Accumulate: 1, DropLast: true, LearningRate: 1e-4, Schedule: finetune.Linear, WarmupRatio: 0.1,
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Clip: 1, Temperature: 0.02, Dropout: true, Examples: 2, BlockTokens: 2048, Seed: 42,
	}
	got := o.Tune
	got.LoRA = finetune.LoRAOptions{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if l := o.Tune.LoRA; l.Rank != 64 || l.Alpha != 32 || l.Dropout != 0.1 || !slices.Equal(l.TargetModules, []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj", "up_proj"}) {
		t.Errorf("lora %+v", l)
	}
	if steps := o.Tune.Steps(3506); steps != 1095 {
		t.Errorf("%d steps, want the reference's 1095", steps)
	}
	if o.Train != "t.jsonl" || o.Dev != "d.jsonl" || o.Output != "o" || o.SaveEvery != 500 || o.Model.Pooling != "lasttoken" || !*o.Model.Normalize {
		t.Errorf("files and model: %+v", o)
	}
	if x := o.Texts; x.queryTemplate.Apply("q") != "<instruct>Find\n<query>q" || *x.QuerySuffix != `\n<response>` || x.QueryMaxLength != 1024 || x.PassageMaxLength != 128 || *x.passageTemplate != "" {
		t.Errorf("texts: %+v", x)
	}
	if o.Examples != (ExampleOptions{384, 128, 0}) {
		t.Errorf("examples: %+v", o.Examples)
	}
	h := newTestHost()
	a.tell(h.host)
	for _, flag := range []string{"cache_dir", "deepspeed", "fp16", "gradient_checkpointing", "logging_steps", "save_total_limit", "pad_to_multiple_of", "gpu_ids"} {
		if n := strings.Count(h.err.String(), "--"+flag+": "); n != 1 {
			t.Errorf("--%s is told of %d times", flag, n)
		}
	}
	if n := strings.Count(h.err.String(), "\n"); n > 25 || strings.Contains(h.err.String(), "--lora_rank") {
		t.Errorf("%d lines:\n%s", n, h.err.String())
	}
}

func TestTrainerFlags(t *testing.T) {
	needed := strings.Fields("--model_name_or_path m --train_data t.jsonl --output_dir o")
	for _, tc := range []struct {
		name  string
		words string
		check func(FinetuneOptions) bool
	}{
		{"columns stay on their device", "--num_gpus 2 --per_device_train_batch_size 4 --gradient_accumulation_steps 3", func(o FinetuneOptions) bool { return o.Tune.Batch == 24 && o.Tune.Accumulate == 6 }},
		{"columns across devices", "--num_gpus 2 --per_device_train_batch_size 4 --gradient_accumulation_steps 3 --negatives_cross_device", func(o FinetuneOptions) bool { return o.Tune.Batch == 24 && o.Tune.Accumulate == 3 }},
		{"the script's own names", "--epochs 2 --batch_size 3", func(o FinetuneOptions) bool { return o.Tune.Epochs == 2 && o.Tune.Batch == 3 }},
		{"steps in place of epochs", "--num_train_epochs 0.5 --max_steps 7", func(o FinetuneOptions) bool { return o.Tune.MaxSteps == 7 && o.Tune.Epochs == 1 && o.StepsFirst }},
		{"in full", "--use_lora no", func(o FinetuneOptions) bool { return o.Tune.Method == finetune.Full }},
		{"the plain trainer shows no examples", "--query_max_len 64", func(o FinetuneOptions) bool { return o.Tune.Examples == 0 && o.Texts.QuerySuffix == nil }},
		{"examples need more than 512 tokens", "--icl_suffix_str x --query_max_len 512", func(o FinetuneOptions) bool { return o.Tune.Examples == 5 && o.Examples.Tokens == 1 }},
		{"the fork shows two", "--retrieval_use_examples True --query_max_len 600 --save_lora_every_epoch False", func(o FinetuneOptions) bool { return o.Tune.Examples == 2 }},
		{"upstream shows five", "--retrieval_use_examples True --query_max_len 600", func(o FinetuneOptions) bool { return o.Tune.Examples == 5 }},
		{"no examples", "--retrieval_use_examples False", func(o FinetuneOptions) bool { return o.Tune.Examples == 0 && *o.Texts.QuerySuffix == `\nResponse:` }},
		{"what is off is no request", "--use_mrl False --mrl_dims 8 --shuffle_ratio 0.0 --knowledge_distillation no", func(o FinetuneOptions) bool { return o.Tune.Distill == "" && o.Parts == nil }},
		{"distillation", "--knowledge_distillation True", func(o FinetuneOptions) bool { return o.Tune.Distill == finetune.KLDiv && o.Teacher == "" }},
		{"distillation alone", "--knowledge_distillation --kd_loss_type m3_kd_loss", func(o FinetuneOptions) bool { return o.Tune.Distill == finetune.M3KD }},
		{"steps of warm-up go before their share", "--warmup_ratio 0.5 --warmup_steps 10", func(o FinetuneOptions) bool { return o.Tune.Warmup(100) == 10 }},
		{"no steps of warm-up", "--warmup_ratio 0.5 --warmup_steps 0", func(o FinetuneOptions) bool { return o.Tune.Warmup(100) == 50 }},
		{"a share of steps, as transformers 5 has it", "--warmup_steps 0.25", func(o FinetuneOptions) bool { return o.Tune.Warmup(90) == 23 }},
		{"an adapter that nobody reads", "--peft_model_path x", func(o FinetuneOptions) bool { return o.Tune.Method == finetune.LoRA }},
		{"an adapter that is trained on", "--from_peft x --use_lora False", func(o FinetuneOptions) bool { return o.Adapter == "x" && o.Tune.Method == finetune.LoRA }},
		{"one file is no matter of datasets", "--same_dataset_within_batch True --drop_threshold 5", func(o FinetuneOptions) bool { return o.Mix == nil && o.Tune.DropLast }},
		{"datasets", "--train_data a.jsonl b.jsonl --same_dataset_within_batch True --small_threshold 3 --drop_threshold 4 --max_example_num_per_dataset 5", func(o FinetuneOptions) bool {
			return slices.Equal(o.Mix.Paths, []string{"a.jsonl", "b.jsonl"}) && o.Mix.Apart && o.Mix.Small == 3 && o.Mix.Drop == 4 && o.Mix.Most == 5
		}},
		{"modules trained whole", "--modules_to_save embed_tokens norm", func(o FinetuneOptions) bool {
			return slices.Equal(o.Tune.LoRA.ModulesToSave, []string{"embed_tokens", "norm"})
		}},
		{"transformers' own flags", "--optim adamw_torch --neftune_noise_alpha 0 --group_by_length False --save_only_model --load_best_model_at_end False --eval_steps 0.1 --ddp_timeout 9 --torch_compile False --label_smoothing_factor 0.1 --push_to_hub False --save_strategy best --eval_strategy steps --logging_strategy epoch --log_level passive --half_precision_backend auto", func(o FinetuneOptions) bool {
			return o.Tune.Method == finetune.LoRA
		}},
		{"positives shuffled", "--shuffle_ratio 0.25", func(o FinetuneOptions) bool { return o.Tune.ShuffleRatio == 0.25 }},
		{"positions stay", "--fix_position_embedding", func(o FinetuneOptions) bool { return o.Tune.FixPositions }},
		{"merges", "--raw_peft a --save_merged_lora_model True", func(o FinetuneOptions) bool { return o.Merges == trainerMerges{"a", true, false} }},
		{"a merge alone", "--only_merge_lora_model --save_merged_lora_model", func(o FinetuneOptions) bool { return o.Merges == trainerMerges{"", true, true} }},
		{"special tokens", "--additional_special_tokens <instruct> <query>", func(o FinetuneOptions) bool {
			return slices.Equal(o.Model.SpecialTokens, []string{"<instruct>", "<query>"})
		}},
		{"the mean of the parts' losses", "--use_mrl True --mrl_dims 8 16", func(o FinetuneOptions) bool {
			return slices.Equal(o.Parts, []int{8, 16}) && slices.Equal(o.Weights, []float64{0.5, 0.5})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := parsePython(append(slices.Clone(needed), strings.Fields(tc.words)...), trainerFlags)
			mustBe(t, err)
			o, err := trainerOptions(a, ofDecoders)
			if err != nil || !tc.check(o) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
	for _, tc := range []struct{ words, want string }{
		{"--optim sgd", `--optim "sgd": want one of adamw_torch`},
		{"--adafactor", "--adafactor True: not supported: the optimizer is AdamW"},
		{"--neftune_noise_alpha 5", "--neftune_noise_alpha 5: not supported: embeddings of words get no noise"},
		{"--lr_scheduler_kwargs {\"num_cycles\":2}", "schedules have no settings but their warm-up"},
		{"--group_by_length True", "batches are drawn by key"},
		{"--train_sampling_strategy group_by_length", "want one of random"},
		{"--no_such_flag", "unknown flag --no_such_flag"},
		{"--use_qlora True", "--use_qlora True: not supported: an adapter trained above quantised weights fits no others"},
		{"--only_merge_lora_model True", "--only_merge_lora_model does nothing without --save_merged_lora_model True"},
		{"--save_merged_lora_model True --use_lora False", "with --use_lora False no adapter is trained"},
		{"--use_mrl True", "--use_mrl needs --mrl_dims"},
		{"--use_mrl True --mrl_dims many", `--mrl_dims "many": want whole numbers`},
		{"--use_mrl True --mrl_dims 8 --normalize_embeddings False", "parts of vectors are compared at length 1"},
		{"--num_train_epochs 1.5", "--num_train_epochs 1.5: want a whole number"},
		{"--epochs 0", "--epochs 0: want a whole number"},
		{"--lr_scheduler_type polynomial", `--lr_scheduler_type "polynomial": want one of linear`},
		{"--sentence_pooling_method max", "want one of cls, mean, last_token"},
		{"--query_instruction_for_retrieval x --query_instruction_format {}", "--query_instruction_format: "},
		{"--warmup_steps -1", "--warmup_steps -1: want steps from 1 on"},
		{"--train_data a --max_example_num_per_dataset 0", "--max_example_num_per_dataset 0: at least 1"},
		{"--train_data a b_no_in_batch_neg.jsonl --same_dataset_within_batch True", "b_no_in_batch_neg.jsonl: a name that ends with no_in_batch_neg"},
		{"--shuffle_ratio 1.5", "--shuffle_ratio 1.5: want a share between 0 and 1"},
		{"--lora_rank many", `--lora_rank "many": want a whole number`},
		{"--num_gpus 0", "at least 1 each"},
		{"--fp16 maybe", `--fp16 "maybe": want True or False`},
		{"--per_device_eval_batch_size 0", "--per_device_eval_batch_size 0: at least 1"},
		{"--logging_steps -1", "--logging_steps -1: at least 0"},
		{"--dataloader_prefetch_factor some", `--dataloader_prefetch_factor "some": want a whole number`},
		{"--save_strategy bananas", `--save_strategy "bananas": want one of best, no, steps, epoch`},
		{"--eval_strategy best", `--eval_strategy "best": want one of no, steps, epoch`},
		{"--evaluation_strategy x", `--evaluation_strategy "x": want one of no`},
		{"--logging_strategy x", `--logging_strategy "x": want one of no`},
		{"--hub_strategy x", `--hub_strategy "x": want one of end, every_save`},
		{"--log_level loud", `--log_level "loud": want one of detail, debug`},
		{"--log_level_replica loud", `--log_level_replica "loud": want one of detail, debug`},
		{"--fp16_opt_level O4", `--fp16_opt_level "O4": want one of O0`},
		{"--half_precision_backend x", `--half_precision_backend "x": want one of auto, apex, cpu_amp`},
		{"--ddp_backend x", `--ddp_backend "x": want one of nccl`},
		{"--debug x", `--debug "x": want one of underflow_overflow`},
		{"--include_num_input_tokens_seen x", `--include_num_input_tokens_seen "x": want one of no, all, non_padding`},
		{"--dataloader_multiprocessing_context x", `--dataloader_multiprocessing_context "x": want one of fork`},
		{"--eval_steps many", `--eval_steps "many": want a number`},
	} {
		t.Run(tc.words, func(t *testing.T) {
			a, err := parsePython(append(slices.Clone(needed), strings.Fields(tc.words)...), trainerFlags)
			if err == nil {
				_, err = trainerOptions(a, ofDecoders)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// encoderLine is what FlagEmbedding's page on fine-tuning passes to encoder_only.base.
var encoderLine = strings.Fields(`--model_name_or_path m --cache_dir c --train_data t.jsonl --cache_path p --train_group_size 8 --query_max_len 512
	--passage_max_len 512 --pad_to_multiple_of 8 --query_instruction_for_retrieval Find: --query_instruction_format {}{}
	--knowledge_distillation False --output_dir o --overwrite_output_dir --learning_rate 1e-5 --fp16 --num_train_epochs 2
	--per_device_train_batch_size 2 --dataloader_drop_last True --warmup_ratio 0.1 --gradient_checkpointing --deepspeed f.json
	--logging_steps 1 --save_steps 1000 --negatives_cross_device --temperature 0.02 --sentence_pooling_method cls
	--normalize_embeddings True --kd_loss_type kl_div --num_gpus 2`)

func TestTheEncodersTraining(t *testing.T) {
	a, err := parsePython(encoderLine, trainerFlags)
	mustBe(t, err)
	o, err := trainerOptions(a, ofEncoders)
	mustBe(t, err)
	if _, err := o.validate(); err != nil {
		t.Fatal(err)
	}
	want := finetune.Options{
		Method: finetune.Full, Epochs: 2, Batch: 4, GroupSize: 8, Accumulate: 1, DropLast: true, LearningRate: 1e-5, Schedule: finetune.Linear, WarmupRatio: 0.1,
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Clip: 1, Temperature: 0.02, Dropout: true, BlockTokens: 2048, Seed: 42,
	}
	got := o.Tune
	got.LoRA = finetune.LoRAOptions{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if x := o.Texts; x.queryTemplate.Apply("q") != "Find:q" || x.QuerySuffix != nil || x.QueryMaxLength != 512 || x.PassageMaxLength != 512 || *x.passageTemplate != "" {
		t.Errorf("texts: %+v", x)
	}
	if o.Model.Pooling != "cls" || !*o.Model.Normalize || o.SaveEvery != 1000 {
		t.Errorf("model %+v, saved every %d steps", o.Model, o.SaveEvery)
	}
}

// TestTheEncodersDefaults: what encoder_only.base takes where a line says nothing (FlagEmbedding 1.4.2, AbsArguments.py).
func TestTheEncodersDefaults(t *testing.T) {
	a, err := parsePython(strings.Fields("--model_name_or_path m --train_data t.jsonl --output_dir o"), trainerFlags)
	mustBe(t, err)
	o, err := trainerOptions(a, ofEncoders)
	mustBe(t, err)
	if o.Tune.Method != finetune.Full || o.Tune.GroupSize != 8 || o.Tune.Temperature != 0.02 || o.Tune.Distill != "" || o.Tune.LearningRate != 5e-5 || o.Tune.Epochs != 3 {
		t.Errorf("training: %+v", o.Tune)
	}
	if o.Model.Pooling != "cls" || !*o.Model.Normalize || o.Texts.QueryMaxLength != 32 || o.Texts.PassageMaxLength != 128 {
		t.Errorf("model %+v, texts %+v", o.Model, o.Texts)
	}
	if n, flag := o.Texts.length("passage", o.Texts.PassageMaxLength, 512); n != 128 || flag != "--passage_max_len" {
		t.Errorf("passages are cut at %d by %s", n, flag)
	}
}

func TestTrainerKind(t *testing.T) {
	for _, tc := range []struct {
		name, words string
		decoder     bool
		want        trainer
		refused     string
	}{
		{name: "an encoder", want: ofEncoders},
		{name: "a decoder", decoder: true, want: ofDecoders},
		{name: "an encoder by a decoder's flag", words: "--lora_rank 8", want: ofDecoders},
		{name: "an encoder with examples", words: "--retrieval_use_examples False", want: ofDecoders},
		{name: "an encoder by bge-m3's flags, all off", words: "--unified_finetuning False --use_self_distill False --fix_encoder False --self_distill_start_step 0", want: ofEncoders},
		{name: "a decoder by bge-m3's flags", words: "--fix_encoder False", decoder: true, refused: "the model is a decoder"},
		{name: "flags of both", words: "--use_lora True --colbert_dim 8", refused: "--use_lora and --colbert_dim: no trainer of FlagEmbedding has both"},
		{name: "heads of bge-m3", words: "--unified_finetuning True", refused: "--unified_finetuning True: not supported: dense vectors alone are trained"},
		{name: "a fixed encoder", words: "--fix_encoder True", refused: "the encoder is what is trained"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := parsePython(append(strings.Fields("--model_name_or_path m --train_data t.jsonl --output_dir o"), strings.Fields(tc.words)...), trainerFlags)
			mustBe(t, err)
			kind, err := trainerKind(a, func(string) (bool, error) { return tc.decoder, nil })
			if err == nil {
				_, err = trainerOptions(a, kind)
			}
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("got %v, want %q", err, tc.refused)
				}
			} else if err != nil || kind != tc.want {
				t.Errorf("trainer %v, %v", kind, err)
			}
		})
	}
}

// TestTrainAnEncoderByItsTrainersCommand trains a small BERT by the flags of encoder_only.base: all of its weights.
func TestTrainAnEncoderByItsTrainersCommand(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 128})
	p.write(t, "rows.jsonl", `{"query":"one two","pos":["three"],"neg":["four","five"]}
{"query":"two three","pos":["six"],"neg":["four","nine"]}
`)
	h := newTestHost()
	code := h.run(t, "finetune", "--model_name_or_path", p.path("model"), "--train_data", p.path("rows.jsonl"), "--output_dir", p.path("out"),
		"--num_train_epochs", "1", "--per_device_train_batch_size", "2", "--train_group_size", "2", "--learning_rate", "1e-5", "--fp16", "--temperature", "0.02", "--max_steps", "3")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	c, err := model.ReadContract(p.path("out/epoch-1"))
	if err != nil || c == nil || c.Pooling != model.PoolCLS || !c.Normalize {
		t.Errorf("contract %+v, %v", c, err)
	}
	if _, err := os.Stat(p.path("out/epoch-1/model.safetensors")); err != nil {
		t.Error(err)
	}
	if n := strings.Count(p.read(t, "out/steps.jsonl"), "\n"); n != 3 || len(lines(h.out.String())) != 3 { // an epoch has one step
		t.Errorf("%d steps, want --max_steps in place of --num_train_epochs: %s", n, h.out.String())
	}
	h = newTestHost()
	if code := h.run(t, "finetune", "--model_name_or_path", p.path("none"), "--train_data", p.path("rows.jsonl"), "--output_dir", p.path("other")); code != exitBadInput || !strings.Contains(h.err.String(), "--model_name_or_path: ") {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}

// TestTrainAndMergeByTheReferencesCommands trains a small encoder by FlagEmbedding's flags, with examples, and merges its
// adapter by save_merged_model.py's.
func TestTrainAndMergeByTheReferencesCommands(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 600, Vocabulary: distinctWords()})
	p.write(t, "rows.jsonl", `{"query":"one two","pos":["three"],"neg":["four","five"],"prompt":"sum"}
{"query":"two three","pos":["six"],"neg":["four","nine"]}
{"query":"seven","pos":["eight"],"neg":["plus","nine"]}
`)
	h := newTestHost()
	code := h.run(t, "finetune", "--model_name_or_path", p.path("model"), "--train_data", p.path("rows.jsonl"), "--output_dir", p.path("out"),
		"--target_modules", "query", "value", "--lora_rank", "2", "--lora_alpha", "4", "--num_train_epochs", "2", "--per_device_train_batch_size", "3", "--train_group_size", "2",
		"--learning_rate", "1e-2", "--query_max_len", "560", "--passage_max_len", "16", "--sentence_pooling_method", "mean", "--fp16",
		"--query_instruction_for_retrieval", "zero", "--query_instruction_format", `<instruct>{}\n<query>{}`, "--icl_suffix_str", " digit", "--additional_special_tokens", "<instruct>", "<query>", "--seed", "7")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	if !strings.Contains(h.err.String(), "--same_dataset_within_batch is not True: rows of all files mix") {
		t.Errorf("told %q", h.err.String())
	}
	if !strings.Contains(h.err.String(), "--fp16: products are") || !strings.Contains(p.read(t, "out/steps.jsonl"), `"examples":`) {
		t.Errorf("told %q, steps %s", h.err.String(), p.read(t, "out/steps.jsonl"))
	}
	c, err := model.ReadContract(p.path("out/epoch-2"))
	if err != nil || c == nil || c.Query.Template.Apply("q") != "<instruct>zero\n<query>q" || c.Query.Suffix != " digit" || c.Pooling != model.PoolMean {
		t.Errorf("contract %+v, %v", c, err)
	}
	h = newTestHost()
	if code := h.run(t, "merge", "--base_model_path", p.path("model"), "--lora_path", p.path("out/epoch-2"), "--output_dir", p.path("merged"), "--type", "embedder"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	merged, err := model.ReadContract(p.path("merged"))
	if err != nil || merged == nil || merged.Query.Suffix != " digit" {
		t.Errorf("merged contract %+v, %v", merged, err)
	}
	for _, token := range []string{"<instruct>", "<query>"} {
		for _, dir := range []string{"out/epoch-2", "merged"} {
			if !strings.Contains(p.read(t, dir+"/tokenizer.json"), `"content": "`+token+`"`) {
				t.Errorf("%s: no token %s", dir, token)
			}
		}
	}
	before, err := model.Open(p.path("model"), model.Options{})
	mustBe(t, err)
	defer before.Close()
	after, err := model.Open(p.path("merged"), model.Options{})
	mustBe(t, err)
	defer after.Close()
	if after.Config.VocabSize != before.Config.VocabSize+2 {
		t.Errorf("%d rows, want two more than %d", after.Config.VocabSize, before.Config.VocabSize)
	}
}
