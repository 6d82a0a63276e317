package main

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// trainerProject has a tiny encoder, rows to train on and others to judge by.
func trainerProject(t *testing.T) project {
	p := newProject(t, tinymodel.Options{Positions: 128, Vocabulary: distinctWords()})
	long := strings.Repeat("seven eight nine ", 8) // more than 100 characters
	p.write(t, "rows.jsonl", `{"query":"one two","pos":["`+long+`"],"neg":["four","five"]}
{"query":"two three","pos":["six"],"neg":["four","nine"]}
{"query":"seven","pos":["eight"],"neg":["plus","nine"]}
`)
	p.write(t, "dev.jsonl", `{"query":"nine","pos":["eight"],"neg":["plus"]}
{"query":"three","pos":["six"],"neg":["five"]}
`)
	return p
}

// trainHere runs quarry finetune by FlagEmbedding's flags.
func trainHere(t *testing.T, p project, output string, more ...string) (int, *testHost) {
	h := newTestHost()
	return h.run(t, append([]string{"finetune", "--model_name_or_path", p.path("model"), "--train_data", p.path("rows.jsonl"), "--eval_data", p.path("dev.jsonl"), "--output_dir", p.path(output),
		"--num_train_epochs", "2", "--per_device_train_batch_size", "3", "--train_group_size", "2", "--learning_rate", "1e-2", "--sentence_pooling_method", "mean", "--passage_max_len", "64",
		"--target_modules", "query", "value", "--lora_rank", "2", "--lora_alpha", "4", "--lora_dropout", "0"}, more...)...), h
}

// evalLoss is that of an epoch as it is printed.
func evalLoss(t *testing.T, h *testHost, epoch int) float64 {
	t.Helper()
	for _, line := range lines(h.out.String()) {
		if text, ok := strings.CutPrefix(line, "epoch "+strconv.Itoa(epoch)+" "); ok {
			_, loss, _ := strings.Cut(text, "eval_loss ")
			v, err := strconv.ParseFloat(strings.Fields(loss)[0], 64)
			mustBe(t, err)
			return v
		}
	}
	t.Fatalf("no epoch %d in %q", epoch, h.out.String())
	return 0
}

// TestTrainersMergeBeforeAndBehind: --raw_peft is in the base before a fresh adapter is trained, with the tokens that it brings;
// --save_merged_lora_model makes a model of the last epoch; both once.
func TestTrainersMergeBeforeAndBehind(t *testing.T) {
	p := trainerProject(t)
	code, first := trainHere(t, p, "first", "--additional_special_tokens", "<instruct>")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, first.err.String())
	}
	raw := []string{"--raw_peft", p.path("first/epoch-2"), "--save_merged_lora_model", "True"}
	code, second := trainHere(t, p, "second", raw...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, second.err.String())
	}
	if was, is := evalLoss(t, first, 2), evalLoss(t, second, 0); math.Abs(was-is) > 2e-4 || is == evalLoss(t, first, 0) {
		t.Errorf("the base with the adapter has eval_loss %v, want %v", is, was)
	}
	for _, dir := range []string{"second/raw_peft", "second/merged_model"} {
		m, err := model.Open(p.path(dir), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := m.Tokenizer.ID("<instruct>"); !ok {
			t.Errorf("%s: no token <instruct>", dir)
		}
		mustBe(t, m.Close())
	}
	if !strings.Contains(p.read(t, "second/epoch-2/adapter_config.json"), `"base_model_name_or_path": "`+p.path("second/raw_peft")+`"`) {
		t.Error("the adapter does not name the model that it belongs to")
	}
	if config := p.read(t, "second/merged_model/README.md"); !strings.Contains(config, "epoch-2") {
		t.Errorf("merged is %s", config)
	}
	code, again := trainHere(t, p, "second", raw...)
	if code != exitDone || strings.Count(again.err.String(), "is there already") != 2 {
		t.Errorf("again: exit code %d: %s", code, again.err.String())
	}
	mustBe(t, os.RemoveAll(p.path("second/merged_model")))
	code, alone := trainHere(t, p, "second", append(raw, "--only_merge_lora_model")...)
	if code != exitDone || alone.out.String() != "" || strings.Count(alone.err.String(), "is there already") != 1 {
		t.Errorf("a merge alone: exit code %d: %s%s", code, alone.out.String(), alone.err.String())
	}
	if _, err := os.Stat(p.path("second/merged_model/model.safetensors")); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		name, want string
		output     string
		more       []string
	}{
		{"another adapter", "is there and is no merge of", "second", []string{"--raw_peft", p.path("first/epoch-1")}},
		{"a token that is not in it", "is there and has not all of --additional_special_tokens <instruct> <query>", "second", append(raw, "--additional_special_tokens", "<instruct>", "<query>")},
		{"a token that was not asked for", "additional_special_tokens", "second", append(raw, "--additional_special_tokens", "<instruct>")},
		{"a merge of nothing", "holds no epoch-N with an adapter", "second/raw_peft", []string{"--only_merge_lora_model", "--save_merged_lora_model"}},
		{"no adapter", "--raw_peft: ", "third", []string{"--raw_peft", p.path("model")}},
		{"an adapter of nowhere", "--raw_peft: ", "third", []string{"--raw_peft", p.path("nowhere")}},
	} {
		if code, h := trainHere(t, p, tc.output, tc.more...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
			t.Errorf("%s: exit code %d: %s", tc.name, code, h.err.String())
		}
	}
}

// TestTrainersSaveModules: --modules_to_save is trained, stored, merged and trained on; --from_peft goes on with it, and with a
// vocabulary that has grown, where the adapter stands.
func TestTrainersSaveModules(t *testing.T) {
	p := trainerProject(t)
	code, first := trainHere(t, p, "first", "--modules_to_save", "embeddings.LayerNorm", "--additional_special_tokens", "<instruct>", "--save_merged_lora_model", "True")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, first.err.String())
	}
	const norm, table = "embeddings.LayerNorm.weight", "embeddings.word_embeddings.weight"
	values := func(path, name string) []float32 {
		t.Helper()
		f, err := safetensors.Open(p.path(path))
		mustBe(t, err)
		defer f.Close()
		tensor, err := f.Tensor(name)
		mustBe(t, err)
		v, err := tensor.Float32s()
		mustBe(t, err)
		return slices.Clone(v)
	}
	saved := values("first/epoch-2/adapter_model.safetensors", "base_model.model."+norm)
	if slices.Equal(saved, values("model/model.safetensors", norm)) {
		t.Error("the norm was not trained")
	}
	if !slices.Equal(saved, values("first/merged_model/model.safetensors", norm)) {
		t.Error("the norm is not in the merged model")
	}
	code, second := trainHere(t, p, "second", "--from_peft", p.path("first/epoch-2"))
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, second.err.String())
	}
	if was, is := evalLoss(t, first, 2), evalLoss(t, second, 0); was != is {
		t.Errorf("trained on, eval_loss begins with %v, want %v", is, was)
	}
	if slices.Equal(saved, values("second/epoch-2/adapter_model.safetensors", "base_model.model."+norm)) {
		t.Error("the norm was not trained on")
	}
	name := "base_model.model." + table
	if !slices.Equal(values("first/epoch-2/adapter_model.safetensors", name), values("second/epoch-2/adapter_model.safetensors", name)) {
		t.Error("the table of the vocabulary is another")
	}
	for _, file := range []string{"tokenizer.json", "adapter_config.json"} {
		if want := map[string]string{"tokenizer.json": "<instruct>", "adapter_config.json": `"embeddings.LayerNorm"`}[file]; !strings.Contains(p.read(t, "second/epoch-2/"+file), want) {
			t.Errorf("%s has no %s", file, want)
		}
	}
	if code, h := trainHere(t, p, "third", "--modules_to_save", "LayerNorn"); code != exitBadInput || !strings.Contains(h.err.String(), `modules_to_save: "LayerNorn" ends the name of no module`) {
		t.Errorf("exit code %d: %s", code, h.err.String())
	}
}

// TestTrainersShuffle: positives of more than 100 characters alone are shuffled, which the loss shows, and eval_loss never is.
func TestTrainersShuffle(t *testing.T) {
	p := trainerProject(t)
	steps := map[string]string{}
	for ratio, output := range map[string]string{"0": "as it is", "1": "shuffled"} {
		code, h := trainHere(t, p, output, "--shuffle_ratio", ratio, "--max_steps", "1")
		if code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		steps[ratio] = p.read(t, output+"/steps.jsonl")
	}
	if steps["0"] == steps["1"] {
		t.Error("shuffling changes nothing")
	}
	p.write(t, "rows.jsonl", `{"query":"one two","pos":["three"],"neg":["four","five"]}
{"query":"two three","pos":["six"],"neg":["four","nine"]}
{"query":"seven","pos":["eight"],"neg":["plus","nine"]}
`)
	for ratio, output := range map[string]string{"0": "short", "1": "short shuffled"} {
		code, h := trainHere(t, p, output, "--shuffle_ratio", ratio, "--max_steps", "1")
		if code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		steps[ratio] = p.read(t, output+"/steps.jsonl")
	}
	if steps["0"] != steps["1"] {
		t.Error("texts of up to 100 characters are shuffled")
	}
}

// TestShuffleText holds texts against what FlagEmbedding 1.4.2's AbsDataset._shuffle_text makes of them under these orders:
// chunks of len(text)//3 + 1 characters.
func TestShuffleText(t *testing.T) {
	letters := func(n int) string {
		text := make([]rune, n)
		for i := range text {
			text[i] = 'à' + rune(i%20)
		}
		return string(text)
	}
	for _, tc := range []struct {
		characters int
		order      []int
		sizes      []int // of the chunks, in their order
	}{
		{100, []int{2, 1, 0}, nil},
		{101, []int{0, 1, 2}, []int{34, 34, 33}}, // even so, spaces come between them
		{101, []int{2, 0, 1}, []int{33, 34, 34}},
		{102, []int{1, 2, 0}, []int{35, 32, 35}},
		{300, []int{2, 1, 0}, []int{98, 101, 101}},
	} {
		text := letters(tc.characters)
		got := shuffleText(text, tc.order)
		if tc.sizes == nil {
			if got != text {
				t.Errorf("%d characters: %q", tc.characters, got)
			}
			continue
		}
		var sizes []int
		var whole [3]string
		for i, chunk := range strings.Split(got, " ") {
			sizes = append(sizes, len([]rune(chunk)))
			whole[tc.order[i]] = chunk
		}
		if !slices.Equal(sizes, tc.sizes) || strings.Join(whole[:], "") != text {
			t.Errorf("%d characters, order %v: chunks of %v: %q", tc.characters, tc.order, sizes, got)
		}
	}
}
