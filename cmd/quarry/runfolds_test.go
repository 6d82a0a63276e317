package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestARecipeIsCrossValidated plans, runs and sums up two settings on two folds; a second run does nothing.
func TestARecipeIsCrossValidated(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	for name, before := range map[string]string{"test.jsonl": "again", "general.jsonl": "once more"} { // other queries on the same passages
		p.write(t, name, strings.NewReplacer(`"id":"`, `"id":"`+name[:1], `"query":"`, `"query":"`+before+" ", `"group":"`, `"group":"`+name[:1]).Replace(p.read(t, "dev.jsonl")))
	}
	text := strings.Replace(runRecipe, "group_field: group", "group_field: group, test: test.jsonl, also: [{name: general, queries: general.jsonl, group_field: group}]", 1) + `folds:
  count: 2
  unseen_share: 0.5
  settings:
    - {name: slow, finetune: {learning_rate: 1e-9}}
    - {name: fast, finetune: {learning_rate: 2e-2, max_steps: 6}}
on_finish: [sh, -c, 'echo "$QUARRY_OUTCOME $QUARRY_RUN" >> ` + p.path("finished") + `']
`
	recipe := p.write(t, "recipe.yaml", text)
	do := func(want int, args ...string) *testHost {
		t.Helper()
		h := newTestHost()
		h.environ = os.Environ()
		if code := h.run(t, args...); code != want {
			t.Fatalf("%v: exit code %d\n%s", args, code, h.err.String())
		}
		return h
	}
	var plan struct {
		Folds []struct {
			Setting string
			Fold    int
			Dir     string
			Stages  []struct{ State string }
		}
		Seconds float64
	}
	mustBe(t, json.Unmarshal(do(exitDone, "plan", recipe, "--json", "--cpu", string(exactpath.Fastest)).out.Bytes(), &plan))
	if len(plan.Folds) != 4 || plan.Folds[3].Setting != "fast" || plan.Folds[3].Fold != 1 || plan.Folds[3].Dir != p.path("runs/tiny.fast.fold-1") || plan.Seconds <= 0 {
		t.Errorf("plan %+v", plan)
	}
	if _, err := os.Stat(p.path("runs")); err == nil {
		t.Error("a plan writes")
	}
	do(exitBadInput, "report", recipe)
	do(exitBadInput, "mine", recipe, "--round", "0")
	do(exitBadInput, "run", recipe, "--dir", p.path("elsewhere"))

	told := do(exitDone, "run", recipe, "--cpu", string(exactpath.Fastest))
	if n := strings.Count(told.err.String(), "finetune: starts"); n != 4 {
		t.Errorf("%d trainings, want 4", n)
	}
	if got := p.read(t, "finished"); strings.Count(got, "\n") != 2 || !strings.HasSuffix(got, "\ndone "+p.path("runs/tiny.folds")+"\n") {
		t.Errorf("on_finish was run as %q", got) // once refused, for --dir, and once done
	}
	// Every query is dev of one fold and trains in the other, or trains in both.
	var held []string
	all := lines(p.read(t, "train.jsonl") + p.read(t, "dev.jsonl"))
	for i := range 2 {
		dev, train := lines(p.read(t, fmt.Sprintf("runs/tiny.folds/fold-%d/dev.jsonl", i))), lines(p.read(t, fmt.Sprintf("runs/tiny.folds/fold-%d/train.jsonl", i)))
		held = append(held, dev...)
		if both := slices.Concat(dev, train); !slices.Equal(slices.Sorted(slices.Values(both)), slices.Sorted(slices.Values(all))) {
			t.Errorf("fold %d: %d and %d rows of %d", i, len(dev), len(train), len(all))
		}
	}
	if n := len(held); len(slices.Compact(slices.Sorted(slices.Values(held)))) != n {
		t.Error("a query is held out twice")
	}

	reported := do(exitDone, "report", recipe)
	if !strings.HasSuffix(told.out.String(), reported.out.String()) {
		t.Error("the report is not what the run ended with")
	}
	golden.Check(t, filepath.Join("testdata", "folds.txt"), reported.out.Bytes())
	asJSON := do(exitDone, "report", recipe, "--json").out.String()
	if asJSON != p.read(t, "runs/tiny.folds/summary.json") {
		t.Error("summary.json is not the report's JSON")
	}
	var got crossValidated
	mustBe(t, json.Unmarshal([]byte(asJSON), &got))
	got.check(t)
	for _, format := range []string{"markdown", "csv", "latex"} {
		if out := do(exitDone, "report", recipe, "--format", format).out.String(); !strings.Contains(out, "slow") || !strings.Contains(out, "fast") {
			t.Errorf("%s:\n%s", format, out)
		}
	}
	do(exitBadInput, "report", recipe, "--html")
	if out := do(exitDone, "report", recipe, "--format", "html").out.String(); !strings.Contains(out, "Setting slow") || !strings.Contains(out, "Behind the chosen setting") {
		t.Error("the page does not show both settings")
	}

	again := do(exitDone, "run", recipe, "--cpu", string(exactpath.Fastest))
	if strings.Contains(again.err.String(), "starts") || !strings.HasSuffix(again.out.String(), reported.out.String()) {
		t.Errorf("the second run did work:\n%s", again.err.String())
	}

	before := p.read(t, "runs/tiny.folds/fold-0/dev.jsonl")
	p.write(t, "recipe.yaml", strings.Replace(text, "count: 2", "count: 3", 1))
	for _, command := range []string{"plan", "run"} {
		if said := do(exitBadInput, command, recipe, "--cpu", string(exactpath.Fastest)).err.String(); !strings.Contains(said, "tiny.slow.fold-0 was made from another cut: folds.count, ") {
			t.Errorf("%s: %s", command, said)
		}
	}
	if p.read(t, "runs/tiny.folds/fold-0/dev.jsonl") != before {
		t.Error("a refused run replaces the files of the earlier cut")
	}
}

// TestFoldsThatAskAPerson run all to their question, and say so in the end.
func TestFoldsThatAskAPerson(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	text := strings.Replace(runRecipe, "select: {metric: map@25}", "select: ask", 1) + "folds: {count: 2}\non_finish: [sh, -c, 'echo \"$QUARRY_OUTCOME\" >> " + p.path("finished") + "']\n"
	recipe := p.write(t, "recipe.yaml", text)
	for _, args := range [][]string{{"run", recipe, "--cpu", string(exactpath.Fastest), "--until", "mine"}, {"run", recipe, "--cpu", string(exactpath.Fastest)}} {
		h := newTestHost()
		h.environ = os.Environ()
		if code := h.run(t, args...); code != exitDone {
			t.Fatalf("%v: exit code %d\n%s", args, code, h.err.String())
		}
		if asks := strings.Contains(h.err.String(), "quarry select "+p.path("runs/tiny.fold-1")) && strings.Contains(h.err.String(), "in which every fold has chosen an epoch"); asks != (len(args) == 4) {
			t.Errorf("%v: %s", args, h.err.String())
		}
	}
	if got := p.read(t, "finished"); got != "stopped\nchoice wanted\n" {
		t.Errorf("on_finish was told %q", got)
	}
}

// crossValidated is the summary's JSON.
type crossValidated struct {
	Metric, Chosen string
	Settings       []struct {
		Name    string
		Mean    float64
		Behind  *float64
		P       *float64
		Summary struct {
			Rows []foldRow
			Sets []struct {
				On      string
				Queries int
				Rows    []foldRow
			}
		}
	}
}

type foldRow struct {
	Epoch    *int
	Measures map[string]struct {
		Folds        []float64
		Mean, Pooled float64
		Units        int
	}
}

// check holds the choice to the means of the folds.
func (c crossValidated) check(t *testing.T) {
	t.Helper()
	for _, s := range c.Settings {
		// Of test there are base and choice, and the epoch that all have chosen; of the other set every epoch.
		if sets := s.Summary.Sets; len(sets) != 2 || sets[0].On != "test" || sets[1].On != "also-general" || len(sets[0].Rows) < 2 || len(sets[1].Rows) != len(s.Summary.Rows) {
			t.Errorf("%s: sets %+v", s.Name, sets)
			continue
		}
		for _, set := range s.Summary.Sets {
			for _, row := range set.Rows {
				// Every fold has scored the same ten queries: the mean over them is that over the folds.
				if m := row.Measures[c.Metric]; set.Queries != 10 || m.Units != 10 || math.Abs(m.Pooled-m.Mean) > 1e-12 || math.Abs(m.Mean-(m.Folds[0]+m.Folds[1])/2) > 1e-12 {
					t.Errorf("%s on %s: %+v", s.Name, set.On, m)
				}
			}
		}
	}
	best := 0
	pooled := make([]float64, len(c.Settings))
	for i, s := range c.Settings {
		last := s.Summary.Rows[len(s.Summary.Rows)-1]
		m := last.Measures[c.Metric]
		pooled[i] = m.Pooled
		if last.Epoch != nil || s.Mean != (m.Folds[0]+m.Folds[1])/2 {
			t.Errorf("%s: mean %v of %v", s.Name, s.Mean, m.Folds)
		}
		if s.Mean > c.Settings[best].Mean {
			best = i
		}
	}
	if c.Chosen != c.Settings[best].Name {
		t.Errorf("chosen %s, and %s is best", c.Chosen, c.Settings[best].Name)
	}
	for i, s := range c.Settings {
		if i == best {
			if s.Behind != nil || s.P != nil {
				t.Errorf("%s is behind itself", s.Name)
			}
			continue
		}
		if d := pooled[best] - pooled[i] - *s.Behind; d > 1e-12 || d < -1e-12 || !(*s.P > 0 && *s.P <= 1) {
			t.Errorf("%s is behind by %v, p %v; pooled means %v", s.Name, *s.Behind, *s.P, pooled)
		}
	}
}
