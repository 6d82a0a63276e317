package main

import (
	"os"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
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
		breaks       func(t *testing.T, p project) // before the run
		code         int
		heard, told  string // beginnings; the second of standard error
	}{
		{"a choice is wanted", "select: ask\n" + hear, nil, exitDone, "choice wanted|", "a choice is wanted"},
		{"a choice is wanted and on_finish fails", "select: ask\non_finish: exit 4\n", nil, exitFailed, "", "exit status 4"},
		{"data that cannot be read", hear, func(t *testing.T, p project) { p.write(t, "dev.jsonl", "{") }, exitBadInput, "failed|dev.jsonl:1", "dev.jsonl:1"},
		{"another run's directory", hear, func(t *testing.T, p project) { p.write(t, "runs/recipe/thesis.tex", "") }, exitBadInput, "failed|", "is not a run directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, tinymodel.Options{})
			recipe := p.write(t, "recipe.yaml", finishRecipe+tc.change)
			if tc.breaks != nil {
				tc.breaks(t, p)
			}
			h := newTestHost()
			h.environ = []string{"PATH=" + os.Getenv("PATH")}
			if code := h.run(t, "run", recipe); code != tc.code {
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
