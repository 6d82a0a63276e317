package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// addMeasures draws each measure by epoch, apart for seen and unseen positives, and on the sets of data.also.
func (p *Page) addMeasures(_ *rundir.Dir, r *report.Report) error {
	s := Section{ID: "measures", Title: "Measures on dev"}
	for _, m := range measuresOf(r) {
		s.Figures = append(s.Figures, measure(r, m))
	}
	if len(s.Figures) == 0 {
		p.missing("Nothing is scored yet.")
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
		Table:   Table{Head: []string{"round", "epoch", name}},
	}
	tests := false
	each(r, name, func(round report.Round, e report.Epoch, column int) {
		tests = tests || e.Test != nil
	})
	if tests {
		f.About += " Test is scored for the base and the chosen epoch alone."
		f.Drawing.Series = append(f.Drawing.Series, "test")
		f.Table.Head = append(f.Table.Head, "on test")
	}
	each(r, name, func(round report.Round, e report.Epoch, column int) {
		facet := f.Drawing.facet(roundName(round.Round))
		f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(e.Epoch), Y: e.Dev.All[column], Facet: facet, Chosen: e.Chosen})
		row := []string{strconv.Itoa(round.Round), epochName(e), value(e.Dev.All[column])}
		switch {
		case e.Test != nil:
			f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(e.Epoch), Y: e.Test.All[column], Facet: facet, Series: 1})
			row = append(row, value(e.Test.All[column]))
		case tests:
			row = append(row, "–")
		}
		f.Table.Rows = append(f.Table.Rows, row)
	})
	return f
}

// seenUnseen draws a measure apart for queries whose positive training has and has not.
func seenUnseen(r *report.Report, name string) Figure {
	f := Figure{
		ID: "seen-" + slug(name), Title: name + ", seen against unseen",
		About:   "Seen: a positive of the query is a positive of some training query. Unseen: none is. The marked epoch is the one that the round goes on with.",
		Drawing: Drawing{Kind: Lines, X: "epoch", Y: name, Series: []string{"seen", "unseen"}},
		Table:   Table{Head: []string{"round", "epoch", "seen", "queries", "unseen", "queries"}},
	}
	each(r, name, func(round report.Round, e report.Epoch, column int) {
		row := []string{strconv.Itoa(round.Round), epochName(e)}
		for series, part := range []rundir.Slice{e.Dev.Seen, e.Dev.Unseen} {
			cell := "–"
			if column < len(part.Means) {
				cell = value(part.Means[column])
				f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(e.Epoch), Y: part.Means[column], Series: series, Facet: f.Drawing.facet(roundName(round.Round)), Chosen: e.Chosen})
			}
			row = append(row, cell, strconv.Itoa(part.Queries))
		}
		f.Table.Rows = append(f.Table.Rows, row)
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
		Table:   Table{Head: append([]string{"round", "epoch"}, sets...)},
	}
	each(r, name, func(round report.Round, e report.Epoch, column int) {
		row, scored := []string{strconv.Itoa(round.Round), epochName(e)}, false
		for series, set := range sets {
			cell := "–"
			if m := e.AlsoScores(set); m != nil {
				cell, scored = value(m.All[column]), true
				f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(e.Epoch), Y: m.All[column], Series: series, Facet: f.Drawing.facet(roundName(round.Round)), Chosen: e.Chosen})
			}
			row = append(row, cell)
		}
		if scored {
			f.Table.Rows = append(f.Table.Rows, row)
		}
	})
	return f
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
