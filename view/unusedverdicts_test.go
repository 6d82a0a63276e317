package view

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// A person who judges negatives of a run whose recipe mines by no verdicts is told so, and what to write.
func TestVerdictsWithoutEffect(t *testing.T) {
	run, v := opened(t, tinyrun.Options{})
	own, err := filepath.Abs(rundir.Layout(run.Dir).Verdicts())
	must(t, err)
	for _, tc := range []struct {
		name, rounds string
		unused       bool
	}{
		{"no round goes by any", "  - mine: {window: 1-10}\n", true},
		{"one goes by the run's own", "  - mine: {window: 1-10}\n  - mine: {verdicts: runs/tiny/verdicts.jsonl}\n", false},
		{"an absolute path", "  - mine: {verdicts: '" + own + "'}\n", false},
		{"those of another run", "  - mine: {verdicts: runs/other/verdicts.jsonl}\n", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			must(t, rundir.WriteFile(rundir.OS{}, rundir.Layout(run.Dir).Recipe(), func(w io.Writer) error {
				_, err := io.WriteString(w, "version: 1\nname: tiny\ndata: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl}\nrounds:\n"+tc.rounds)
				return err
			}))
			got := get[about](t, v, "about").Unused
			if (got != "") != tc.unused || tc.unused && !strings.Contains(got, "mine: {verdicts: runs/tiny/verdicts.jsonl}") {
				t.Errorf("told %q", got)
			}
		})
	}
}
