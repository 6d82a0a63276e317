package recipe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/recipe"
)

// A share of the steps stands for the rounds without steps of their own; the others forget it, so that the resolved recipe gives
// none of them both.
func TestWarmupOfOtherRounds(t *testing.T) {
	const text = `name: w
model: m
data: {corpus: c.jsonl, train: t.jsonl, dev: d.jsonl}
finetune: {warmup_ratio: 0.25}
rounds:
  - {}
  - finetune: {warmup_steps: 10}
`
	r, err := recipe.Parse([]byte(text), "w.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := r.Rounds[0].Finetune, r.Rounds[1].Finetune; a.WarmupRatio != 0.25 || a.WarmupSteps != 0 || b.WarmupRatio != 0.1 || b.WarmupSteps != 10 {
		t.Errorf("%v and %d, %v and %d", a.WarmupRatio, a.WarmupSteps, b.WarmupRatio, b.WarmupSteps)
	}
	resolved, err := r.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	again, err := recipe.Parse(resolved, "w.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, resolved)
	}
	if diff := cmp.Diff(r.Rounds, again.Rounds); diff != "" {
		t.Error(diff)
	}
}
