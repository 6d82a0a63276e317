package mine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

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
		Hubs:    []Hub{{4, 2}, {1, 1}, {2, 1}, {3, 1}},
		Dropped: Dropped{Window: 5, Margin: 1},
	}
	forward, backward := NewAuditor(o, func(p int32) string { return texts[p] }), NewAuditor(o, func(p int32) string { return texts[p] })
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
	if line := want.String(); !strings.Contains(line, "2 queries short, 1 of them without any") || strings.Contains(line, "\n") {
		t.Errorf("the line of the log: %s", line)
	}
}

func TestAuditWithoutTexts(t *testing.T) {
	a := NewAuditor(Options{Negatives: 1}, nil)
	a.Add(ranking.Candidates{}, "q", Result{Negatives: []Negative{{Passage: 7}}})
	if got := a.Audit(); got.NearEqual != 0 || got.Passages != 1 {
		t.Errorf("got %+v", got)
	}
}
