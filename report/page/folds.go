package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/report"
)

// OfFolds is the page of runs on the folds of one data set: each measure by epoch, over the queries of all folds with its
// interval, and in the folds that have the least and the most of it.
func OfFolds(s *report.FoldSummary) *Page {
	p := &Page{Heading: "Folds", Run: strings.Join(s.Runs, ", "), Summary: s.Legend()}
	p.addFolds("folds", "Measures over the folds", s)
	return p
}

// OfCrossValidation is the page of several settings on the same folds: how far each is behind the chosen one, and the measures
// of each. Of one setting it is that of its folds.
func OfCrossValidation(c *report.CrossValidation) *Page {
	if len(c.Settings) == 1 {
		return OfFolds(c.Settings[0].Folds)
	}
	p := &Page{Heading: "Settings by", Run: c.Metric, Summary: append([]string{c.Because()}, c.Settings[0].Folds.Legend()[1:]...)}
	var rows []differenceRow
	for _, s := range c.Settings {
		if s.Against != nil {
			d := &s.Against.Difference
			rows = append(rows, differenceRow{s.Name, d.Mean, &d.Low, &d.High})
		}
	}
	about := fmt.Sprintf("The chosen setting's %s over the queries of all folds less that of each other one, with its bootstrap interval.", c.Metric)
	p.add(Section{ID: "settings", Title: "Settings", Figures: []Figure{differences("settings-behind", "Behind the chosen setting", about, c.Sheet(), rows)}})
	for i, s := range c.Settings {
		p.addFolds(fmt.Sprintf("setting-%d", i), "Setting "+s.Name, s.Folds)
	}
	return p
}

// addFolds draws each measure of one setting, over the dev queries and on the other sets.
func (p *Page) addFolds(id, title string, s *report.FoldSummary) {
	about := fmt.Sprintf("Over the dev queries of all %d folds, each scored by the model that had not seen it, with the %g %% bootstrap interval; and in the fold that has the least and the one that has the most.", len(s.Runs), 100*s.Level)
	p.addFoldRows(id, title, about, s, s.Rows)
	p.addFoldParts(id, title, s, s.Rows)
	for _, set := range s.Others {
		about := fmt.Sprintf("%s, with its %g %% bootstrap interval; and in the fold that has the least and the one that has the most.", upperFirst(set.Title()), 100*s.Level)
		p.addFoldRows(id+"-"+slug(string(set.On)), title+", on "+set.Name, about, s, set.Rows)
		p.addFoldParts(id+"-"+slug(string(set.On)), title+", on "+set.Name, s, set.Rows)
	}
}

// addFoldRows draws each measure of the rows of one set.
func (p *Page) addFoldRows(id, title, about string, s *report.FoldSummary, rows []report.FoldRow) {
	section := Section{ID: id, Title: title}
	for m, name := range s.Measures {
		f := Figure{
			ID: id + "-" + slug(name), Title: name + " by epoch",
			About:   about,
			Drawing: Drawing{Kind: Lines, X: "epoch", Y: name, Series: []string{"all folds", "least fold", "greatest fold"}},
			Table:   Table(s.Sheet(rows, name)),
		}
		for _, row := range rows {
			if row.Epoch < 0 {
				continue // the choices, which may be of several epochs
			}
			v := row.Values[m]
			facet := f.Drawing.facet(roundName(row.Round))
			f.Drawing.Points = append(f.Drawing.Points,
				Point{X: float64(row.Epoch), Y: v.Pooled.Mean, Facet: facet, Low: &v.Pooled.Low, High: &v.Pooled.High},
				Point{X: float64(row.Epoch), Y: slices.Min(v.Folds), Facet: facet, Series: 1},
				Point{X: float64(row.Epoch), Y: slices.Max(v.Folds), Facet: facet, Series: 2})
		}
		section.Figures = append(section.Figures, f)
	}
	p.add(section)
}

// addFoldParts draws each measure apart for seen and unseen queries, where there are both.
func (p *Page) addFoldParts(id, title string, s *report.FoldSummary, rows []report.FoldRow) {
	if part, _ := report.PartOf(rows, 0); part == nil {
		return
	}
	section := Section{ID: id + "-seen", Title: title + ", seen against unseen"}
	for m, name := range s.Measures {
		f := Figure{
			ID: id + "-seen-" + slug(name), Title: name + ", seen against unseen",
			About:   fmt.Sprintf("Seen: a positive of the query is a positive of some query that the fold trained on. Unseen: none is. Over the queries of all folds, with the %g %% bootstrap interval.", 100*s.Level),
			Drawing: Drawing{Kind: Lines, X: "epoch", Y: name, Series: report.PartNames[:]},
		}
		for i, part := range report.PartNames {
			of, _ := report.PartOf(rows, i)
			sheet := s.Sheet(of, name)
			f.Table.Head = append([]string{"queries"}, sheet.Head...)
			for _, row := range sheet.Rows {
				f.Table.Rows = append(f.Table.Rows, append([]string{part}, row...))
			}
			for _, row := range of {
				if row.Epoch >= 0 {
					v := row.Values[m].Pooled
					f.Drawing.Points = append(f.Drawing.Points, Point{X: float64(row.Epoch), Y: v.Mean, Series: i, Facet: f.Drawing.facet(roundName(row.Round)), Low: &v.Low, High: &v.High})
				}
			}
		}
		section.Figures = append(section.Figures, f)
	}
	p.add(section)
}
