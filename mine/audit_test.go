package mine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

// TestOneQuery: a passage that one query alone has is called so.
func TestOneQuery(t *testing.T) {
	if line := (Audit{Queries: 2, Hubs: []Hub{{Passage: "a", Queries: 1}}}).String(); !strings.HasSuffix(line, `passage "a" is a negative of 1 query`) {
		t.Error(line)
	}
}

func TestAudit(t *testing.T) {
	texts := []string{"Adds the denominators", "adds  the denominators.", "x = -3", "x = 3", "something else"}
	o := Options{Negatives: 2}
	positive := ranking.Candidates{Positives: []ranking.Positive{{Passage: 0, Score: 0.5}}}
	rows := []struct {
		query  string
		result Result
	}{
		{"which?", Result{Negatives: []Negative{{Passage: 1, Score: 0.6, PositiveScore: 0.5}, {Passage: 4, Score: 0.4, PositiveScore: 0.5}}, Dropped: Dropped{Window: 3}}},
		{"x = 3", Result{Negatives: []Negative{{Passage: 2, Score: 0.5, PositiveScore: 0.5}, {Passage: 4, Score: 0.4, PositiveScore: 0.5}}, Dropped: Dropped{Window: 2, Margin: 1}}},
		{"X=3", Result{Negatives: []Negative{{Passage: 3, Score: 0.1, PositiveScore: 0.5}}}},
		{"why?", Result{}},
	}
	want := Audit{
		Queries: 4, Negatives: 5, Short: 2, Empty: 1, AbovePositive: 1, NearEqual: 2, Passages: 4,
		Hubs:    []Hub{{"a", 2}, {"b", 1}, {"c", 1}, {"d", 1}},
		Dropped: Dropped{Window: 5, Margin: 1},
	}
	// Ids in another order than the corpus: ties go by them.
	id, text := func(p int32) string { return string("edcba"[p]) }, func(p int32) string { return texts[p] }
	forward, backward := NewAuditor(o, id, text), NewAuditor(o, id, text)
	for i, row := range rows {
		forward.Add(positive, row.query, row.result)
		backward.Add(positive, rows[len(rows)-1-i].query, rows[len(rows)-1-i].result)
	}
	if diff := cmp.Diff(want, forward.Audit()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, backward.Audit()); diff != "" {
		t.Errorf("queries backwards, -want +got:\n%s", diff)
	}
	if line := want.String(); !strings.Contains(line, "2 queries short, 1 of them without any") || !strings.Contains(line, `passage "a" is a negative of 2 queries`) || strings.Contains(line, "\n") {
		t.Errorf("the line of the log: %s", line)
	}
}

// TestAuditOfRandomNegatives: they have no score, which a positive below 0 is not below.
func TestAuditOfRandomNegatives(t *testing.T) {
	a := NewAuditor(Options{Negatives: 2}, func(int32) string { return "p" }, nil)
	a.Add(ranking.Candidates{}, "q", Result{Negatives: []Negative{{Passage: 7, Rank: -1, PositiveScore: -2, From: FromRandom}, {Passage: 8, Rank: 3, Score: -1, PositiveScore: -2}}})
	if got := a.Audit(); got.AbovePositive != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestAuditWithoutTexts(t *testing.T) {
	a := NewAuditor(Options{Negatives: 1}, func(int32) string { return "p" }, nil)
	a.Add(ranking.Candidates{}, "q", Result{Negatives: []Negative{{Passage: 7}}})
	if got := a.Audit(); got.NearEqual != 0 || got.Passages != 1 {
		t.Errorf("got %+v", got)
	}
}

// TestCheckWindow: a window behind the corpus is refused where nothing else gives negatives.
func TestCheckWindow(t *testing.T) {
	o := DefaultOptions()
	o.Window = Window{30, 40}
	if err := o.CheckWindow(31); err != nil {
		t.Error(err)
	}
	if err := o.CheckWindow(30); err == nil || !strings.Contains(err.Error(), "the window is 30-40, the corpus has 30 passages") {
		t.Errorf("got %v", err)
	}
	o.Quotas = []Quota{{Window{30, 40}, 3}}
	if err := o.CheckWindow(30); err == nil {
		t.Error("quotas take from the window")
	}
	o.Random = 0.5
	if err := o.CheckWindow(30); err != nil {
		t.Errorf("with random negatives: %v", err)
	}
}

func TestCheckAny(t *testing.T) {
	window := Window{From: 50, To: 80}
	for _, tc := range []struct {
		name  string
		audit Audit
		want  string
	}{
		{"nothing was asked", Audit{}, ""},
		{"some have none", Audit{Queries: 3, Empty: 2}, ""},
		{"all have none", Audit{Queries: 3, Empty: 3}, "no query has a negative left: the window is 50-80, the corpus has 30 passages; widen the window or loosen the limits"},
		{"most fell to another rule", Audit{Queries: 3, Empty: 3, Dropped: Dropped{Window: 6, Positive: 90, RelativeMargin: 70, MinScore: 8}}, "no query has a negative left: relative_margin dropped most candidates (window 6, positive 90, relative_margin 70, min_score 8): loosen it"},
	} {
		if err := tc.audit.CheckAny(window, 30); (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}

// TestAuditOfAHubLimit: the line says what helps where the limit makes rows short, and only there.
func TestAuditOfAHubLimit(t *testing.T) {
	const advice = "2 queries short, 1 of them without any (the hub limit took candidates of 1 of the short ones: fewer negatives a query, a greater limit or a wider window leave them more); "
	a := NewAuditor(Options{Negatives: 2}, func(int32) string { return "p" }, nil)
	a.Add(ranking.Candidates{}, "full", Result{Negatives: []Negative{{Passage: 7}, {Passage: 8}}, Dropped: Dropped{Hub: 3}})
	a.Add(ranking.Candidates{}, "short by a margin", Result{Negatives: []Negative{{Passage: 7}}, Dropped: Dropped{Margin: 3}})
	if line := a.Audit().String(); strings.Contains(line, "hub limit") {
		t.Error(line)
	}
	a.Add(ranking.Candidates{}, "starved", Result{Dropped: Dropped{Hub: 1}})
	if line := a.Audit().String(); !strings.Contains(line, advice) {
		t.Errorf("%s\nwant %s", line, advice)
	}
}
