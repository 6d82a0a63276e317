package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// TestEveryFigureHasItsInterval: Markdown and LaTeX show the interval of every measure on every set and part, text where it is asked for.
func TestEveryFigureHasItsInterval(t *testing.T) {
	between := func(low, high float64) stats.Interval {
		return stats.Interval{Low: low, High: high, Level: 0.9, Units: 4}
	}
	r := &report.Report{Run: "tiny", Rounds: []report.Round{{
		Convention: "ranx", Measures: []string{"map@25", "recall@5"},
		Epochs: []report.Epoch{{
			EpochScores: rundir.EpochScores{
				Dev:  rundir.Means{Queries: 4, All: []float64{0.5, 0.75}, Seen: rundir.Slice{Queries: 4, Means: []float64{0.5, 0.75}}},
				Test: &rundir.Means{Queries: 2, All: []float64{0.25, 0.5}},
			},
			Intervals: map[rundir.Split]report.Intervals{
				rundir.Dev:  {All: []stats.Interval{between(0.41, 0.52), between(0.71, 0.82)}, Seen: []stats.Interval{between(0.43, 0.54), between(0.73, 0.84)}},
				rundir.Test: {All: []stats.Interval{between(0.11, 0.32), between(0.31, 0.62)}},
			},
		}},
	}}}
	write := func(f report.Format, o report.WriteOptions) string {
		var out bytes.Buffer
		if err := r.WriteWith(&out, f, o); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	rows := map[report.Format][]string{
		report.Text: {
			"90 % intervals  epoch     n         MAP@25       Recall@5",
			"dev             0 (base)  4  0.4100–0.5200  0.7100–0.8200",
			"dev, seen       0 (base)  4  0.4300–0.5400  0.7300–0.8400",
			"test            0 (base)  2  0.1100–0.3200  0.3100–0.6200",
		},
		report.Markdown: {"| dev, seen      | 0 (base) |   4 | 0.4300–0.5400 | 0.7300–0.8400 |"},
		report.LaTeX:    {"test & 0 (base) & 2 & 0.1100--0.3200 & 0.3100--0.6200"},
	}
	for format, want := range rows {
		got := write(format, report.WriteOptions{Intervals: true})
		for _, row := range want {
			if !strings.Contains(got, row) {
				t.Errorf("%s lacks %q:\n%s", format, row, got)
			}
		}
	}
	if plain := write(report.Text, report.WriteOptions{}); strings.Contains(plain, "90 % intervals") || !strings.Contains(plain, "0.4100–0.5200") || strings.Contains(plain, "0.7100–0.8200") {
		t.Errorf("unasked, text shows\n%s", plain)
	}
	for _, format := range []report.Format{report.Markdown, report.LaTeX} {
		if unasked := write(format, report.WriteOptions{}); unasked != write(format, report.WriteOptions{Intervals: true}) {
			t.Errorf("%s shows less where it is not asked", format)
		}
	}
	r.Rounds[0].Measures = r.Rounds[0].Measures[:1] // the one interval stands beside its mean already
	if alone := write(report.Markdown, report.WriteOptions{}); strings.Contains(alone, "90 % intervals") {
		t.Errorf("one measure:\n%s", alone)
	}
}
