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
	o, err := trainerOptions(a)
	mustBe(t, err)
	if _, err := o.validate(); err != nil {
		t.Fatal(err)
	}
	want := finetune.Options{
		Method: finetune.LoRA, Epochs: 5, Batch: 16, GroupSize: 8, Accumulate: 1, DropLast: true, LearningRate: 1e-4, Schedule: finetune.Linear, WarmupRatio: 0.1,
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Clip: 1, Temperature: 0.02, Dropout: true, Examples: 5, BlockTokens: 2048, Seed: 42,
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
	for _, flag := range []string{"cache_dir", "deepspeed", "fp16", "gradient_checkpointing", "logging_steps", "save_total_limit", "pad_to_multiple_of", "gpu_ids", "save_merged_lora_model", "eval_corpus_path"} {
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
		{"in full", "--use_lora no", func(o FinetuneOptions) bool { return o.Tune.Method == finetune.Full }},
		{"the plain trainer shows no examples", "--query_max_len 64", func(o FinetuneOptions) bool { return o.Tune.Examples == 0 && o.Texts.QuerySuffix == nil }},
		{"examples need more than 512 tokens", "--icl_suffix_str x --query_max_len 512", func(o FinetuneOptions) bool { return o.Tune.Examples == 5 && o.Examples.Tokens == 1 }},
		{"no examples", "--retrieval_use_examples False", func(o FinetuneOptions) bool { return o.Tune.Examples == 0 && *o.Texts.QuerySuffix == `\nResponse:` }},
		{"what is off is no request", "--use_mrl False --mrl_dims 8 --shuffle_ratio 0.0 --knowledge_distillation no", func(o FinetuneOptions) bool { return o.Tune.Distill == "" && o.Parts == nil }},
		{"distillation", "--knowledge_distillation True", func(o FinetuneOptions) bool { return o.Tune.Distill == finetune.KLDiv && o.Teacher == "" }},
		{"distillation alone", "--knowledge_distillation --kd_loss_type m3_kd_loss", func(o FinetuneOptions) bool { return o.Tune.Distill == finetune.M3KD }},
		{"the mean of the parts' losses", "--use_mrl True --mrl_dims 8 16", func(o FinetuneOptions) bool {
			return slices.Equal(o.Parts, []int{8, 16}) && slices.Equal(o.Weights, []float64{0.5, 0.5})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := parsePython(append(slices.Clone(needed), strings.Fields(tc.words)...), trainerFlags)
			mustBe(t, err)
			o, err := trainerOptions(a)
			if err != nil || !tc.check(o) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
	for _, tc := range []struct{ words, want string }{
		{"--use_qlora True", "--use_qlora True: not supported: bases are never quantised"},
		{"--additional_special_tokens <a> <b>", "--additional_special_tokens <a> <b>: not supported"},
		{"--use_mrl True", "--use_mrl needs --mrl_dims"},
		{"--use_mrl True --mrl_dims many", `--mrl_dims "many": want whole numbers`},
		{"--use_mrl True --mrl_dims 8 --normalize_embeddings False", "parts of vectors are compared at length 1"},
		{"--num_train_epochs 1.5", "--num_train_epochs 1.5: want a whole number"},
		{"--lr_scheduler_type polynomial", `--lr_scheduler_type "polynomial": want one of linear`},
		{"--sentence_pooling_method max", "want one of cls, mean, last_token"},
		{"--query_instruction_for_retrieval x --query_instruction_format {}", "--query_instruction_format: "},
		{"--train_data a b", "--train_data: 2 files"},
		{"--warmup_steps 10", "give --warmup_ratio"},
		{"--lora_rank many", `--lora_rank "many": want a whole number`},
		{"--num_gpus 0", "at least 1 each"},
		{"--peft_model_path x", "fresh adapter"},
	} {
		t.Run(tc.words, func(t *testing.T) {
			a, err := parsePython(append(slices.Clone(needed), strings.Fields(tc.words)...), trainerFlags)
			if err == nil {
				_, err = trainerOptions(a)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestTrainAndMergeByTheReferencesCommands trains a small encoder by FlagEmbedding's flags, with examples, and merges its
// adapter by save_merged_model.py's.
func TestTrainAndMergeByTheReferencesCommands(t *testing.T) {
	p := newProject(t, tinymodel.Options{Positions: 600})
	p.write(t, "rows.jsonl", `{"query":"one two","pos":["three"],"neg":["four","five"],"prompt":"sum"}
{"query":"two three","pos":["six"],"neg":["four","nine"]}
{"query":"seven","pos":["eight"],"neg":["plus","nine"]}
`)
	h := newTestHost()
	code := h.run(t, "finetune", "--model_name_or_path", p.path("model"), "--train_data", p.path("rows.jsonl"), "--output_dir", p.path("out"),
		"--target_modules", "query", "value", "--lora_rank", "2", "--lora_alpha", "4", "--num_train_epochs", "2", "--per_device_train_batch_size", "3", "--train_group_size", "2",
		"--learning_rate", "1e-2", "--query_max_len", "560", "--passage_max_len", "16", "--sentence_pooling_method", "mean", "--fp16",
		"--query_instruction_for_retrieval", "zero", "--query_instruction_format", `{}\n{}`, "--icl_suffix_str", " digit", "--seed", "7")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	if !strings.Contains(h.err.String(), "--fp16: products are") || !strings.Contains(p.read(t, "out/steps.jsonl"), `"examples":`) {
		t.Errorf("told %q, steps %s", h.err.String(), p.read(t, "out/steps.jsonl"))
	}
	c, err := model.ReadContract(p.path("out/epoch-2"))
	if err != nil || c == nil || c.Query.Template.Apply("q") != "zero\nq" || c.Query.Suffix != " digit" || c.Pooling != model.PoolMean {
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
	if _, err := os.Stat(p.path("merged/model.safetensors")); err != nil {
		t.Error(err)
	}
	h = newTestHost()
	if code := h.run(t, "merge", "--base_model_path", p.path("model"), "--lora_path", "x", "--output_dir", "y", "--type", "reranker"); code != exitBadInput || !strings.Contains(h.err.String(), "quarry merges embedders") {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}
