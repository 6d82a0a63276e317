package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// missing stands where a table has no number.
const missing = "-"

// digits of a measure behind the point: with some hundred queries the fourth is noise already.
const digits = 4

// valueWidth is the characters of a measure, which lies between 0 and 1.
const valueWidth = digits + 2

// columnGroup is measures of one kind that stand together and share a column: Recall@25/50/75/100.
type columnGroup struct {
	head     string
	from, to int // the measures [from, to) of the table
}

// groupMeasures puts neighbours of one kind into one column, as the field's tables do.
func groupMeasures(measures []string) []columnGroup {
	var groups []columnGroup
	last := ""
	for i, m := range measures {
		kind, cutoff, _ := strings.Cut(m, "@")
		if n := len(groups); n > 0 && kind == last && cutoff != "" {
			groups[n-1].head += "/" + cutoff
			groups[n-1].to = i + 1
			continue
		}
		groups = append(groups, columnGroup{display(m), i, i + 1})
		last = kind
		if cutoff == "" {
			last = "" // a measure of the whole ranking has no cutoff to share
		}
	}
	return groups
}

// display writes a measure as papers do.
func display(measure string) string {
	kind, cutoff, cut := strings.Cut(measure, "@")
	switch kind {
	case "map", "mrr":
		kind = strings.ToUpper(kind)
	case "ndcg":
		kind = "nDCG"
	case "recall", "hit", "precision":
		kind = strings.ToUpper(kind[:1]) + kind[1:]
	case "r-precision":
		kind = "R-Precision"
	}
	if cut {
		kind += "@" + cutoff
	}
	return kind
}

// measureColumns is the columns of the groups, as wide as any of their values.
func measureColumns(groups []columnGroup) []column {
	columns := make([]column, len(groups))
	for i, g := range groups {
		columns[i] = column{head: g.head, width: (g.to-g.from)*(valueWidth+1) - 1}
	}
	return columns
}

// measureCells is one row of means under measureColumns. Means of other columns, such as none at all or those of a
// recipe that was edited meanwhile, are a row of gaps.
func measureCells(groups []columnGroup, means []float64) []string {
	cells := make([]string, len(groups))
	for i, g := range groups {
		cells[i] = missing
		if len(means) != groups[len(groups)-1].to {
			continue
		}
		var values []string
		for _, v := range means[g.from:g.to] {
			values = append(values, strconv.FormatFloat(v, 'f', digits, 64))
		}
		cells[i] = strings.Join(values, "/")
	}
	return cells
}

// epochTable is the main table of a round: every epoch over all dev queries, the first measure on test where it was
// taken and on each set of data.also, with its intervals where there are some, and a column for each label of outside scores.
func (r Round) epochTable(mark func(string) string) table {
	groups := groupMeasures(r.Measures)
	labels := r.labels()
	t := table{columns: append(epochColumns(), measureColumns(groups)...)}
	percent := fmt.Sprintf("%g %% interval", 100*r.level())
	if r.hasIntervals(rundir.Dev) {
		t.columns = append(t.columns, column{head: display(r.Measures[0]) + " " + percent})
	}
	others := r.otherSets()
	for _, set := range others {
		t.columns = append(t.columns, column{head: set.name + " " + display(r.Measures[0])})
		if r.hasIntervals(set.split) {
			t.columns = append(t.columns, column{head: set.name + " " + percent})
		}
	}
	for _, label := range labels {
		t.columns = append(t.columns, column{head: label})
	}
	for _, e := range r.Epochs {
		name := epochName(e.Epoch)
		if e.Chosen {
			name = mark(name)
		}
		row := append([]string{name, lossCell(e.EvalLoss)}, measureCells(groups, e.Dev.All)...)
		if r.hasIntervals(rundir.Dev) {
			row = append(row, intervalCell(e.Intervals[rundir.Dev].All))
		}
		for _, set := range others {
			row = append(row, firstCell(set.of(e)))
			if r.hasIntervals(set.split) {
				row = append(row, intervalCell(e.Intervals[set.split].All))
			}
		}
		for _, label := range labels {
			row = append(row, e.outsideCell(label))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// otherSet is a set beside dev that some epoch of a round is scored on.
type otherSet struct {
	name  string
	split rundir.Split
	of    func(Epoch) *rundir.Means // nil where an epoch is not scored on it
}

// otherSets are test and the sets of data.also, as far as some epoch is scored on them.
func (r Round) otherSets() []otherSet {
	var sets []otherSet
	if len(r.Measures) > 0 && slices.ContainsFunc(r.Epochs, func(e Epoch) bool { return e.Test != nil }) {
		sets = append(sets, otherSet{string(rundir.Test), rundir.Test, func(e Epoch) *rundir.Means { return e.Test }})
	}
	for _, name := range r.alsoNames() {
		sets = append(sets, otherSet{name, rundir.AlsoSplit(name), func(e Epoch) *rundir.Means { return e.AlsoScores(name) }})
	}
	return sets
}

// splitTable is the rows behind the main table's: dev by whether training has the positive, the sets of data.also, and test;
// with the interval of the first measure.
func (r Round) splitTable() table {
	groups := groupMeasures(r.Measures)
	t := table{columns: append([]column{{head: "queries", words: true}, {head: "epoch", words: true}, {head: "n"}}, measureColumns(groups)...)}
	level := r.level()
	if level > 0 {
		t.columns = append(t.columns, column{head: fmt.Sprintf("%s %g %% interval", display(r.Measures[0]), 100*level)})
	}
	add := func(set otherSet, epochs []Epoch, parts ...meansPart) {
		for _, part := range parts {
			for _, e := range epochs {
				means := set.of(e)
				if means == nil || part.of(means).Queries == 0 {
					continue
				}
				slice := part.of(means)
				row := append([]string{set.name + part.suffix, epochName(e.Epoch), strconv.Itoa(slice.Queries)}, measureCells(groups, slice.Means)...)
				if level > 0 {
					row = append(row, intervalCell(part.intervals(e.Intervals[set.split])))
				}
				t.rows = append(t.rows, row)
			}
		}
	}
	parts := meansParts()
	add(otherSet{string(rundir.Dev), rundir.Dev, func(e Epoch) *rundir.Means { return &e.Dev }}, r.Epochs, parts[1:]...)
	others := r.otherSets()
	for _, set := range others {
		if set.split != rundir.Test {
			add(set, r.Epochs, parts...)
		}
	}
	for _, set := range others {
		for i := range r.Epochs {
			if set.split == rundir.Test { // two epochs, far apart as a rule: each with its parts
				add(set, r.Epochs[i:i+1], parts...)
			}
		}
	}
	return t
}

// meansPart is the means over all queries of a set, or over those whose positive training has or has not.
type meansPart struct {
	name, suffix string
	of           func(*rundir.Means) rundir.Slice
	intervals    func(Intervals) []stats.Interval
}

func meansParts() []meansPart {
	return []meansPart{
		{"all", "", func(m *rundir.Means) rundir.Slice { return rundir.Slice{Queries: m.Queries, Means: m.All} }, func(i Intervals) []stats.Interval { return i.All }},
		{"seen", ", seen", func(m *rundir.Means) rundir.Slice { return m.Seen }, func(i Intervals) []stats.Interval { return i.Seen }},
		{"unseen", ", unseen", func(m *rundir.Means) rundir.Slice { return m.Unseen }, func(i Intervals) []stats.Interval { return i.Unseen }},
	}
}

// labels of the outside scores of a round, ascending.
func (r Round) labels() []string {
	var labels []string
	for _, e := range r.Epochs {
		for _, s := range e.Outside {
			labels = append(labels, s.Label)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

func (e Epoch) outsideCell(label string) string {
	for _, s := range e.Outside {
		if s.Label == label {
			return number(s.Value)
		}
	}
	return missing
}

func epochColumns() []column {
	return []column{{head: "epoch", words: true, width: len(epochName(0))}, {head: "eval_loss"}}
}

func epochName(epoch int) string {
	if epoch == 0 {
		return "0 (base)"
	}
	return strconv.Itoa(epoch)
}

func lossCell(loss *float64) string {
	if loss == nil {
		return missing
	}
	return strconv.FormatFloat(*loss, 'f', digits, 64)
}

// firstCell is the first measure.
func firstCell(m *rundir.Means) string {
	if m == nil {
		return missing
	}
	return strconv.FormatFloat(m.All[0], 'f', digits, 64)
}

// number writes an outside score with the digits that it was given with.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
