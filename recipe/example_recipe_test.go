package recipe_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/recipe"
)

func TestExampleIsTheDefaults(t *testing.T) {
	for name, o := range map[string]recipe.ExampleOptions{
		"plain": {Model: "models/minilm", Corpus: "corpus.jsonl", Train: "train.jsonl", Dev: "dev.jsonl"},
		"awkward paths": {
			Name: "eedi", Model: "models/# 1: the best", Corpus: "a b/c: d.jsonl", Train: "- train", Dev: "it's \"dev\"", Test: "tëst\n.jsonl",
			IDField: "007", GroupField: "yes", Pooling: "cls",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := recipe.Example(&text, o); err != nil {
				t.Fatal(err)
			}
			if name == "plain" {
				golden.Check(t, filepath.Join("testdata", "example.golden.yaml"), text.Bytes())
			}
			r, err := recipe.Parse(text.Bytes(), "dir/mine.yaml")
			if err != nil {
				t.Fatalf("%v in:\n%s", err, text.Bytes())
			}
			want := recipe.Default()
			want.Name, want.Data.IDField, want.Data.GroupField = "mine", o.IDField, o.GroupField
			want.Pooling = o.Pooling
			if o.Name != "" {
				want.Name = o.Name
			}
			for path, written := range map[*recipe.Path]string{
				&want.Model: o.Model, &want.Data.Corpus: o.Corpus, &want.Data.Train: o.Train, &want.Data.Dev: o.Dev, &want.Data.Test: o.Test,
			} {
				if written != "" {
					*path = recipe.Path{Written: written, File: filepath.Join("dir", written)}
				}
			}
			want.Eval.Depth = 100
			first, second := want.Stages, want.Stages
			first.Mine.Depth, second.Mine.Depth = 200, 100
			second.Mine.Window.End = 100
			want.Rounds = []recipe.Stages{first, second}
			if diff := cmp.Diff(want, r, cmpopts.IgnoreUnexported(recipe.Recipe{})); diff != "" {
				t.Errorf("(-defaults +example):\n%s", diff)
			}
		})
	}
}

// Every default that the example shows in a comment is the default.
func TestExampleCommentsAreTrue(t *testing.T) {
	var text bytes.Buffer
	err := recipe.Example(&text, recipe.ExampleOptions{Model: "m", Corpus: "c", Train: "t", Dev: "d"})
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.NewReplacer("# seed:", "seed:", "# precision:", "precision:", "  # warmup_ratio:", "  warmup_ratio:", "  # save_every:", "  save_every:").
		Replace(text.String())
	if shown == text.String() {
		t.Fatal("no comment was removed")
	}
	a, err := recipe.Parse(text.Bytes(), "r.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := recipe.Parse([]byte(shown), "r.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b, cmpopts.IgnoreUnexported(recipe.Recipe{})); diff != "" {
		t.Errorf("(-commented +not):\n%s", diff)
	}
}

// A window of a small corpus ends with it and holds its negatives.
func TestExampleFitsTheCorpus(t *testing.T) {
	for _, tc := range []struct {
		passages          int
		window            string
		negatives, rounds int
		second            string
	}{
		{0, "2-200", 15, 2, "2-100"}, {200, "2-200", 15, 2, "2-100"}, {150, "2-150", 15, 2, "2-100"}, {30, "2-30", 15, 2, "2-30"}, {12, "0-12", 11, 2, "0-12"}, {2, "0-2", 1, 2, "0-2"},
	} {
		var text bytes.Buffer
		if err := recipe.Example(&text, recipe.ExampleOptions{Model: "m", Corpus: "c", Train: "t", Dev: "d", Passages: tc.passages}); err != nil {
			t.Fatal(err)
		}
		r, err := recipe.Parse(text.Bytes(), "r.yaml")
		if err != nil {
			t.Fatalf("%d passages: %v\n%s", tc.passages, err, text.Bytes())
		}
		first, second := r.Round(0).Mine, r.Round(1).Mine
		if first.Window.String() != tc.window || first.Negatives != tc.negatives || second.Window.String() != tc.second || len(r.Rounds) != tc.rounds {
			t.Errorf("%d passages: window %s, %d negatives, then %s", tc.passages, first.Window, first.Negatives, second.Window)
		}
		if said := strings.Contains(text.String(), "# The corpus has"); said != (tc.passages > 0 && tc.passages < 200) {
			t.Errorf("%d passages: told of the size: %v", tc.passages, said)
		}
	}
}

func TestExampleNeedsItsFiles(t *testing.T) {
	if err := recipe.Example(&bytes.Buffer{}, recipe.ExampleOptions{Model: "m", Corpus: "c", Train: "t"}); err == nil {
		t.Error("no dev, no error")
	}
}
