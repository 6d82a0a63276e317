// Package page is report.html: what a run directory has to show, as one file with charts that asks nobody for anything.
//
// A page is made of figures. Each is a drawing, which the page's script turns into a chart, and a table of the same
// numbers, which stands behind the chart for those who cannot see it, print it or trust it. The bytes of a page depend on
// the run directory alone. What a directory does not have is left out, and the page says so.
package page

import (
	"fmt"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// Page is what a run directory has to show in charts.
type Page struct {
	Run      string
	Identity string   // numeric identity of its numbers; empty while nothing is computed
	Summary  []string // the result in sentences
	Sections []Section
	Missing  []string // what the directory does not have, each a sentence
}

// Section is figures of one subject.
type Section struct {
	ID, Title string
	Figures   []Figure
}

// Figure is a chart and the numbers behind it.
type Figure struct {
	ID, Title string
	About     string // what is drawn, in a sentence or two
	Drawing   Drawing
	Table     Table
}

// Table is rows of cells under headings.
type Table struct {
	Head []string
	Rows [][]string
}

// Read returns the page of a run directory. Reading takes no lock and changes nothing; the run may be under way.
func Read(d *rundir.Dir) (*Page, error) {
	r, err := report.Read(d)
	if err != nil {
		return nil, err
	}
	p := &Page{Run: r.Run, Identity: r.Identity, Summary: summary(r)}
	for _, add := range []func(*rundir.Dir, *report.Report) error{
		p.addTraining, p.addMeasures, p.addMined, p.addRanks, p.addTimes, p.addLineage,
	} {
		if err := add(d, r); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Drawings is the drawings of all figures by the figure's id, for the page's script.
func (p *Page) Drawings() map[string]Drawing {
	all := map[string]Drawing{}
	for _, s := range p.Sections {
		for _, f := range s.Figures {
			all[f.ID] = f.Drawing
		}
	}
	return all
}

// summary is what the run has come to: result, base, and each round's choice.
func summary(r *report.Report) []string {
	var lines []string
	if round, epoch, ok := r.Result(); ok && len(round.Measures) > 0 {
		line := fmt.Sprintf("The run has come to epoch %d of round %d: %s %s on %d dev queries", epoch.Epoch, round.Round, round.Measures[0], value(epoch.Dev.All[0]), epoch.Dev.Queries)
		if base := r.Rounds[0]; len(base.Epochs) > 0 && len(base.Epochs[0].Dev.All) > 0 && base.Measures[0] == round.Measures[0] {
			line += fmt.Sprintf(" (%s before any training)", value(base.Epochs[0].Dev.All[0]))
		}
		lines = append(lines, line+".")
	}
	for _, round := range r.Rounds {
		if c := round.Choice; c != nil {
			lines = append(lines, fmt.Sprintf("Round %d goes on with epoch %d, chosen by %s: %s.", round.Round, c.Epoch, c.By, c.Because))
		}
		for _, note := range round.Notes {
			lines = append(lines, fmt.Sprintf("Round %d: %s.", round.Round, note))
		}
	}
	return lines
}

// add puts a section on the page if it has figures.
func (p *Page) add(s Section) {
	if len(s.Figures) > 0 {
		p.Sections = append(p.Sections, s)
	}
}

func (p *Page) missing(format string, args ...any) {
	p.Missing = append(p.Missing, fmt.Sprintf(format, args...))
}

// value writes a measure as the tables do.
func value(v float64) string { return fmt.Sprintf("%.4f", v) }

func roundName(round int) string { return fmt.Sprintf("round %d", round) }
