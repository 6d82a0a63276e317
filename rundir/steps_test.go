package rundir_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

func TestStepLogIsCutBack(t *testing.T) {
	line := func(step string) string {
		return `{"step":` + step + `,"epoch":1,"loss":0.5,"learning_rate":0.001,"gradient_norm":1,"queries":2,"columns":4,"masked":0}` + "\n"
	}
	for _, tc := range []struct {
		name, before string
		keep         int
		after, err   string
	}{
		{"anew", "", 0, "", ""},
		{"anew over an old log", line("1") + line("2"), 0, "", ""},
		{"anew over rubbish", "\x00\x00", 0, "", ""},
		{"at its end", line("1") + line("2"), 2, line("1") + line("2"), ""},
		{"in its middle", line("1") + line("2") + line("3"), 1, line("1"), ""},
		{"before a torn line", line("1") + `{"step":2,"ep`, 1, line("1"), ""},
		{"too short", line("1"), 2, "", "ends at step 1, but training is to go on after step 2"},
		{"torn within what is kept", line("1") + `{"step":2,"ep`, 2, "", "steps.jsonl:2: line is cut short"},
		{"a step is missing", line("1") + line("3"), 3, "", "steps.jsonl:2: step 3 where step 2 is due"},
		{"not JSON", "hello\n", 1, "", "steps.jsonl:1: broken JSON at byte 1: invalid character"},
		{"unknown key", "{\"step\":1,\"los\":3}\n", 1, "", `steps.jsonl:1: unknown key "los"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "steps.jsonl")
			if tc.before != "" {
				write("steps.jsonl", tc.before)(t, filepath.Dir(path))
			}
			log, err := rundir.OpenSteps(rundir.OS{}, path, tc.keep)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			next := rundir.Step{Step: tc.keep + 1, Epoch: 1, Loss: 0.5, LearningRate: 0.001, GradientNorm: 1, Queries: 2, Columns: 4}
			if err := log.Append(next); err != nil {
				t.Fatal(err)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if want := tc.after + line(string(rune('0'+tc.keep+1))); string(got) != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
			if steps, err := rundir.ReadSteps(bytes.NewReader(got), path); err != nil || len(steps) != tc.keep+1 {
				t.Errorf("reads back as %d steps, %v", len(steps), err)
			}
		})
	}
}

func TestStepLogRefuses(t *testing.T) {
	log, err := rundir.OpenSteps(rundir.OS{}, filepath.Join(t.TempDir(), "steps.jsonl"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.Append(rundir.Step{Step: 2}); err == nil || !strings.Contains(err.Error(), "step 2 follows step 0") {
		t.Errorf("a gap: %v", err)
	}
	for _, bad := range []rundir.Step{{Loss: math.NaN()}, {GradientNorm: math.Inf(1)}, {LearningRate: math.NaN()}} {
		bad.Step = 1
		if err := log.Append(bad); err == nil || !strings.Contains(err.Error(), "step 1:") || !strings.Contains(err.Error(), "diverged") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := log.Append(rundir.Step{Step: 1}); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}

func TestLines(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.txt")
	write("log.txt", "first\n"+strings.Repeat("torn ", 20000))(t, dir)
	log, err := rundir.OpenLines(rundir.OS{}, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Line("two\nlines"); err == nil {
		t.Error("a line break was written")
	}
	if err := log.Line("second"); err != nil {
		t.Fatal(err)
	}
	if err := log.JSON(map[string]int{"round": 1}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := "first\nsecond\n{\"round\":1}\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}
