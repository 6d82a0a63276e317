package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// TestIntervals: an epoch whose scores are kept by query gets intervals in every format; one without goes without.
func TestIntervals(t *testing.T) {
	r := newRun(t)
	for epoch := range 2 {
		kept := &rundir.QueryScores{Version: 1, Epoch: epoch, Split: rundir.Dev, Convention: "sentence-transformers", Measures: []string{"map@25"}}
		for q := range 8 {
			kept.Queries = append(kept.Queries, rundir.QueryScore{ID: fmt.Sprint("q", q), Group: fmt.Sprint(q / 2), Values: []float64{float64(q % 2)}})
		}
		row := rundir.EpochScores{Epoch: epoch, Dev: rundir.Means{Queries: 8, All: []float64{0.5}}}
		scores, queries := r.Round(0).EpochScores(epoch), r.Round(0).EpochQueries(rundir.Dev, epoch)
		r.write(scores, row)
		if err := r.FS.MkdirAll(r.Round(0).Epoch(epoch)); err != nil {
			t.Fatal(err)
		}
		outputs := []string{scores}
		if epoch == 1 {
			if err := rundir.WriteFile(r.FS, queries, kept.Write); err != nil {
				t.Fatal(err)
			}
			outputs = append(outputs, queries)
		}
		r.stamp(0, fmt.Sprintf("eval-epoch-%d", epoch), map[string]any{"eval": map[string]any{"metrics": []string{"map@25"}, "convention": "sentence-transformers"}}, outputs...)
	}
	got := r.read()
	if err := got.AddIntervals(r.Dir, stats.Options{Level: 0.9, Resamples: 100, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	// Every group has a 0 and a 1: a resample of groups is 0.5 whatever is drawn.
	epochs := got.Rounds[0].Epochs
	if epochs[0].Intervals != nil || len(epochs[1].Intervals) != 1 || epochs[1].Intervals[0].Low != 0.5 || epochs[1].Intervals[0].High != 0.5 || epochs[1].Intervals[0].Units != 4 {
		t.Fatalf("%+v", epochs)
	}
	for format, want := range map[report.Format]string{
		report.Text: "0.5000–0.5000", report.Markdown: "0.5000–0.5000", report.LaTeX: "0.5000--0.5000", report.CSV: ",map@25,0.5,0.5,0.5\n",
	} {
		var out bytes.Buffer
		if err := got.Write(&out, format); err != nil || !strings.Contains(out.String(), want) || format != report.CSV && !strings.Contains(out.String(), "interval") {
			t.Errorf("%s: %v\n%s", format, err, out.String())
		}
	}
	var out bytes.Buffer
	if err := got.Write(&out, report.JSON); err != nil {
		t.Fatal(err)
	}
	var told struct {
		Rounds []struct {
			Epochs []struct {
				Dev struct {
					Intervals map[string]struct{ Low, Level float64 }
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil || len(told.Rounds[0].Epochs[0].Dev.Intervals) != 0 || told.Rounds[0].Epochs[1].Dev.Intervals["map@25"].Level != 0.9 {
		t.Errorf("%v: %+v", err, told)
	}
}
