package rundir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

func TestRounds(t *testing.T) {
	for _, tc := range []struct {
		name, recipe string // empty is none
		want         int
		failed       string // part of the error
	}{
		{"not begun", "", 0, ""},
		{"two rounds", "version: 1\nname: tiny\nrounds:\n  - {}\n  - mine: {window: 0-6}\n", 2, ""},
		{"of a later version, with keys and values unknown here", "version: 9\nnovelty: [1]\nmodel: {}\nrounds:\n  - novelty: 1\n", 1, ""},
		{"no rounds", "version: 1\n", 0, "recipe.resolved.yaml: has no rounds"},
		{"rounds that are no list", "rounds: 3\n", 0, "recipe.resolved.yaml: rounds: "},
		{"not YAML", "rounds: [", 0, "recipe.resolved.yaml: rounds: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run")
			d, err := rundir.Open(path, rundir.OpenOptions{Create: true})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if tc.recipe != "" {
				if err := os.WriteFile(d.Recipe(), []byte(tc.recipe), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			n, ok, err := d.Rounds()
			if tc.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tc.failed) {
					t.Errorf("got %v, want %q", err, tc.failed)
				}
				return
			}
			if err != nil || n != tc.want || ok != (tc.recipe != "") {
				t.Errorf("got %d, %v, %v; want %d", n, ok, err, tc.want)
			}
		})
	}
}

// namesInRecipe is what of a run's recipe a method is to find.
type namesInRecipe struct {
	name, recipe string // empty is none
	want         string
	failed       string // part of the error
}

func TestTrainingSets(t *testing.T) {
	checkNames(t, (*rundir.Dir).TrainingSets, []namesInRecipe{
		{"not begun", "", "", ""},
		{"none", "data: {corpus: c, sets: null}\n", "", ""},
		{"two, one of a later version", "data:\n  also: [{name: general}]\n  sets:\n    - {name: more, novelty: 1}\n    - {name: faq, dev: d}\n", "more faq", ""},
		{"no list", "data: {sets: 3}\n", "", "recipe.resolved.yaml: data.sets: "},
	})
}

func TestAlsoNames(t *testing.T) {
	checkNames(t, (*rundir.Dir).AlsoNames, []namesInRecipe{
		{"not begun", "", "", ""},
		{"none", "data: {corpus: c, also: null}\n", "", ""},
		{"two, one of a later version", "data:\n  also:\n    - {name: general, queries: q, novelty: 1}\n    - {name: second}\n", "general second", ""},
		{"what sets hold out", "data:\n  also: [{name: general}]\n  sets:\n    - {name: faq, dev: d, weight: 2}\n    - {name: more, dev: null}\n", "general faq", ""},
		{"no list", "data: {also: 3}\n", "", "recipe.resolved.yaml: data.also: "},
	})
}

func checkNames(t *testing.T, find func(*rundir.Dir) ([]string, error), cases []namesInRecipe) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			d, err := rundir.Open(filepath.Join(t.TempDir(), "run"), rundir.OpenOptions{Create: true})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if tc.recipe != "" {
				if err := os.WriteFile(d.Recipe(), []byte(tc.recipe), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			names, err := find(d)
			if tc.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tc.failed) {
					t.Errorf("got %v, want %q", err, tc.failed)
				}
				return
			}
			if got := strings.Join(names, " "); err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}
