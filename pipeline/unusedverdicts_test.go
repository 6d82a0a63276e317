package pipeline

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/rundir"
)

// TestVerdictsWithoutEffectAreTold: what somebody saved beside a run whose rounds do not mine by it is told by plan and run.
func TestVerdictsWithoutEffectAreTold(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "epochs: 2", "epochs: 1"))
	told := func() (planned, ran string) {
		t.Helper()
		plan, err := tinyPlan(t, r, Options{Path: exactpath.Fastest, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(plan.Warnings, "\n"), mustRun(t, r)
	}
	const want = "verdicts without effect: 1 to drop or promote negatives"
	mustRun(t, r)
	say(t, r, verdicts.Verdict{Verdict: verdicts.Keep, QueryText: "a", PassageText: "b"}, verdicts.Verdict{Verdict: verdicts.Drop, QueryText: "c", PassageText: "d"}, verdicts.Verdict{Verdict: verdicts.Open, QueryText: "c", PassageText: "d"})
	if planned, ran := told(); strings.Contains(planned+ran, "without effect") {
		t.Errorf("told of verdicts that change nothing: %s\n%s", planned, ran)
	}
	say(t, r, verdicts.Verdict{Verdict: verdicts.Promote, QueryText: "e", PassageText: "f"})
	planned, ran := told()
	for _, text := range []string{planned, ran} {
		if !strings.Contains(text, want) || !strings.Contains(text, "mine: {verdicts: runs/tiny/verdicts.jsonl}") {
			t.Errorf("no word of verdicts without effect: %s", text)
		}
	}
	// What the warning says to write is what makes it go away.
	r = loadRecipe(t, strings.TrimSuffix(r.File(), "/recipe.yaml"), edit(t, secondRound, "", "epochs: 2", "epochs: 1", "negatives: 4, depth: 12}", "negatives: 4, depth: 12, verdicts: runs/tiny/verdicts.jsonl}"))
	if planned, ran := told(); strings.Contains(planned+ran, "without effect") {
		t.Errorf("still told: %s\n%s", planned, ran)
	}
	r = loadRecipe(t, strings.TrimSuffix(r.File(), "/recipe.yaml"), edit(t, secondRound, "", "epochs: 2", "epochs: 1"))
	if err := os.WriteFile(rundir.Layout(r.Dir()).Verdicts(), []byte("no verdict\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	planned, ran = told()
	if !slices.ContainsFunc([]string{planned}, func(s string) bool { return strings.Contains(s, "cannot be read") }) || !strings.Contains(ran, "cannot be read") {
		t.Errorf("a damaged file: %s\n%s", planned, ran)
	}
}
