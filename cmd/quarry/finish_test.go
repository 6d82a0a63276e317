package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/rundir"
)

// finishRecipe is a short run; a test adds how it ends.
const finishRecipe = `model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}
mine: {window: 1-8, negatives: 4}
finetune: {epochs: 1, batch: 12, group_size: 3, block_tokens: 64}
eval: {metrics: [map@25]}
`

// TestRunTellsItsEnd runs recipes that end in different ways, and with programs that fail.
func TestRunTellsItsEnd(t *testing.T) {
	const hear = `on_finish: 'printf "%s|%s" "$QUARRY_OUTCOME" "$QUARRY_ERROR" > heard.txt'` + "\n"
	for _, tc := range []struct {
		name, change string
		command      []string                      // before the recipe; nil is run
		breaks       func(t *testing.T, p project) // before the run
		code         int
		heard, told  string // beginnings; the second of standard error
	}{
		{"all is done", hear, nil, nil, exitDone, "done|", "on_finish: done"},
		{"run --until", hear, []string{"run", "--until", "mine"}, nil, exitDone, "stopped|", "on_finish: stopped"},
		{"a stage's command", hear, []string{"mine", "--round", "0"}, nil, exitDone, "stopped|", "on_finish: stopped"},
		{"a choice is wanted", "select: ask\n" + hear, nil, nil, exitDone, "choice wanted|", "the run is not finished: round 0, select: a choice is wanted: 2 epochs are scored"},
		{"a choice is wanted and on_finish fails", "select: ask\non_finish: exit 4\n", nil, nil, exitFailed, "", "exit status 4"},
		{"data that cannot be read", hear, nil, func(t *testing.T, p project) { p.write(t, "dev.jsonl", "{") }, exitBadInput, "failed|dev.jsonl:1", "dev.jsonl:1"},
		{"another run's directory", hear, nil, func(t *testing.T, p project) { p.write(t, "runs/recipe/thesis.tex", "") }, exitBadInput, "failed|", "is not a run directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			recipe := p.write(t, "recipe.yaml", finishRecipe+tc.change)
			if tc.breaks != nil {
				tc.breaks(t, p)
			}
			h := newTestHost()
			h.environ = []string{"PATH=" + os.Getenv("PATH")}
			command := tc.command
			if command == nil {
				command = []string{"run"}
			}
			if code := h.run(t, append(slices.Clone(command), recipe)...); code != tc.code {
				t.Errorf("exit code %d, want %d\n%s", code, tc.code, h.err.String())
			}
			if !strings.Contains(h.err.String(), tc.told) {
				t.Errorf("%q is not told:\n%s", tc.told, h.err.String())
			}
			if tc.heard == "" {
				return
			}
			if heard := p.read(t, "heard.txt"); !strings.HasPrefix(heard, tc.heard) {
				t.Errorf("on_finish heard %q, want %q", heard, tc.heard)
			}
		})
	}
}

// TestARunKeptOutEndsNothing starts a second run while another has the directory.
func TestARunKeptOutEndsNothing(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	recipe := p.write(t, "recipe.yaml", finishRecipe+"on_finish: touch heard.txt\n")
	d, err := rundir.Open(filepath.Join(filepath.Dir(recipe), "runs", "recipe"), rundir.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	h := newTestHost()
	h.environ = []string{"PATH=" + os.Getenv("PATH")}
	if code := h.run(t, "run", recipe); code != exitBadInput || !strings.Contains(h.err.String(), "in use by another quarry") {
		t.Errorf("exit code %d\n%s", code, h.err.String())
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(recipe), "heard.txt")); err == nil {
		t.Error("on_finish was run while the other run goes on")
	}
}
