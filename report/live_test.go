package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

func TestLive(t *testing.T) {
	var live report.Live
	var printed []string
	announce := func(round int, maps []float64, chosen *int, tested ...int) []string {
		s := &rundir.Scores{Version: 1, Round: round, Convention: "ranx", Measures: measures}
		for epoch, value := range maps {
			e := row(epoch, value, len(measures))
			if slices.Contains(tested, epoch) {
				e.Test = &e.Dev
			}
			s.Epochs = append(s.Epochs, e)
		}
		lines := live.Lines(round, s, chosen)
		printed = append(printed, lines...)
		return lines
	}
	one, two := 1, 2
	announce(0, []float64{0.17}, nil)
	announce(0, []float64{0.17, 0.30}, nil)
	if again := announce(0, []float64{0.17, 0.30}, nil); len(again) > 0 {
		t.Errorf("the same table again gives %q", again)
	}
	announce(0, []float64{0.17, 0.30, 0.29}, nil)
	announce(0, []float64{0.17, 0.30, 0.29}, &one)
	announce(0, []float64{0.17, 0.30, 0.29}, &one, 0, 1)
	announce(1, []float64{0.17, 0.33, 0.36}, &two) // a rerun shows a finished round at once
	golden.Check(t, "testdata/live.txt", []byte(strings.Join(printed, "\n")+"\n"))

	if header := report.Header(measures); len(header) != len(report.Row(measures, row(3, 0.36, len(measures)))) {
		t.Errorf("header and rows differ in width: %q", header)
	}
}

// Scores on other sets have rows of their own behind the epoch's, once, and widen the column of names.
func TestLiveOfOtherSets(t *testing.T) {
	var live report.Live
	s := &rundir.Scores{Version: 1, Convention: "kaggle", Measures: []string{"map@25"}}
	var lines []string
	for epoch := range 2 {
		e := row(epoch, 0.5, 1)
		e.Also = []rundir.AlsoScores{{Name: "trivia-questions", Scores: rundir.Means{Queries: 3, All: []float64{0.25}}}}
		s.Epochs = append(s.Epochs, e)
		lines = append(lines, live.Lines(0, s, nil)...)
	}
	want := []string{
		"round 0, measures as kaggle has them",
		"epoch                eval_loss  MAP@25",
		"0 (base)                0.7500  0.5000",
		"0 trivia-questions           -  0.2500",
		"1                       0.7500  0.5000",
		"1 trivia-questions           -  0.2500",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// A row of another recipe's columns, left over from before an edit, shows gaps.
func TestRowOfOtherColumns(t *testing.T) {
	got := report.Row([]string{"map@25", "recall@25"}, row(1, 0.3, 5))
	if !strings.HasSuffix(got, "-") || strings.Contains(got, "0.3000") {
		t.Errorf("row %q", got)
	}
}
