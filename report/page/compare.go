package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/report"
)

// OfComparisons is the page of comparisons with one base: for every set, and everything that is set against the base, the
// differences of the measures with their intervals, those of the parts, and what single queries gained and lost.
func OfComparisons(all report.Comparisons, o report.CompareWriteOptions) *Page {
	p := &Page{Heading: "Against", Run: all[0].Base, Summary: all.Legend()}
	for i, c := range all {
		for k, a := range c.Against {
			title := a.Name
			if len(all) > 1 {
				title = fmt.Sprintf("On %s: %s", c.On, a.Name)
			}
			id := fmt.Sprintf("set-%d-other-%d", i, k)
			s := Section{ID: id, Title: title}
			measures, parts, changes := c.Sheets(a, o)
			about := fmt.Sprintf("Other less base, measures as %s has them, with %g %% bootstrap intervals, over %s in %s. Right of the line the other is better.", c.Convention, 100*c.Level, report.Counted(c.Queries, "query", "queries"), report.Counted(c.Units, "independent unit", "independent units"))
			s.Figures = append(s.Figures, differences(id+"-measures", "Difference of each measure", about, measures, rowsOf(a.Rows)))
			if len(a.Parts) > 0 {
				var rows []differenceRow
				for _, part := range a.Parts {
					rows = append(rows, differenceRow{part.By + " " + part.Label, part.Rows[0].Difference.Mean, &part.Rows[0].Difference.Low, &part.Rows[0].Difference.High})
				}
				about := fmt.Sprintf("Difference of %s, over the queries of each label; the table has all measures.", c.Measures[0])
				s.Figures = append(s.Figures, differences(id+"-parts", "Queries told apart", about, parts, rows))
			}
			s.Figures = append(s.Figures, gains(id, c.Measures[0], a.Changes))
			if shown := a.Largest(o.Show); len(shown) > 0 {
				var rows []differenceRow
				for _, change := range shown {
					rows = append(rows, differenceRow{name: cmp.Or(o.Texts[c.On][change.ID], change.ID), value: change.Second - change.First})
				}
				s.Figures = append(s.Figures, differences(id+"-queries", "Queries that gained and lost most", "By "+c.Measures[0]+".", changes, rows))
			}
			p.add(s)
		}
	}
	return p
}

// differenceRow is one row of a drawing of differences.
type differenceRow struct {
	name      string
	value     float64
	low, high *float64 // nil where there is no interval
}

func rowsOf(contrasts []report.Contrast) []differenceRow {
	var rows []differenceRow
	for i := range contrasts {
		d := &contrasts[i].Difference
		rows = append(rows, differenceRow{contrasts[i].Measure, d.Mean, &d.Low, &d.High})
	}
	return rows
}

func differences(id, title, about string, sheet report.Sheet, rows []differenceRow) Figure {
	f := Figure{ID: id, Title: title, About: about, Drawing: Drawing{Kind: Differences, X: "difference"}, Table: Table(sheet)}
	for i, row := range rows {
		f.Drawing.Rows = append(f.Drawing.Rows, row.name)
		f.Drawing.Points = append(f.Drawing.Points, Point{X: row.value, Y: float64(i), Low: row.low, High: row.high})
	}
	return f
}

// gainClasses are classes of what a query gains, each from its beginning to the one before; equal queries stand apart.
var gainClasses = []float64{0.8, 0.6, 0.4, 0.2, 0}

// gains counts queries by what they gained or lost.
func gains(id, measure string, changes []report.Change) Figure {
	f := Figure{
		ID: id + "-gains", Title: "Queries by what they gained",
		About:   "How many queries gained or lost how much of " + measure + ".",
		Drawing: Drawing{Kind: Bars, X: "queries"},
		Table:   Table{Head: []string{measure, "queries"}},
	}
	var names []string
	above := 1.0
	for _, from := range gainClasses {
		names = append(names, fmt.Sprintf("%g to %g", from, above))
		above = from
	}
	counts := make([]int, 2*len(names)+1)
	for _, change := range changes {
		gain := change.Second - change.First
		class := slices.IndexFunc(gainClasses, func(from float64) bool { return max(gain, -gain) > from })
		switch {
		case gain > 0:
			counts[class]++
		case gain < 0:
			counts[len(counts)-1-class]++
		default:
			counts[len(names)]++
		}
	}
	for i, n := range counts {
		name := "equal"
		switch {
		case i < len(names):
			name = "gained " + names[i]
		case i > len(names):
			name = "lost " + names[len(counts)-1-i]
		}
		f.Drawing.Rows = append(f.Drawing.Rows, name)
		f.Drawing.Cells = append(f.Drawing.Cells, Cell{Row: i, Value: float64(n), Text: strconv.Itoa(n)})
		f.Table.Rows = append(f.Table.Rows, []string{name, strconv.Itoa(n)})
	}
	return f
}
