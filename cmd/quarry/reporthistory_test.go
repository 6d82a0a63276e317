package main

import (
	"os"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// TestReportExportsTheHistory writes event files into a new directory and JSON lines to a file or to standard output.
func TestReportExportsTheHistory(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Epochs: 1})
	mustBe(t, err)
	do := func(want int, args ...string) *testHost {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, append([]string{"report", run.Dir}, args...)...); code != want {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, h.err.String())
		}
		return h
	}
	out := t.TempDir()
	do(exitDone, "--format", "tensorboard", "--output", out+"/events")
	for _, round := range []string{"round-0", "round-1"} {
		if entries, err := os.ReadDir(out + "/events/" + round); err != nil || len(entries) != 1 || !strings.Contains(entries[0].Name(), "tfevents") {
			t.Errorf("%s: %v, %v", round, entries, err)
		}
	}
	printed := do(exitDone, "--format", "wandb").out.String()
	do(exitDone, "--format", "wandb", "--output", out+"/history.jsonl")
	if written, err := os.ReadFile(out + "/history.jsonl"); err != nil || string(written) != printed || strings.Count(printed, "\n") != 12 {
		t.Errorf("%v\n%s", err, printed)
	}
	do(exitDone, "--format", "markdown", "--output", out+"/table.md")
	if written, err := os.ReadFile(out + "/table.md"); err != nil || string(written) != do(exitDone, "--format", "markdown").out.String() {
		t.Errorf("%v\n%s", err, written)
	}
	for want, args := range map[string][]string{
		"is there already":                 {"--format", "tensorboard", "--output", out + "/events"},
		"--output is needed":               {"--format", "tensorboard"},
		"[tensorboard wandb] for programs": {"--format", "yaml"},
		"--score has no part":              {"--format", "wandb", "--score", "0/1=0.5:LB"},
		"contradict each other":            {"--format", "wandb", "--json"},
		"--html names its own file":        {"--html", "--output", out + "/x"},
		"is for one run":                   {run.Dir, "--folds", "--format", "wandb"},
	} {
		if got := do(exitBadInput, args...).err.String(); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", args, got, want)
		}
	}
}
