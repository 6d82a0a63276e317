package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// TestComparePlaces compares the places of a run of two rounds, each of the base and three epochs, the last of them chosen. Every
// query scores by the epoch: 0.20, 0.25, 0.30, 0.35 in round 0 and 0.20, 0.30, 0.40, 0.50 in round 1, in the mean.
func TestComparePlaces(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{ByQuery: true})
	mustBe(t, err)
	other, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Rounds: 1, ByQuery: true})
	mustBe(t, err)
	type side struct {
		Place string // behind the run's name
		Mean  float64
	}
	for _, tc := range []struct {
		name string
		args []string
		base side
		want []side
	}{
		{"the base and the choice of each round", []string{run.Dir}, side{" round 0 epoch 0", 0.20}, []side{{" round 0 epoch 3", 0.35}, {" round 1 epoch 3", 0.50}}},
		{"the choices of two rounds", []string{run.Dir + "@0", run.Dir + "@1"}, side{" round 0 epoch 3", 0.35}, []side{{" round 1 epoch 3", 0.50}}},
		{"the other way round", []string{run.Dir + "@1", run.Dir + "@0"}, side{" round 1 epoch 3", 0.50}, []side{{" round 0 epoch 3", 0.35}}},
		{"a run beside another place stands for its last round", []string{run.Dir + "@0", run.Dir}, side{" round 0 epoch 3", 0.35}, []side{{" round 1 epoch 3", 0.50}}},
		{"the epochs of round 0", []string{run.Dir + "@0"}, side{" round 0 epoch 0", 0.20}, []side{{" round 0 epoch 1", 0.25}, {" round 0 epoch 2", 0.30}, {" round 0 epoch 3", 0.35}}},
		{"the epochs of round 1", []string{run.Dir + "@1"}, side{" round 1 epoch 0", 0.20}, []side{{" round 1 epoch 1", 0.30}, {" round 1 epoch 2", 0.40}, {" round 1 epoch 3", 0.50}}},
		{"epochs by number", []string{run.Dir + "@0/2", run.Dir + "@1/1", run.Dir + "@1/2"}, side{" round 0 epoch 2", 0.30}, []side{{" round 1 epoch 1", 0.30}, {" round 1 epoch 2", 0.40}}},
		{"an epoch and a round's choice", []string{run.Dir + "@1/1", run.Dir + "@1"}, side{" round 1 epoch 1", 0.30}, []side{{" round 1 epoch 3", 0.50}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := compare(t, tc.args...)
			if got.Base != run.Dir+tc.base.Place || got.On != "dev" || got.Queries != 8 || len(got.Sets) > 0 {
				t.Errorf("base %q on %q, %d queries, %d further sets", got.Base, got.On, got.Queries, len(got.Sets))
			}
			var found []side
			for _, against := range got.Against {
				m := against.Measures["map@25"]
				found = append(found, side{strings.TrimPrefix(against.Name, run.Dir), math.Round(1e12*m.Other) / 1e12})
				if math.Abs(m.Base-tc.base.Mean) > 1e-12 || math.Abs(m.Difference-(m.Other-m.Base)) > 1e-12 {
					t.Errorf("%s: base %v, other %v, difference %v", against.Name, m.Base, m.Other, m.Difference)
				}
			}
			if diff := cmp.Diff(tc.want, found); diff != "" {
				t.Errorf("sides (-want +got):\n%s", diff)
			}
		})
	}
	if both := compare(t, run.Dir+"@0", other.Dir+"@0"); both.Against[0].Name != other.Dir+" round 0 epoch 3" || both.Against[0].Measures["map@25"].Difference != 0 {
		t.Errorf("the same round of two runs: %+v", both)
	}
	var parts []string
	for _, part := range compare(t, run.Dir+"@0", run.Dir+"@1", "--by", "seen,frequency").Against[0].Parts {
		parts = append(parts, fmt.Sprintf("%s %s: %d", part.By, part.Label, part.Queries))
	}
	if want := []string{"seen seen: 7", "seen unseen: 1", "frequency 0: 8"}; !slices.Equal(parts, want) {
		t.Errorf("parts %q, want %q", parts, want)
	}
	fails := func(want string, args ...string) {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, append([]string{"compare"}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("%q: exit code %d, %q; want %q", args, code, h.err.String(), want)
		}
	}
	for _, tc := range []struct{ place, want string }{
		{"@2", "@2: there is no round 2; the run has 2, counted from 0"},
		{"@2/1", "@2/1: there is no round 2; the run has 2, counted from 0"},
		{"@1/4", "@1/4: tiny has no scores by query on dev of round 1, epoch 4"},
		{"@-1", `@-1: "-1" is no place in a run: write ROUND or ROUND/EPOCH, as in RUN@1/3`},
		{"@1/", `@1/: "1/" is no place in a run`},
		{"@1/last", `@1/last: "1/last" is no place in a run`},
		{"@4294967296", `"4294967296" is no place in a run`},
	} {
		fails(tc.want, run.Dir+tc.place, run.Dir)
	}
	fails("@1/1 alone has nothing to compare: name another, or a round with several epochs", run.Dir+"@1/1")

	// A round that the recipe has no more is no result of it, and can be named.
	recipe := filepath.Join(run.Dir, "recipe.resolved.yaml")
	two, err := os.ReadFile(recipe)
	mustBe(t, err)
	mustBe(t, os.WriteFile(recipe, []byte(strings.Replace(string(two), "  - mine: {window: 1-10}\n", "", 1)), 0o600))
	if alone := compare(t, run.Dir); len(alone.Against) != 1 || alone.Against[0].Name != run.Dir+" round 0 epoch 3" {
		t.Errorf("with a round that the recipe has no more: %+v", alone)
	}
	if named := compare(t, run.Dir+"@0", run.Dir+"@1"); named.Against[0].Name != run.Dir+" round 1 epoch 3" || len(named.Notes) != 1 || !strings.Contains(named.Notes[0], "left by an earlier recipe") {
		t.Errorf("a round that the recipe has no more: %+v", named)
	}
	mustBe(t, os.WriteFile(recipe, two, 0o600))

	// Where round 1 has no choice yet, a run stands for round 0's.
	mustBe(t, os.Remove(filepath.Join(run.Dir, "round-1/choice.json")))
	if alone := compare(t, run.Dir); len(alone.Against) != 1 || alone.Against[0].Name != run.Dir+" round 0 epoch 3" {
		t.Errorf("without the choice of round 1: %+v", alone)
	}
	if beside := compare(t, run.Dir+"@1/3", run.Dir); beside.Against[0].Name != run.Dir+" round 0 epoch 3" {
		t.Errorf("without the choice of round 1: %+v", beside)
	}
	if inside := compare(t, run.Dir+"@1"); len(inside.Against) != 3 {
		t.Errorf("the epochs of a round without a choice: %+v", inside)
	}
	fails("@1: round 1 has no choice yet: name an epoch, as in RUN@1/2", run.Dir+"@0", run.Dir+"@1")
	mustBe(t, os.Remove(filepath.Join(run.Dir, "round-0/choice.json")))
	fails(": no epoch is chosen yet: name one, as in RUN@0/2", run.Dir)
	if inside := compare(t, run.Dir+"@0/1", run.Dir+"@1/1"); slices.ContainsFunc(inside.Notes, func(n string) bool { return strings.Contains(n, "choice") }) || len(inside.Against) != 1 {
		t.Errorf("epochs by number need no choice: %+v", inside)
	}
}
