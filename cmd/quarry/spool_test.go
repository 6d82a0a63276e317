package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestStandardInputIsOneFlags: two flags that name it would both read the same bytes.
func TestStandardInputIsOneFlags(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	model, corpus, train := p.path("model"), p.path("corpus.jsonl"), p.path("train.jsonl")
	vectors := func(input string) string {
		output := p.path(filepath.Base(input) + ".npy")
		if code := newTestHost().run(t, "embed", "--model", model, "--input", input, "--output", output); code != exitDone {
			t.Fatalf("exit code %d", code)
		}
		return output
	}
	for _, tc := range []struct {
		name, in, want string
		args           []string
	}{
		{"corpus and queries", corpus, "--queries: - is the input of --corpus and can be read only once", []string{"search", "--model", model, "--corpus", "-", "--queries", "-"}},
		{"queries and seen", train, "--train: - is the input of --queries", []string{"eval", "--model", model, "--corpus", corpus, "--queries", "-", "--train", "-"}},
		{"rows and dev rows", train, "--dev: - is the input of --train", []string{"finetune", "--model", model, "--corpus", corpus, "--train", "-", "--dev", "-", "--output", p.path("tuned")}},
		{"parts of a recipe", train, "--dev: - is the input of --train", []string{"init", "--corpus", corpus, "--train", "-", "--dev", "-", "--model", model, "--output", p.path("recipe.yaml")}},
		{"ids of vectors", train, "--query-ids: - is the input of --corpus-ids", []string{"search", "--corpus-vectors", vectors(train), "--query-vectors", vectors(train), "--corpus-ids", "-", "--query-ids", "-"}},
		{"raw tables", train, "--misconceptions: - is the input of --train", []string{"prepare", "eedi", "--train", "-", "--misconceptions", "-", "--out", p.path("prepared")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestHost()
			h.in = strings.NewReader(p.read(t, filepath.Base(tc.in)))
			if code := h.run(t, tc.args...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d, want %d with %q\n%s", code, exitBadInput, tc.want, h.err.String())
			}
		})
	}
}

// TestInputThatBreaksOff: what was read of it passes for the whole neither now nor later, and no temporary file stays.
func TestInputThatBreaksOff(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Setenv("TMP", temporary)
	broken := errors.New("the other end is gone")
	h := newTestHost()
	h.in = io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
	for range 2 {
		if _, err := h.open("input", standard); !errors.Is(err, broken) {
			t.Errorf("error %v, want %v", err, broken)
		}
	}
	left, err := os.ReadDir(temporary)
	mustBe(t, err)
	if len(left) > 0 || len(h.spools) > 0 {
		t.Errorf("left are %v and %v", left, h.spools)
	}
}
