package report_test

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// twoFolds are runs on two folds, each scored on its own dev queries, and both on one test and one set of data.also. The
// second scores 1/8 higher, on the set of data.also 1/8 lower.
func twoFolds(t *testing.T) []*run {
	a, b := newRun(t), newRun(t)
	a.fold, b.fold = "a", "b"
	a.scoreEverySet(0)
	b.scoreEverySet(0.125)
	return []*run{a, b}
}

func readFolds(t *testing.T, runs []*run) (*report.FoldSummary, error) {
	t.Helper()
	var dirs []*rundir.Dir
	for _, r := range runs {
		dirs = append(dirs, r.Dir)
	}
	return report.ReadFolds(dirs, stats.Options{Level: 0.9, Resamples: 100, Seed: 1})
}

// TestFoldsOnEverySet: beside the dev queries, of which each fold has its own, stand test and the sets of data.also, which
// all folds have scored.
func TestFoldsOnEverySet(t *testing.T) {
	got, err := readFolds(t, twoFolds(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Queries != 16 || len(got.Rows) != 3 || len(got.Others) != 2 || len(got.Left) != 0 {
		t.Fatalf("%+v", got)
	}
	// Means of the folds of epochs 0 and 1 and of the choice, which is epoch 1 (scoredByQuery).
	for name, want := range map[string][]float64{"dev": {0.4375, 0.5, 0.5}, "test": {0.3125, 0.375, 0.375}, "general": {0.6875, 0.625, 0.625}} {
		rows, queries := got.Rows, 16
		if name != "dev" {
			i := slices.IndexFunc(got.Others, func(s report.FoldSet) bool { return s.Name == name })
			rows, queries = got.Others[i].Rows, got.Others[i].Queries
			if queries != 8 {
				t.Errorf("%s has %d queries", name, queries)
			}
		}
		for i, row := range rows {
			v := row.Values[0]
			low, high := min(v.Folds[0], v.Folds[1]), max(v.Folds[0], v.Folds[1])
			if math.Abs(v.Mean-want[i]) > 1e-12 || math.Abs(v.Pooled.Mean-want[i]) > 1e-12 || v.Pooled.Units != queries/2 || math.Abs(high-low-0.125) > 1e-12 {
				t.Errorf("%s, row %d: %+v, want a mean of %v", name, i, v, want[i])
			}
			// A query that all folds score is drawn with all of its scores, so only its unit's mean counts: all are alike.
			if name != "dev" && (v.Pooled.Low != v.Pooled.Mean || v.Pooled.High != v.Pooled.Mean) {
				t.Errorf("%s, row %d: %+v", name, i, v.Pooled)
			}
		}
	}
	// Half of the queries of every set are unseen, and score 1/8 below the mean of all, as the seen ones do above it.
	for _, set := range append([]report.FoldSet{{Name: "dev", Rows: got.Rows, Queries: 16}}, got.Others...) {
		for i, row := range set.Rows {
			for part, by := range []float64{0.125, -0.125} {
				one := row.Parts[part]
				if one.Queries != set.Queries/2 || math.Abs(one.Values[0].Mean-row.Values[0].Mean-by) > 1e-12 || math.Abs(one.Values[0].Pooled.Mean-row.Values[0].Pooled.Mean-by) > 1e-12 || len(one.Values[0].Folds) != 2 {
					t.Errorf("%s, row %d, %s: %+v", set.Name, i, report.PartNames[part], one)
				}
			}
		}
	}
	for format, extension := range map[report.Format]string{report.Text: "txt", report.Markdown: "md", report.JSON: "json", report.CSV: "csv", report.LaTeX: "tex"} {
		var out bytes.Buffer
		if err := got.Write(&out, format); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, filepath.Join("testdata", "folds."+extension), out.Bytes())
		if format == report.JSON && !json.Valid(out.Bytes()) {
			t.Error("no JSON")
		}
		if !strings.Contains(out.String(), "test") || !strings.Contains(out.String(), "general") {
			t.Errorf("%s lacks a set", format)
		}
	}
}

// TestFoldsWithoutUnseen: a fold without unseen queries has no mean of them, and one mean has no deviation; where no fold has
// any, there is nothing to tell apart.
func TestFoldsWithoutUnseen(t *testing.T) {
	runs := twoFolds(t)
	for i, r := range runs {
		for epoch := range 2 {
			file := r.Round(0).EpochQueries(rundir.Dev, epoch)
			kept, err := r.ReadQueryScores(file)
			if err != nil {
				t.Fatal(err)
			}
			for q := range kept.Queries {
				kept.Queries[q].Seen = kept.Queries[q].Seen || i == 0
			}
			if err := rundir.WriteFile(r.FS, file, kept.Write); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := readFolds(t, runs)
	if err != nil {
		t.Fatal(err)
	}
	if one := got.Rows[0].Parts[1]; one.Queries != 4 || len(one.Values[0].Folds) != 1 || one.Values[0].Mean != 0.375 || !math.IsNaN(one.Values[0].Deviation) {
		t.Errorf("%+v", one)
	}
	for format, want := range map[report.Format]string{report.Text: "unseen on dev: 4 queries", report.JSON: `"deviation": null`, report.CSV: ",dev,unseen"} {
		var out bytes.Buffer
		if err := got.Write(&out, format); err != nil || !strings.Contains(out.String(), want) || strings.Contains(out.String(), "NaN") {
			t.Errorf("%s: %v\n%s", format, err, out.String())
		}
	}
	for i := range got.Rows {
		got.Rows[i].Parts[1] = report.FoldPart{}
	}
	var out bytes.Buffer
	if err := got.Write(&out, report.Text); err != nil || strings.Contains(out.String(), "seen on dev") {
		t.Errorf("all are seen: %v\n%s", err, out.String())
	}
}

// TestFoldsOfOtherSets: a set that is not the same in all folds, or not scored in one, is left out and said to be.
func TestFoldsOfOtherSets(t *testing.T) {
	for name, change := range map[string]func(r *run){
		"other queries": func(r *run) {
			general := rundir.AlsoSplit("general")
			for epoch := range 2 {
				kept := rundir.QueryScores{Version: 1, Epoch: epoch, Split: general, Convention: "sentence-transformers", Measures: []string{"map@25"}, Queries: []rundir.QueryScore{{ID: "x", Values: []float64{1}}}}
				if err := rundir.WriteFile(r.FS, r.Round(0).EpochQueries(general, epoch), kept.Write); err != nil {
					t.Fatal(err)
				}
			}
		},
		"not scored": func(r *run) {
			for _, stage := range []string{"also-epoch-0-general", "also-epoch-1-general"} {
				r.remove(r.Stamp(0, stage))
			}
		},
	} {
		runs := twoFolds(t)
		change(runs[1])
		got, err := readFolds(t, runs)
		if err != nil {
			t.Fatal(err)
		}
		const left = "general is left out: not every fold has scores by query on it, of the same queries"
		if len(got.Others) != 1 || got.Others[0].Name != "test" || !slices.Contains(got.Legend(), left) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	same := twoFolds(t)
	same[1].fold = "a"
	same[1].scoreEverySet(0)
	if _, err := readFolds(t, same); err == nil || !strings.Contains(err.Error(), string(same[0].Layout)) || !strings.Contains(err.Error(), "these are no folds") {
		t.Errorf("two runs on the same dev queries: %v", err)
	}
}
