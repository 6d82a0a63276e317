package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// scriptLine is all that icl_finetune.sh takes.
var scriptLine = strings.Fields(`--epochs 5 --batch_size 8 --train_data t.jsonl --eval_data d.jsonl --num_gpus 2 --gpu_ids 0,1 --output_dir o --model_name_or_path m
	--gradient_accumulation_steps 1 --learning_rate 1e-4 --knowledge_distillation False`)

// TestTheScriptsOwnFlags: with them alone the training is the one of the whole line that the script makes of them.
func TestTheScriptsOwnFlags(t *testing.T) {
	options := func(words []string) FinetuneOptions {
		a, err := parsePython(words, trainerFlags)
		mustBe(t, err)
		if !a.ofScript() {
			t.Errorf("%q is no line of the script", words)
		}
		a, passed := a.asScript()
		if (len(passed) > 0) != (len(words) == len(scriptLine)) {
			t.Errorf("passed on: %q", passed)
		}
		o, err := trainerOptions(a, ofDecoders)
		mustBe(t, err)
		return o
	}
	short, long := options(scriptLine), options(append(slices.Clone(reference), "--query_instruction_for_retrieval", scriptValues["query_instruction_for_retrieval"][0], "--temperature", "0.02"))
	if diff := cmp.Diff(long.Tune, short.Tune); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(long.Model, short.Model, cmp.AllowUnexported(ModelOptions{}, foundModel{}), cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Model" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
	if l, s := long.Texts, short.Texts; *l.queryTemplate != *s.queryTemplate || *l.QuerySuffix != *s.QuerySuffix || l.QueryMaxLength != s.QueryMaxLength || l.PassageMaxLength != s.PassageMaxLength {
		t.Errorf("texts %+v, want %+v", s, l)
	}
	if short.Examples != long.Examples || short.Merges != long.Merges || short.Checkpoints != loraEpochs || short.Tune.Method != finetune.LoRA || short.Dev != "d.jsonl" {
		t.Errorf("%+v", short)
	}
}

func TestLinesOfTheScript(t *testing.T) {
	const needed = "--model_name_or_path m --train_data t --output_dir o "
	for _, tc := range []struct {
		words string
		want  bool
	}{
		{"--eval_data d --learning_rate 2e-4", true},
		{"--num_gpus 2", true},
		{"--epochs 3 --lora_rank 8", true},
		{"--gpu_ids 0", true},
		{"", false},
		{"--num_gpus 2 --temperature 0.02", false}, // torchrun's number in front of a whole line of the trainer
		{"--eval_data d --use_lora True", false},
	} {
		a, err := parsePython(strings.Fields(needed+tc.words), trainerFlags)
		mustBe(t, err)
		if a.ofScript() != tc.want {
			t.Errorf("%q: %t", tc.words, !tc.want)
		}
	}
	a, err := parsePython(strings.Fields(needed+"--epochs 3 --lora_rank 8"), trainerFlags)
	mustBe(t, err)
	a, passed := a.asScript()
	const want = `--dataloader_drop_last True, --example_passage_max_len 128, --example_query_max_len 384, --icl_suffix_str \n<response>, --learning_rate 1e-4, --lora_alpha 32, ` +
		`--negatives_cross_device True, --query_instruction_for_retrieval Given a multiple choice math question an…, --query_instruction_format <instruct>{}\n<query>{}, --query_max_len 1024, ` +
		`--same_dataset_within_batch True, --save_lora_every_epoch True, --save_merged_lora_model True, --sentence_pooling_method last_token, --warmup_ratio 0.1`
	if got := strings.Join(passed, ", "); got != want {
		t.Errorf("passed on: %s", got)
	}
	if o, err := trainerOptions(a, ofDecoders); err != nil || o.Tune.LoRA.Rank != 8 || o.Tune.Epochs != 3 || o.Tune.LoRA.Alpha != 32 {
		t.Errorf("what is said goes first: %+v, %v", o.Tune, err)
	}
}

// TestFirstTokenOfACausalModel: training it is an error in every mode, embedding by it a warning.
func TestFirstTokenOfACausalModel(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	smallDecoder(t, p)
	p.write(t, "rows.jsonl", `{"query":"w3 w4","pos":["w5"],"neg":["w6"]}`+"\n")
	p.write(t, "texts.jsonl", `{"text":"w3"}`+"\n")
	for _, words := range [][]string{
		{"finetune", "--model_name_or_path", p.path("bge-en-icl"), "--train_data", p.path("rows.jsonl"), "--output_dir", p.path("out")}, // whose default it is
		{"finetune", "--model", p.path("bge-en-icl"), "--train", p.path("rows.jsonl"), "--output", p.path("out"), "--pooling", "cls"},
	} {
		if h := newTestHost(); h.run(t, words...) != exitBadInput || !strings.Contains(h.err.String(), "its first token sees no other") {
			t.Errorf("%q: %s", words, h.err.String())
		}
	}
	h := newTestHost()
	if code := h.run(t, "embed", "--model", p.path("bge-en-icl"), "--input", p.path("texts.jsonl"), "--output", p.path("v.npy"), "--pooling", "cls"); !strings.Contains(h.err.String(), "warning: --model: ") {
		t.Errorf("embed: exit code %d: %s", code, h.err.String())
	}
}
