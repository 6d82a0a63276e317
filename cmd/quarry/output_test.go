package main

import (
	"os"
	"strings"
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
