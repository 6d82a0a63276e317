package page

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// compared is a base and two others on two sets of six queries.
func compared(t *testing.T) report.Comparisons {
	t.Helper()
	var all report.Comparisons
	for _, on := range []rundir.Split{rundir.Dev, rundir.Test} {
		side := func(name string, gains ...float64) report.Side {
			s := report.Side{Name: name, On: on, Convention: "trec_eval", Measures: []string{"map@25", "recall@5"}}
			for i := range 6 {
				s.Queries = append(s.Queries, report.SideQuery{
					ID: fmt.Sprintf("q%d", i), Values: []float64{0.3 + gains[i%len(gains)], 0.5}, Labels: map[string]string{"topic": []string{"</script><script>window.hostile=1</script>", "sums"}[i%2]},
				})
			}
			return s
		}
		c, err := report.Compare(side("base", 0), []report.Side{side("other", 0.25, 0, 0.7, -0.125, 0, 0), side("<img src=x>", 0.5)},
			report.CompareOptions{By: []string{"topic"}, Stats: stats.Options{Level: 0.9, Resamples: 100, Seed: 1}})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// TestComparisons: a section a set and other, whose figures have the numbers of the tables and no text that acts.
func TestComparisons(t *testing.T) {
	p := OfComparisons(compared(t), report.CompareWriteOptions{Show: 2, Texts: map[rundir.Split]map[string]string{rundir.Dev: {"q0": "<b>add</b>"}}})
	if len(p.Sections) != 4 || p.Sections[0].Title != "On dev: other" || p.Sections[3].Title != "On test: <img src=x>" {
		t.Fatalf("%d sections", len(p.Sections))
	}
	want := Table{Head: []string{"map@25", "queries"}, Rows: [][]string{
		{"gained 0.8 to 1", "0"}, {"gained 0.6 to 0.8", "1"}, {"gained 0.4 to 0.6", "0"}, {"gained 0.2 to 0.4", "1"}, {"gained 0 to 0.2", "0"}, {"equal", "3"},
		{"lost 0 to 0.2", "1"}, {"lost 0.2 to 0.4", "0"}, {"lost 0.4 to 0.6", "0"}, {"lost 0.6 to 0.8", "0"}, {"lost 0.8 to 1", "0"},
	}}
	if diff := cmp.Diff(want, figure(t, p, "set-0-other-0-gains").Table); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	parts := figure(t, p, "set-1-other-0-parts")
	if len(parts.Drawing.Points) != 2 || parts.Drawing.Points[0].Low == nil || len(parts.Table.Rows) != 4 {
		t.Errorf("%+v", parts)
	}
	queries := figure(t, p, "set-0-other-0-queries")
	if diff := cmp.Diff([]string{"q2", "<b>add</b>", "q3"}, queries.Drawing.Rows); diff != "" || queries.Drawing.Points[2].X >= 0 {
		t.Errorf("%+v (-want +got):\n%s", queries.Drawing, diff)
	}
	for _, s := range p.Sections {
		for _, f := range s.Figures {
			for _, row := range f.Table.Rows {
				if len(row) != len(f.Table.Head) {
					t.Errorf("%s: %d cells under %d headings", f.ID, len(row), len(f.Table.Head))
				}
			}
		}
	}
	if _, err := json.Marshal(p.Drawings()); err != nil {
		t.Error(err)
	}
	text := write(t, p)
	if text != write(t, OfComparisons(compared(t), report.CompareWriteOptions{Show: 2, Texts: map[rundir.Split]map[string]string{rundir.Dev: {"q0": "<b>add</b>"}}})) {
		t.Error("equal comparisons give two pages")
	}
	if !strings.Contains(text, "<h1>Against <bdi>base</bdi></h1>") || strings.Contains(text, "<img src=x>") || strings.Contains(text, "<b>add</b>") || strings.Contains(text, "</script><script>window.hostile") {
		t.Error("the heading is not there, or a text came through")
	}
}

// TestFolds: the page of settings on folds says which is chosen, and has each setting's measures with their intervals.
func TestFolds(t *testing.T) {
	value := func(mean float64) report.FoldValue {
		return report.FoldValue{Folds: []float64{mean - 0.1, mean + 0.1}, Mean: mean, Deviation: 0.14, Pooled: stats.Interval{Mean: mean, Low: mean - 0.05, High: mean + 0.05, Level: 0.95, Units: 8}}
	}
	parts := [2]report.FoldPart{{Queries: 6, Values: []report.FoldValue{value(0.7), value(0.6)}}, {Queries: 2, Values: []report.FoldValue{value(0.1), value(0.3)}}}
	folds := func(mean float64) *report.FoldSummary {
		return &report.FoldSummary{Runs: []string{"a", "b"}, Convention: "ranx", Measures: []string{"map@25", "mrr"}, Queries: 8, Level: 0.95, Rows: []report.FoldRow{
			{Round: 0, Epoch: 0, Values: []report.FoldValue{value(0.2), value(0.3)}}, {Round: 0, Epoch: 1, Values: []report.FoldValue{value(mean), value(0.5)}, Parts: parts},
			{Round: 0, Epoch: -1, Values: []report.FoldValue{value(mean), value(0.5)}, Parts: parts},
		}, Others: []report.FoldSet{{Name: "test", On: rundir.Test, Queries: 4, Rows: []report.FoldRow{{Round: 0, Epoch: 0, Values: []report.FoldValue{value(0.6), value(0.7)}}}}}}
	}
	against := compared(t)[0].Against[0].Rows[0]
	c := &report.CrossValidation{Metric: "map@25", Chosen: 1, Settings: []report.SettingSummary{
		{Name: "slow", Folds: folds(0.3), Value: value(0.3), Against: &against}, {Name: "<fast>", Folds: folds(0.4), Value: value(0.4)},
	}}
	p := OfCrossValidation(c)
	if len(p.Sections) != 7 || !strings.Contains(p.Summary[0], "setting <fast> has the greatest mean") {
		t.Fatalf("%d sections, %q", len(p.Sections), p.Summary)
	}
	if f := figure(t, p, "settings-behind"); len(f.Table.Rows) != 2 || len(f.Drawing.Points) != 1 || f.Drawing.Rows[0] != "slow" || f.Drawing.Points[0].Low == nil {
		t.Errorf("%+v", f)
	}
	f := figure(t, p, "setting-1-map-at-25")
	if len(f.Table.Rows) != 3 || len(f.Drawing.Points) != 6 || f.Drawing.Points[3].Y != 0.4 || *f.Drawing.Points[3].Low != c.Settings[1].Folds.Rows[1].Values[0].Pooled.Low || f.Drawing.Points[4].Low != nil {
		t.Errorf("%+v", f)
	}
	if f := figure(t, p, "setting-1-test-mrr"); len(f.Table.Rows) != 1 || len(f.Drawing.Points) != 3 || f.Drawing.Points[0].Y != 0.7 || !strings.HasPrefix(f.About, "On test: 4 queries") {
		t.Errorf("%+v", f)
	}
	if f := figure(t, p, "setting-1-seen-mrr"); len(f.Table.Rows) != 4 || f.Table.Rows[3][0] != "unseen" || len(f.Drawing.Points) != 2 || f.Drawing.Points[1].Y != 0.3 || f.Drawing.Points[1].Series != 1 {
		t.Errorf("%+v", f)
	}
	if text := write(t, p); !strings.Contains(text, "<h1>Settings by <bdi>map@25</bdi></h1>") || strings.Contains(text, "<fast>") {
		t.Error("the heading is not there, or a name came through")
	}
	c.Settings = c.Settings[:1]
	if alone := OfCrossValidation(c); alone.Heading != "Folds" || alone.Run != "a, b" || len(alone.Sections) != 3 {
		t.Errorf("one setting: %q %q", alone.Heading, alone.Run)
	}
}
