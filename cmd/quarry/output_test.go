package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

func TestOutputNeverReplacesAnInput(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	mustBe(t, os.Symlink(p.path("train.jsonl"), p.path("link.jsonl")))
	ranked := []string{"--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl")}
	with := func(command, output string) []string {
		return append(append([]string{command}, ranked...), "--output", p.path(output))
	}
	texts := func(command string) []string {
		return []string{command, "--model", p.path("model"), "--input", p.path("train.jsonl"), "--output", p.path("train.jsonl")}
	}
	p.write(t, "recipe-train.jsonl", p.read(t, "train.jsonl"))
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"embed", "train.jsonl is also --input", texts("embed")},
		{"tokenize", "train.jsonl is also --input", texts("tokenize")},
		{"mine", "train.jsonl is also --queries", with("mine", "train.jsonl")},
		{"through a link", "link.jsonl is also --queries", with("mine", "link.jsonl")},
		{"search", "corpus.jsonl is also --corpus", with("search", "corpus.jsonl")},
		{"a directory", "is a directory: name a file", with("mine", "model")},
		{"a directory that is not there", "new/ names a directory: name a file", append(with("mine", ""), "--output", p.path("new")+"/")},
		{"two results for standard output", "--json and --output -", append(with("mine", ""), "--output", "-", "--json")},
		{"a recipe without a place", "--output -: name a file", []string{
			"init", "--corpus", p.path("corpus.jsonl"), "--train", p.path("train.jsonl"), "--model", p.path("model"), "--output", "-",
		}},
		{"init with force", "recipe-train.jsonl is also --train", []string{
			"init", "--force", "--corpus", p.path("corpus.jsonl"), "--train", p.path("recipe-train.jsonl"), "--model", p.path("model"), "--output", p.path("recipe.yaml"),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			corpus, train := p.read(t, "corpus.jsonl"), p.read(t, "train.jsonl")
			h := newTestHost()
			if code := h.run(t, tc.args...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, want %d with %q\n%s", code, exitBadInput, tc.want, h.err.String())
			}
			if p.read(t, "corpus.jsonl") != corpus || p.read(t, "train.jsonl") != train || p.read(t, "recipe-train.jsonl") != train {
				t.Error("an input was changed")
			}
		})
	}
}

// TestOutputStaysOutOfModels holds for whatever a model directory has in it, or would have, by whichever path it is named.
func TestOutputStaysOutOfModels(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	hf := newTestHost()
	p.onHub(t, hf)
	if code := hf.run(t, "pull", "acme/tiny"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, hf.err.String())
	}
	snapshot := p.path("hf/hub/models--acme--tiny/snapshots/" + tinyCommit)
	blob, err := filepath.EvalSymlinks(filepath.Join(snapshot, "config.json"))
	mustBe(t, err)
	mustBe(t, errors.Join(os.Symlink(p.path("model"), p.path("alias")), os.Symlink(p.path("model/config.json"), p.path("link.json"))))
	data := []string{"--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl")}
	ranked := func(command, model, flag, output string) []string {
		return append([]string{command, "--model", model, flag, output}, data...)
	}
	texts := func(command, model, output string) []string {
		return []string{command, "--model", model, "--input", p.path("train.jsonl"), "--output", output}
	}
	own, elsewhere := p.path("model/config.json"), p.path("out.jsonl")
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"search", "--model", ranked("search", p.path("model"), "--output", own)},
		{"mine", "--model", ranked("mine", p.path("model"), "--output", own)},
		{"provenance", "--model", append(ranked("mine", p.path("model"), "--output", elsewhere), "--provenance", own)},
		{"candidates", "--model", append(ranked("mine", p.path("model"), "--output", elsewhere), "--save-candidates", own)},
		{"a further model", "--source", append([]string{"mine", "--source", "bm25", "--source", "model:" + p.path("model"), "--output", own}, data...)},
		{"embed", "--model", texts("embed", p.path("model"), own)},
		{"tokenize", "--model", texts("tokenize", p.path("model"), own)},
		{"eval", "--model", append([]string{"eval", "--model", p.path("model"), "--per-query=" + own}, data...)},
		{"init", "--model", []string{"init", "--force", "--corpus", p.path("corpus.jsonl"), "--train", p.path("train.jsonl"), "--model", p.path("model"), "--output", own}},
		{"a file of a folder in it", "--model", texts("embed", p.path("model"), p.path("model/1_Pooling/config.json"))},
		{"a file that is not there", "--model", texts("embed", p.path("model"), p.path("model/new/vectors.npy"))},
		{"the directory by a link", "--model", texts("embed", p.path("alias"), own)},
		{"the file by a link", "--model", texts("embed", p.path("model"), p.path("link.json"))},
		{"a file of a snapshot", "--model", texts("embed", snapshot, filepath.Join(snapshot, "config.json"))},
		{"a snapshot by its name", "--model", texts("embed", "acme/tiny", filepath.Join(snapshot, "config.json"))},
		{"a blob of a snapshot", "--model", texts("embed", snapshot, blob)},
		{"merge in the base", "--base", []string{"merge", "--base", p.path("model"), "--adapter", p.path("adapter"), "--output", p.path("model/merged")}},
		{"merge in the adapter", "--adapter", []string{"merge", "--base", snapshot, "--adapter", p.path("alias"), "--output", p.path("model/merged")}},
		{"finetune in the model", "--model", []string{"finetune", "--model", p.path("model"), "--train", p.path("train.jsonl"), "--output", p.path("model")}},
		{"finetune in the guide", "--guide", []string{"finetune", "--model", snapshot, "--guide", p.path("model"), "--train", p.path("train.jsonl"), "--output", p.path("model/tuned")}},
		{"as mine_hard_negatives", "--model", []string{"mine", "--compat", "sentence-transformers", "--model", p.path("model"), "--dataset", p.path("train.jsonl"), "--output", own}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := p.read(t, "model/config.json")
			h := newTestHost()
			h.environ = hf.environ
			if code := h.run(t, tc.args...); code != exitBadInput || !strings.Contains(h.err.String(), "is in the directory of "+tc.want) {
				t.Errorf("exit code %d, want %d with %q\n%s", code, exitBadInput, tc.want, h.err.String())
			}
			if p.read(t, "model/config.json") != before || p.read(t, "hf/hub/models--acme--tiny/snapshots/"+tinyCommit+"/config.json") != before {
				t.Error("the model was changed")
			}
		})
	}
}

// TestAFullDiskIsNoBadInput under whichever command and output finds it.
func TestAFullDiskIsNoBadInput(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	ranked := []string{"--model", p.path("model"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl")}
	for name, args := range map[string][]string{
		"search":   append([]string{"search"}, ranked...),
		"beir":     append([]string{"search", "--format", "beir"}, ranked...),
		"mine":     append([]string{"mine", "--window", "1-8", "--negatives", "4", "--output", "-"}, ranked...),
		"tokenize": {"tokenize", "--model", p.path("model"), "--input", p.path("train.jsonl")},
	} {
		h := newTestHost()
		h.terminal = newTerminal(full{}, &h.err, false)
		if code := h.run(t, args...); code != exitFailed || !strings.Contains(h.err.String(), syscall.ENOSPC.Error()) {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, exitFailed, h.err.String())
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
