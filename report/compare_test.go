package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// side is six queries in three groups under two measures; each value gains what is added for its query.
func side(name string, gains ...float64) report.Side {
	s := report.Side{Name: name, Convention: "trec_eval", Measures: []string{"map@25", "recall@5"}}
	for i := range 6 {
		gain := gains[i%len(gains)]
		s.Queries = append(s.Queries, report.SideQuery{
			ID: fmt.Sprintf("q%d", i), Group: fmt.Sprint("g", i/2), Values: []float64{0.25 + gain, math.Min(1, 0.5+2*gain)},
			Labels: map[string]string{"kind": []string{"odd & even", "x|y"}[i%2]},
		})
	}
	return s
}

var exactly = report.CompareOptions{Stats: stats.Options{Level: 0.9, Resamples: 500, Seed: 1}}

func TestCompareByHand(t *testing.T) {
	c, err := report.Compare(side("base", 0), []report.Side{side("other", 0.25, 0, 0.125, -0.125, 0, 0)}, exactly)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Against[0].Rows[0]
	// Means 0.25 and 0.25 + 0.25/6. Groups gain 0.25, 0 and 0: of 8 patterns all give ±0.25.
	if r.First != 0.25 || math.Abs(r.Second-(0.25+0.25/6)) > 1e-12 || r.Randomisation != 1 || r.Better != 1 || r.Worse != 0 || r.Equal != 2 || r.Wins != 2 || r.Losses != 1 {
		t.Errorf("%+v", r)
	}
	if c.Units != 3 || c.Queries != 6 || c.Tests != 2 {
		t.Errorf("%+v", c)
	}
	first, last := c.Against[0].Changes[0], c.Against[0].Changes[5]
	if first.ID != "q0" || first.Second != 0.5 || last.ID != "q3" || last.Second != 0.125 {
		t.Errorf("changes %+v", c.Against[0].Changes)
	}
}

func TestCompareWrites(t *testing.T) {
	o := exactly
	o.By = []string{"kind"}
	c, err := report.Compare(side("base_50%\x1b", 0), []report.Side{side("other", 0.25, 0, 0.125, -0.125, 0, 0), side("third", 0.5)}, o)
	if err != nil {
		t.Fatal(err)
	}
	for format, extension := range map[report.Format]string{report.Text: "txt", report.Markdown: "md", report.JSON: "json", report.CSV: "csv", report.LaTeX: "tex"} {
		var out bytes.Buffer
		if err := c.Write(&out, format, report.CompareWriteOptions{Show: 2, PerQuery: true, Texts: map[rundir.Split]map[string]string{c.On: {"q0": "why | is 2 + 2", "q9": "not shown"}, "another": {"q1": "not shown"}}}); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, filepath.Join("testdata", "compare."+extension), out.Bytes())
		checkForm(t, format, out.String())
		switch format {
		case report.JSON:
			var v struct {
				Against []struct {
					Measures map[string]struct{ Holm, P float64 }
					PerQuery []struct{ ID string } `json:"per_query"`
				}
			}
			if err := json.Unmarshal(out.Bytes(), &v); err != nil || len(v.Against) != 2 || len(v.Against[0].PerQuery) != 6 {
				t.Errorf("%v: %+v", err, v)
			}
		case report.CSV:
			rows, err := csv.NewReader(&out).ReadAll()
			if err != nil || len(rows) != 1+2*(2+2*2) { // the head; for each of two: two measures, and two of two parts
				t.Errorf("%v: %d rows", err, len(rows))
			}
		}
	}
	if err := c.Write(&bytes.Buffer{}, "html", report.CompareWriteOptions{}); err == nil {
		t.Error("an unknown format is taken")
	}
}

// TestComparisonsWrite: further sets stand behind the first in every format, and in JSON they take nothing from it.
func TestComparisonsWrite(t *testing.T) {
	var all report.Comparisons
	for _, split := range []rundir.Split{rundir.Dev, rundir.Test, rundir.AlsoSplit("french")} {
		base, other := side("base", 0), side("other", 0.25, 0, 0.125, -0.125, 0, 0)
		base.On, other.On = split, split
		c, err := report.Compare(base, []report.Side{other}, exactly)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for format, extension := range map[report.Format]string{report.Text: "txt", report.Markdown: "md", report.JSON: "json", report.CSV: "csv", report.LaTeX: "tex"} {
		var out, first bytes.Buffer
		if err := errors.Join(all.Write(&out, format, report.CompareWriteOptions{Show: 1}), all[0].Write(&first, format, report.CompareWriteOptions{Show: 1})); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, filepath.Join("testdata", "compare-sets."+extension), out.Bytes())
		checkForm(t, format, out.String())
		switch format {
		case report.JSON:
			var whole, alone map[string]any
			if err := errors.Join(json.Unmarshal(out.Bytes(), &whole), json.Unmarshal(first.Bytes(), &alone)); err != nil {
				t.Fatal(err)
			}
			if sets, _ := whole["sets"].([]any); len(sets) != 2 {
				t.Errorf("%d further sets", len(sets))
			}
			delete(whole, "sets")
			if diff := cmp.Diff(alone, whole); diff != "" {
				t.Errorf("the first set is not as it is alone:\n%s", diff)
			}
		case report.CSV:
			if !strings.HasPrefix(out.String(), first.String()) {
				t.Error("the first rows are not those of the first set")
			}
		default:
			for _, set := range []string{"on dev: 6 queries", "on test: 6 queries", "on also-french: 6 queries"} {
				if !strings.Contains(out.String(), set) {
					t.Errorf("%s: no %q", format, set)
				}
			}
		}
	}
}

func TestCompareErrors(t *testing.T) {
	other := side("other", 0.1)
	fewer := side("other", 0.1)
	fewer.Queries = fewer.Queries[:5]
	gap := side("other", 0.1)
	gap.Queries = append(gap.Queries[:2:2], gap.Queries[3:]...)
	ranx := side("other", 0.1)
	ranx.Convention = "ranx"
	grouped := side("other", 0.1)
	grouped.Queries[1].Group = "g9"
	for _, tc := range []struct {
		name   string
		base   report.Side
		others []report.Side
		o      report.CompareOptions
		want   string
	}{
		{"nothing", side("base", 0), nil, exactly, "nothing is set against base"},
		{"no queries", report.Side{Name: "base"}, []report.Side{other}, exactly, "base has no queries"},
		{"fewer queries", side("base", 0), []report.Side{fewer}, exactly, `query "q5" is scored in base and not in other`},
		{"a gap", side("base", 0), []report.Side{gap}, exactly, `query "q2" is scored in base and not in other`},
		{"more queries", fewer, []report.Side{side("third", 0)}, exactly, `query "q5" is scored in third and not in other`},
		{"another convention", side("base", 0), []report.Side{ranx}, exactly, "base is measured as trec_eval has it, other as ranx"},
		{"another group", side("base", 0), []report.Side{grouped}, exactly, `query "q1" is of group "g0" in base and of group "g9" in other`},
		{"not measured", side("base", 0), []report.Side{other}, report.CompareOptions{Measures: []string{"mrr"}, Stats: exactly.Stats}, "mrr is not measured in both base"},
		{"no label", side("base", 0), []report.Side{other}, report.CompareOptions{By: []string{"subject"}, Stats: exactly.Stats}, `has no label under "subject"`},
		{"no level", side("base", 0), []report.Side{other}, report.CompareOptions{}, "level 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := report.Compare(tc.base, tc.others, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestEpochSide(t *testing.T) {
	r := newRun(t)
	r.score(0, measures, []float64{0.17, 0.3})
	file := r.Round(0).EpochQueries(rundir.Dev, 1)
	kept := &rundir.QueryScores{Version: 1, Epoch: 1, Split: rundir.Dev, Convention: "ranx", Measures: []string{"mrr"}, Queries: []rundir.QueryScore{
		{ID: "a", Group: "g", Seen: true, Frequency: 5, Words: 9, Values: []float64{0.5}}, {ID: "b", Values: []float64{1}},
	}}
	if _, err := report.EpochSide(r.Dir, 0, 1, rundir.Dev); err == nil || !strings.Contains(err.Error(), "no scores by query on dev of round 0, epoch 1") {
		t.Errorf("without the file: %v", err)
	}
	if err := rundir.WriteFile(r.FS, file, kept.Write); err != nil {
		t.Fatal(err)
	}
	if _, err := report.EpochSide(r.Dir, 0, 1, rundir.Dev); err == nil {
		t.Error("a file without a stamp counts")
	}
	r.stamp(0, "eval-epoch-1", nil, file)
	if common, err := report.CommonSets(r.Dir, [][2]int{{0, 1}}, []rundir.Split{rundir.Dev, rundir.Test}); err != nil || !slices.Equal(common, []rundir.Split{rundir.Dev}) {
		t.Errorf("common sets of one epoch: %v, %v", common, err)
	}
	if common, err := report.CommonSets(r.Dir, [][2]int{{0, 1}, {0, 0}}, []rundir.Split{rundir.Dev}); err != nil || common != nil {
		t.Errorf("common sets with an epoch that has none: %v, %v", common, err)
	}
	s, err := report.EpochSide(r.Dir, 0, 1, rundir.Dev)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "eedi round 0 epoch 1" || s.Convention != "ranx" || len(s.Queries) != 2 || s.Queries[0].Labels["frequency"] != "4-7" || s.Queries[1].Labels["seen"] != "unseen" || s.Queries[0].Labels["length"] != "8-15" {
		t.Errorf("%+v", s)
	}
	kept.Epoch = 2
	if err := rundir.WriteFile(r.FS, file, kept.Write); err != nil {
		t.Fatal(err)
	}
	if _, err := report.EpochSide(r.Dir, 0, 1, rundir.Dev); err == nil || !strings.Contains(err.Error(), "of round 0, epoch 2, dev") {
		t.Errorf("another epoch's file: %v", err)
	}
}
