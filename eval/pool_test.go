package eval

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	pool := NewPool([]string{"d2", "q1", "d1", "d2", "d10"}) // in order: d1 d10 d2 q1
	judgments := []Judgment{{"q2", "d2", 1}, {"q1", "d2", 2}, {"q1", "d1", 0}, {"q2", "d10", -1}}
	want := []Judged{
		{Query: "q1", Grades: []Grade{{0, 0}, {2, 2}}, OwnID: []int32{3}},
		{Query: "q2", Grades: []Grade{{1, -1}, {2, 1}}},
	}
	for range 2 {
		got, err := Judge(judgments, pool.ByID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		slices.Reverse(judgments) // the order of lines changes nothing
	}
	if pool.ID(2) != "d2" {
		t.Errorf("the passage with number 2 is %q", pool.ID(2))
	}
	for text, bad := range map[string][]Judgment{
		`passage "x", which the corpus has not`: {{"q", "x", 1}},
		`query "q": a passage is judged twice`:  {{"q", "d1", 1}, {"p", "d1", 1}, {"q", "d1", 0}},
	} {
		if _, err := Judge(bad, pool.ByID); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %s", err, text)
		}
	}
}

func TestConventionsOfRankings(t *testing.T) {
	for _, c := range Conventions() {
		if got := c.RanksDecide(); got != (c == Kaggle) {
			t.Errorf("%s: ranks decide: %v", c, got)
		}
		if got := c.KeepsTies(); got != (c == Kaggle || c == Ranx) {
			t.Errorf("%s keeps ties: %v", c, got)
		}
	}
}
