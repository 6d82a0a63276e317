package rundir_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
)

// The names are a contract with users and with other programs: docs/formats/run-directory.md lists them.
func TestLayoutNames(t *testing.T) {
	l := rundir.Layout(filepath.Join("runs", "eedi"))
	r := l.Round(1)
	got := map[string]string{}
	for what, path := range map[string]string{
		"format": l.Format(), "lock": l.Lock(), "recipe": l.Recipe(), "log": l.Log(), "times": l.Times(), "outside": l.OutsideScores(),
		"verdicts": l.Verdicts(), "page": l.Page(),
		"corpus vectors": r.PassageVectors(), "train vectors": r.QueryVectors(rundir.Train), "candidates": r.Candidates(rundir.Dev),
		"negatives": r.Negatives(rundir.Train), "dev negatives": r.Negatives(rundir.Dev), "audit": r.Audit(), "epoch": r.Epoch(3),
		"epoch scores": r.EpochScores(0), "epoch queries": r.EpochQueries(rundir.Dev, 2), "epoch ranking": r.EpochRanking(rundir.Dev, 2), "state": r.TrainingState(), "steps": r.Steps(), "scores": r.Scores(), "choice": r.Choice(),
		"merged": r.Merged(), "merge check": r.MergeCheck(), "manifest": r.Manifest(), "stamp": l.Stamp(1, "mine"), "external": r.External(),
	} {
		relative, err := l.Relative(path)
		if err != nil {
			t.Fatal(err)
		}
		if l.Absolute(relative) != path {
			t.Errorf("%s: %s comes back as %s", what, path, l.Absolute(relative))
		}
		got[what] = relative
	}
	want := map[string]string{
		"format": "quarry.json", "lock": "lock", "recipe": "recipe.resolved.yaml", "log": "log.txt", "times": "times.jsonl",
		"outside": "outside-scores.json", "verdicts": "verdicts.jsonl", "page": "report.html", "corpus vectors": "round-1/vectors/corpus.npy", "train vectors": "round-1/vectors/train.npy",
		"candidates": "round-1/candidates/dev.cand", "negatives": "round-1/negatives.jsonl", "dev negatives": "round-1/negatives-dev.jsonl",
		"audit": "round-1/audit.json", "epoch": "round-1/epochs/epoch-3", "epoch scores": "round-1/epochs/epoch-0.scores.json", "epoch queries": "round-1/epochs/epoch-2.dev.jsonl", "epoch ranking": "round-1/epochs/epoch-2.dev.cand",
		"state": "round-1/training-state", "steps": "round-1/steps.jsonl", "scores": "round-1/scores.json", "choice": "round-1/choice.json",
		"merged": "round-1/merged", "merge check": "round-1/merge-check.json", "manifest": "round-1/manifest.json",
		"stamp": "round-1/stamps/mine.json", "external": "round-1/external",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for relative, want := range map[string]bool{
		"quarry.json": true, "round-1/steps.jsonl": true, "round-1/merged/model.safetensors": true, "round-1/stamps/mine.json": true,
		"lock": false, "log.txt": false, "times.jsonl": false, "outside-scores.json": false, "verdicts.jsonl": false, "report.html": false, "round-1/.merged.tmp/config.json": false,
	} {
		if l.Reproducible(relative) != want {
			t.Errorf("Reproducible(%s) is %v", relative, !want)
		}
	}
	if _, err := l.Relative(filepath.Join("runs", "other", "log.txt")); err == nil {
		t.Error("a path outside has a relative name")
	}
}
