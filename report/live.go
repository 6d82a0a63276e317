package report

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// Header is the heading over the rows of a round that Row makes, in columns of fixed width.
func Header(measures []string) string {
	columns := liveColumns(groupMeasures(measures))
	return line(columns, heads(columns))
}

// Row is one epoch over all dev queries, in the columns of Header: for printing it as soon as it is scored.
func Row(measures []string, e rundir.EpochScores) string {
	return liveRow(measures, epochName(e.Epoch), e.EvalLoss, e.Dev.All)
}

// Live tells what to print of a table that grows. The zero value is ready.
type Live struct {
	began  bool
	round  int
	epochs []int // whose rows are out
	tests  []int // whose rows of test are out
	chosen *int
}

// Lines returns the lines that a round's table has gained since the last call: a heading first, a row for each new
// epoch and for each new score on test, and the choice when there is one. Without news there are none.
func (l *Live) Lines(round int, s *rundir.Scores, chosen *int) []string {
	var lines []string
	if !l.began || l.round != round {
		*l = Live{began: true, round: round}
		lines = append(lines, fmt.Sprintf("round %d", round), Header(s.Measures))
	}
	for _, e := range s.Epochs {
		if !slices.Contains(l.epochs, e.Epoch) {
			l.epochs = append(l.epochs, e.Epoch)
			lines = append(lines, Row(s.Measures, e))
		}
	}
	if chosen != nil && (l.chosen == nil || *l.chosen != *chosen) {
		choice := *chosen
		l.chosen = &choice
		lines = append(lines, fmt.Sprintf("round %d goes on with epoch %d", round, choice))
	}
	for _, e := range s.Epochs {
		if e.Test != nil && !slices.Contains(l.tests, e.Epoch) {
			l.tests = append(l.tests, e.Epoch)
			lines = append(lines, liveRow(s.Measures, fmt.Sprintf("%d test", e.Epoch), nil, e.Test.All))
		}
	}
	return lines
}

func liveColumns(groups []columnGroup) []column {
	return table{columns: append(epochColumns(), measureColumns(groups)...)}.fit()
}

func liveRow(measures []string, name string, loss *float64, means []float64) string {
	groups := groupMeasures(measures)
	return line(liveColumns(groups), append([]string{name, lossCell(loss)}, measureCells(groups, means)...))
}
