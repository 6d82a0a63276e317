package report

import (
	"fmt"
	"strconv"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// WriteOptions say how much of a report is written.
type WriteOptions struct {
	Intervals bool // in text the intervals of all measures, in a table of their own; other formats have them anyhow
}

// intervalTable is the intervals of every measure of every row of the round's tables, in a table of its own: beside the means
// there is room for one. It has no rows where that one is all, or where there are none.
func (r Round) intervalTable() table {
	level := r.level()
	if level == 0 || len(r.Measures) < 2 {
		return table{}
	}
	t := table{columns: []column{{head: fmt.Sprintf("%g %% intervals", 100*level), words: true}, {head: "epoch", words: true}, {head: "n"}}}
	for _, m := range r.Measures {
		t.columns = append(t.columns, column{head: display(m)})
	}
	sets := append([]otherSet{{string(rundir.Dev), rundir.Dev, func(e Epoch) *rundir.Means { return &e.Dev }}}, r.otherSets()...)
	for _, set := range sets {
		for _, part := range meansParts() {
			for _, e := range r.Epochs {
				means := set.of(e)
				found := part.intervals(e.Intervals[set.split])
				if means == nil || len(found) != len(r.Measures) {
					continue
				}
				row := []string{set.name + part.suffix, epochName(e.Epoch), strconv.Itoa(part.of(means).Queries)}
				for i := range found {
					row = append(row, intervalCell(found[i:]))
				}
				t.rows = append(t.rows, row)
			}
		}
	}
	return t
}

// intervalCell is the first of some intervals.
func intervalCell(found []stats.Interval) string {
	if len(found) == 0 {
		return missing
	}
	return fixed(found[0].Low) + "–" + fixed(found[0].High)
}
