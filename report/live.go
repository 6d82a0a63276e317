package report

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/rundir"
)

// Header is the heading over the rows of a round that Row makes, in columns of fixed width.
func Header(measures []string) string {
	return header(measures, 0)
}

func header(measures []string, width int) string {
	columns := liveColumns(groupMeasures(measures), width)
	return line(columns, heads(columns))
}

// Row is one epoch over all dev queries, in the columns of Header: for printing it as soon as it is scored.
func Row(measures []string, e rundir.EpochScores) string {
	return liveRow(measures, epochName(e.Epoch), 0, e.EvalLoss, e.Dev.All)
}

// Live tells what to print of a table that grows. The zero value is ready.
type Live struct {
	began  bool
	round  int
	epochs []int                  // whose rows are out
	tests  []int                  // whose rows of test are out
	also   map[rundir.Split][]int // the same of the sets of data.also
	chosen *int
	width  int // of the first column, which names of sets may widen
}

// Lines returns the lines that a round's table has gained since the last call: a heading first, a row for each new
// epoch, for each set of data.also that it is scored on and for each new score on test, and the choice when there is one. Without news there are none.
func (l *Live) Lines(round int, s *rundir.Scores, chosen *int) []string {
	var lines []string
	if !l.began || l.round != round {
		*l = Live{began: true, round: round}
		for _, e := range s.Epochs {
			for _, a := range e.Also {
				l.width = max(l.width, utf8.RuneCountInString(alsoName(99, a.Name)))
			}
		}
		lines = append(lines, fmt.Sprintf("round %d, measures as %s has them", round, s.Convention), header(s.Measures, l.width))
	}
	for _, e := range s.Epochs {
		if !slices.Contains(l.epochs, e.Epoch) {
			l.epochs = append(l.epochs, e.Epoch)
			lines = append(lines, liveRow(s.Measures, epochName(e.Epoch), l.width, e.EvalLoss, e.Dev.All))
		}
		for _, a := range e.Also {
			if split := rundir.AlsoSplit(a.Name); !slices.Contains(l.also[split], e.Epoch) {
				if l.also == nil {
					l.also = map[rundir.Split][]int{}
				}
				l.also[split] = append(l.also[split], e.Epoch)
				lines = append(lines, liveRow(s.Measures, alsoName(e.Epoch, a.Name), l.width, nil, a.Scores.All))
			}
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
			lines = append(lines, liveRow(s.Measures, fmt.Sprintf("%d test", e.Epoch), l.width, nil, e.Test.All))
		}
	}
	return lines
}

func alsoName(epoch int, set string) string { return fmt.Sprintf("%d %s", epoch, set) }

// liveColumns is the columns of a growing table, the first one at least so wide.
func liveColumns(groups []columnGroup, width int) []column {
	columns := epochColumns()
	columns[0].width = max(columns[0].width, width)
	return table{columns: append(columns, measureColumns(groups)...)}.fit()
}

func liveRow(measures []string, name string, width int, loss *float64, means []float64) string {
	groups := groupMeasures(measures)
	return line(liveColumns(groups, width), append([]string{name, lossCell(loss)}, measureCells(groups, means)...))
}
