package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/drift"
	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// drifted runs the command and returns what it printed.
func drifted(t *testing.T, args ...string) (string, error) {
	t.Helper()
	h := newTestHost()
	cmd := newDriftCommand(h.host)
	cmd.SetArgs(args)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.ExecuteContext(t.Context())
	return h.out.String(), err
}

func TestDrift(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 3})
	mustBe(t, err)
	text, err := drifted(t, run.Dir, "--show", "1")
	mustBe(t, err)
	t.Log(text)
	for _, want := range []string{"rounds 1 and 2,", "train queries, ranks ", "round 1  round 2", "positive at rank 1", "candidates down to rank", "negatives: "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	raw, err := drifted(t, run.Dir, "--rounds", "0,1", "--on", "dev", "--window", "0-3", "--json")
	mustBe(t, err)
	var found struct {
		Rounds [2]int       `json:"rounds"`
		On     string       `json:"on"`
		Moves  []drift.Move `json:"moves"`
		drift.Report
	}
	mustBe(t, json.Unmarshal([]byte(raw), &found))
	p := found.Positives
	if found.Rounds != [2]int{0, 1} || found.On != "dev" || found.Window.To != 3 || p.Rose+p.Fell+p.Same != found.Queries || len(found.Moves) != p.Rose+p.Fell || found.Negatives.Before == 0 {
		t.Errorf("%s", raw)
	}
}

func TestDriftErrors(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2})
	mustBe(t, err)
	one, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 1})
	mustBe(t, err)
	broken, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 2})
	mustBe(t, err)
	path := filepath.Join(broken.Dir, "round-1", "candidates", "train.cand")
	content, err := os.ReadFile(path)
	mustBe(t, err)
	mustBe(t, os.WriteFile(path, content[:len(content)-9], 0o600))
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"one round", []string{one.Dir}, "one round has searched for train queries, and a difference needs two"},
		{"a round that is not there", []string{run.Dir, "--rounds", "0,7"}, "round 7"},
		{"no rounds", []string{run.Dir, "--rounds", "1"}, `--rounds "1" is not two rounds, such as 0,1`},
		{"one round twice", []string{run.Dir, "--rounds", "1,1"}, `--rounds "1,1" is not two rounds`},
		{"test queries", []string{run.Dir, "--on", "test"}, `--on "test": train or dev`},
		{"a window", []string{run.Dir, "--window", "9-2"}, "--window: "},
		{"a share", []string{run.Dir, "--near", "2"}, "near 2: at least 0, below 1"},
		{"a cut file", []string{broken.Dir}, filepath.Join("round-1", "candidates", "train.cand")},
		{"no run", []string{filepath.Join(run.Dir, "nowhere")}, "a run directory or a recipe is wanted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := drifted(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
