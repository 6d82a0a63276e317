package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// addMeasures draws each measure by epoch, apart for seen and unseen positives, and on the sets of data.also.
func (p *Page) addMeasures(_ *rundir.Dir, r *report.Report) error {
	s := Section{ID: "measures", Title: "Measures on dev"}
	for _, m := range measuresOf(r) {
		s.Figures = append(s.Figures, measure(r, m))
	}
	if len(s.Figures) == 0 {
		if len(r.Lost) == 0 { // which the summary tells of
			p.missing("Nothing is scored yet.")
		}
	}
	if most := mostQueries(r); most > mostResampled {
		p.missing("Sets of more than %d queries (here up to %d) have no intervals on this page: `quarry report` computes them.", mostResampled, most)
	}
	p.add(s)
	seen := Section{ID: "seen", Title: "Seen against unseen"}
	for _, m := range measuresOf(r) {
		if f := seenUnseen(r, m); len(f.Drawing.Points) > 0 {
			seen.Figures = append(seen.Figures, f)
		}
	}
	p.add(seen)
	also := Section{ID: "also", Title: "Other sets"}
	for _, m := range measuresOf(r) {
		if f := otherSets(r, m); len(f.Drawing.Points) > 0 {
			also.Figures = append(also.Figures, f)
		}
	}
	p.add(also)
	return nil
}

// mostQueries is the queries of the largest set that is scored.
func mostQueries(r *report.Report) int {
	most := 0
	for _, round := range r.Rounds {
		for _, e := range round.Epochs {
			most = max(most, e.Dev.Queries)
			if e.Test != nil {
				most = max(most, e.Test.Queries)
			}
			for _, a := range e.Also {
				most = max(most, a.Scores.Queries)
			}
		}
	}
	return most
}

// measuresOf is the measures of all rounds, in the order of the first that has each.
func measuresOf(r *report.Report) []string {
	var all []string
	known := map[string]bool{}
	for _, round := range r.Rounds {
		for _, m := range round.Measures {
			if !known[m] {
				known[m] = true
				all = append(all, m)
			}
		}
	}
	return all
}

// measure draws one measure over all dev queries.
func measure(r *report.Report, name string) Figure {
	f := Figure{
		ID: "measure-" + slug(name), Title: name + " by epoch",
		About:   "Over all dev queries and the whole corpus. Epoch 0 is the base; the epoch that a round goes on with is marked.",
		Drawing: Drawing{Kind: Lines, X: "epoch", Y: name, Series: []string{"dev"}},
	}
	lines := []line{{name: name, of: func(e report.Epoch) (rundir.Slice, []stats.Interval) {
		return rundir.Slice{Queries: e.Dev.Queries, Means: e.Dev.All}, e.Intervals[rundir.Dev].All
	}}}
	tests := false
	each(r, name, func(round report.Round, e report.Epoch, column int) {
		tests = tests || e.Test != nil
	})
	if tests {
		f.About += " Test is scored for the base and the chosen epoch alone."
		f.Drawing.Series = append(f.Drawing.Series, "test")
		lines = append(lines, line{name: "on test", plain: true, of: func(e report.Epoch) (rundir.Slice, []stats.Interval) {
			if e.Test == nil {
				return rundir.Slice{}, nil
			}
			return rundir.Slice{Queries: e.Test.Queries, Means: e.Test.All}, e.Intervals[rundir.Test].All
		}})
	}
	f.fill(r, name, lines)
	return f
}

// seenUnseen draws a measure apart for queries whose positive training has and has not.
func seenUnseen(r *report.Report, name string) Figure {
	f := Figure{
		ID: "seen-" + slug(name), Title: name + ", seen against unseen",
		About:   "Seen: a positive of the query is a positive of some training query. Unseen: none is. The marked epoch is the one that the round goes on with.",
		Drawing: Drawing{Kind: Lines, X: "epoch", Y: name, Series: []string{"seen", "unseen"}},
	}
	f.fill(r, name, []line{
		{name: "seen", count: true, of: func(e report.Epoch) (rundir.Slice, []stats.Interval) {
			return e.Dev.Seen, e.Intervals[rundir.Dev].Seen
		}},
		{name: "unseen", count: true, of: func(e report.Epoch) (rundir.Slice, []stats.Interval) {
			return e.Dev.Unseen, e.Intervals[rundir.Dev].Unseen
		}},
	})
	return f
}

// otherSets draws a measure on the sets of the recipe's data.also.
func otherSets(r *report.Report, name string) Figure {
	sets := r.AlsoNames()
	f := Figure{
		ID: "also-" + slug(name), Title: name + " on other sets",
		About:   "Nothing is chosen by these queries: a score that falls is what the training has cost. The marked epoch is the one that the round goes on with.",
		Drawing: Drawing{Kind: Lines, X: "epoch", Y: name, Series: sets},
	}
	var lines []line
	for _, set := range sets {
		lines = append(lines, line{name: set, of: func(e report.Epoch) (rundir.Slice, []stats.Interval) {
			m := e.AlsoScores(set)
			if m == nil {
				return rundir.Slice{}, nil
			}
			return rundir.Slice{Queries: m.Queries, Means: m.All}, e.Intervals[rundir.AlsoSplit(set)].All
		}})
	}
	f.fill(r, name, lines)
	return f
}

// line is one series of a figure of measures.
type line struct {
	name  string // of its column
	count bool   // its queries have a column, too
	plain bool   // the chosen epoch is marked on another line
	of    func(report.Epoch) (rundir.Slice, []stats.Interval)
}

// fill draws the lines of a measure, in the order of the series, and writes their table: an epoch that none of them has a
// value of is left out, and so is a column of intervals without any.
func (f *Figure) fill(r *report.Report, name string, lines []line) {
	intervals, level := make([]bool, len(lines)), 0.0
	each(r, name, func(_ report.Round, e report.Epoch, column int) {
		for i, l := range lines {
			if _, found := l.of(e); column < len(found) {
				intervals[i], level = true, found[column].Level
			}
		}
	})
	f.Table.Head = []string{"round", "epoch"}
	for i, l := range lines {
		f.Table.Head = append(f.Table.Head, l.name)
		if intervals[i] {
			f.Table.Head = append(f.Table.Head, fmt.Sprintf("%g %% interval", 100*level))
		}
		if l.count {
			f.Table.Head = append(f.Table.Head, "queries")
		}
	}
	if level > 0 {
		f.About += fmt.Sprintf(" Upright lines are %g %% bootstrap intervals over queries, or groups of them.", 100*level)
	}
	each(r, name, func(round report.Round, e report.Epoch, column int) {
		row, scored := []string{strconv.Itoa(round.Round), epochName(e)}, false
		for i, l := range lines {
			slice, found := l.of(e)
			cell, between := "–", "–"
			if column < len(slice.Means) {
				cell, scored = value(slice.Means[column]), true
				p := Point{X: float64(e.Epoch), Y: slice.Means[column], Series: i, Facet: f.Drawing.facet(roundName(round.Round)), Chosen: e.Chosen && !l.plain}
				if column < len(found) {
					p.Low, p.High = &found[column].Low, &found[column].High
					between = value(*p.Low) + " to " + value(*p.High)
				}
				f.Drawing.Points = append(f.Drawing.Points, p)
			}
			row = append(row, cell)
			if intervals[i] {
				row = append(row, between)
			}
			if l.count {
				row = append(row, strconv.Itoa(slice.Queries))
			}
		}
		if scored {
			f.Table.Rows = append(f.Table.Rows, row)
		}
	})
}

// each visits the epochs of the rounds that have a measure, with its column.
func each(r *report.Report, name string, visit func(round report.Round, e report.Epoch, column int)) {
	for _, round := range r.Rounds {
		for column, m := range round.Measures {
			for _, e := range round.Epochs {
				if m == name && column < len(e.Dev.All) {
					visit(round, e, column)
				}
			}
		}
	}
}

// slug makes a measure's name fit for an id of HTML.
func slug(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			b.WriteRune(r)
		case r == '@':
			b.WriteString("-at-")
		default:
			fmt.Fprintf(&b, "-%x-", r)
		}
	}
	return b.String()
}
