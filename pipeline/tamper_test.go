package pipeline

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// lowerScore takes a tenth from what round 0 says that an epoch scored on dev.
func lowerScore(t *testing.T, r *recipe.Recipe, epoch int) {
	t.Helper()
	path := rundir.Layout(r.Dir()).Round(0).Scores()
	var s rundir.Scores
	if err := rundir.ReadJSON(rundir.OS{}, path, &s); err != nil {
		t.Fatal(err)
	}
	s.Epochs[epoch].Dev.All[0] -= 0.1
	if err := rundir.WriteJSON(rundir.OS{}, path, &s); err != nil {
		t.Fatal(err)
	}
}

// TestAMergeThatScoresOtherThanItsCheckpointFails changes the checkpoint's score between select and merge.
func TestAMergeThatScoresOtherThanItsCheckpointFails(t *testing.T) {
	for _, tampered := range []bool{false, true} {
		r := tinyProject(t, edit(t, "finetune: {epochs: 2", "finetune: {method: lora, epochs: 1", "select: {metric: map@25}", "select: {epoch: 1, because: fixed}", secondRound, ""))
		var o Options
		o.Events.Epoch = func(_ int, _ *rundir.Scores, chosen *int) {
			if chosen != nil && tampered {
				lowerScore(t, r, *chosen)
			}
		}
		notes, err := runTiny(t, r, o)
		if !tampered {
			if err != nil {
				t.Fatalf("untouched: %v\n%s", err, notes)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "merge: the merged model scores map@25 ") {
			t.Errorf("want an error about the merged model's score, got %v", err)
		}
		layout := rundir.Layout(r.Dir()).Round(0)
		for _, path := range []string{layout.Merged(), layout.MergeCheck()} {
			if _, err := (rundir.OS{}).Stat(path); err == nil {
				t.Errorf("%s is left behind", path)
			}
		}
	}
}

// TestARoundThatStartsElsewhereThanTheLastOneEndedFails changes round 0's score before round 1 trains from its model.
func TestARoundThatStartsElsewhereThanTheLastOneEndedFails(t *testing.T) {
	for _, tc := range []struct {
		name, trainFrom string
		fails           bool
	}{
		{"from the last round's model", recipe.Merged, true},
		{"from the base", recipe.Base, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tinyProject(t, edit(t, "finetune: {epochs: 2", "finetune: {epochs: 1", "select: {metric: map@25}", "train_from: "+tc.trainFrom+"\nselect: {epoch: 1, because: fixed}"))
			var o Options
			done := false
			o.Events.Mined = func(round int, _ []Sample) {
				if round == 1 && !done {
					done = true
					lowerScore(t, r, 1)
				}
			}
			notes, err := runTiny(t, r, o)
			if !done {
				t.Fatalf("round 1 mined nothing:\n%s", notes)
			}
			if tc.fails && (err == nil || !strings.HasPrefix(err.Error(), "round 1, finetune: epoch 0 scores map@25 ") || !strings.Contains(err.Error(), "round 0 chose epoch 1")) {
				t.Errorf("want an error that names both epochs, got %v", err)
			}
			if !tc.fails && err != nil {
				t.Errorf("a round from the base has no last epoch to go on from: %v", err)
			}
		})
	}
}
