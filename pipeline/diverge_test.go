package pipeline

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

// TestARunThatDivergesEndsWithItsStep: a learning rate that throws the weights out of their range ends the run with the step
// and what to do; no checkpoint of it is left, no step without a loss, and a lower rate goes on from what was mined.
func TestARunThatDivergesEndsWithItsStep(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "learning_rate: 2e-3", "learning_rate: 1e38, warmup_ratio: 0, clip: 0"))
	notes, err := runTiny(t, r, Options{})
	if err == nil || !regexp.MustCompile(`^round 0, finetune: epoch 1, step 2: the loss is (NaN|[+-]Inf); lower learning_rate`).MatchString(err.Error()) {
		t.Fatalf("want an error that names round, stage, step and key, got %v\n%s", err, notes)
	}
	d := look(t, r)
	if _, err := os.Stat(d.Round(0).Epoch(1)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a checkpoint of a training that diverged: %v", err)
	}
	if log, err := os.ReadFile(d.Log()); err != nil || !strings.Contains(string(log), "round 0, finetune: epoch 1, step 2: the loss is") {
		t.Errorf("%v\n%s", err, log)
	}
	raw, err := os.ReadFile(d.Round(0).Steps())
	if err != nil {
		t.Fatal(err)
	}
	if steps, err := rundir.ReadSteps(strings.NewReader(string(raw)), "steps.jsonl"); err != nil || len(steps) > 1 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	notes, err = runTiny(t, loadRecipe(t, filepath.Dir(r.File()), edit(t, secondRound, "")), Options{})
	if err != nil || !strings.Contains(notes, "round 0: mine: done before, unchanged") {
		t.Errorf("%v\n%s", err, notes)
	}
}
