// Package page is report.html: what a run directory has to show, as one file with charts that asks nobody for anything.
//
// A page is made of figures. Each is a drawing, which the page's script turns into a chart, and a table of the same
// numbers, which stands behind the chart for those who cannot see it, print it or trust it. The bytes of a page depend on
// the run directory alone. What a directory does not have is left out, and the page says so.
package page

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// Page is what a run directory, or a comparison, has to show in charts.
type Page struct {
	Heading  string   // before the name; empty stands for Run
	Run      string   // its name
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
func Read(d *rundir.Dir) (*Page, error) { return new(Reader).Read(d) }

// Reader reads the pages of one run directory again and again. It keeps what it has drawn of the large files as long as
// they stay as they are. The zero value is ready; it is for one goroutine.
type Reader struct {
	// Mined visits what a round mined for the run's own training queries or, where it is named, for those of a set of data.sets, for who
	// reads that too; nil reads the run directory.
	Mined func(round int, set string, visit func(provenance.Row) error) error

	kept      map[string]kept
	intervals report.IntervalReader
}

// mostResampled is the queries of a set whose intervals a page computes: 10,000 resamples of so many take a second or two an
// epoch, and a page may be wanted at once.
const mostResampled = 10_000

// kept is a part of a page, and the state of the files that it was drawn of.
type kept struct {
	state string
	part  Page
}

// Read returns the page of the run directory.
func (r *Reader) Read(d *rundir.Dir) (*Page, error) {
	told, err := report.Read(d)
	if err != nil {
		return nil, err
	}
	p := &Page{Run: told.Run, Identity: told.Identity, Summary: summary(told)}
	r.intervals.Most = mostResampled
	if err := r.intervals.Add(told, d, stats.DefaultOptions()); err != nil {
		return nil, err
	}
	if err := errors.Join(p.addTraining(d, told), p.addMeasures(d, told)); err != nil {
		return nil, err
	}
	sets, err := d.TrainingSets()
	if err != nil {
		return nil, err
	}
	var mined, ranked []string
	for _, round := range told.Rounds {
		for _, set := range append([]string{""}, sets...) {
			mined = append(mined, minedFiles(d, round.Round, set).Negatives(rundir.Train))
		}
		ranked = append(ranked, d.Round(round.Round).Candidates(rundir.Dev))
	}
	if err := r.keep(d, told, p, "mined", fmt.Sprintf("%q", sets), mined, func(p *Page, d *rundir.Dir, told *report.Report) error {
		each := r.Mined
		if each == nil {
			each = func(round int, set string, visit func(provenance.Row) error) error {
				return d.EachMinedOf(minedFiles(d, round, set), rundir.Train, visit)
			}
		}
		return p.addMined(d, told, sets, each)
	}); err != nil {
		return nil, err
	}
	trained, err := told.Ranked(d, rundir.Dev)
	if err != nil {
		return nil, err
	}
	choices := fmt.Sprintf("%q", sets)
	for _, one := range trained {
		ranked = append(ranked, one.File)
	}
	for _, round := range told.Rounds {
		choices += fmt.Sprintf("%v %v;", round.Choice, round.Stale)
	}
	if err := r.keep(d, told, p, "ranks", fmt.Sprint(trained, choices), ranked, func(p *Page, d *rundir.Dir, told *report.Report) error { return p.addRanks(d, told, sets) }); err != nil {
		return nil, err
	}
	return p, errors.Join(p.addTimes(d, told), p.addLineage(d, told))
}

// keep adds a part of the page, which is drawn anew when one of its files has changed, or what else its state tells.
func (r *Reader) keep(d *rundir.Dir, told *report.Report, p *Page, name, state string, files []string, draw func(*Page, *rundir.Dir, *report.Report) error) error {
	state += ";"
	for _, file := range files {
		info, err := d.FS.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			state += "none;"
		case err != nil:
			return err
		default:
			state += fmt.Sprintf("%d %d;", info.Size(), info.ModTime().UnixNano())
		}
	}
	was, ok := r.kept[name]
	if !ok || was.state != state {
		was = kept{state: state}
		if err := draw(&was.part, d, told); err != nil {
			return err
		}
		if r.kept == nil {
			r.kept = map[string]kept{}
		}
		r.kept[name] = was
	}
	p.Sections = append(p.Sections, was.part.Sections...)
	p.Missing = append(p.Missing, was.part.Missing...)
	return nil
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
	if names := r.Conventions(); len(names) > 0 {
		lines = append(lines, fmt.Sprintf("Measures are as %s has them.", strings.Join(names, ", and in other rounds as ")))
	}
	if round, epoch, ok := r.Result(); ok && len(round.Measures) > 0 {
		line := fmt.Sprintf("The run has come to epoch %d of round %d: %s %s on %s", epoch.Epoch, round.Round, round.Measures[0], value(epoch.Dev.All[0]), report.Counted(epoch.Dev.Queries, "dev query", "dev queries"))
		if base := r.Rounds[0]; len(base.Epochs) > 0 && len(base.Epochs[0].Dev.All) > 0 && base.Measures[0] == round.Measures[0] {
			line += fmt.Sprintf(" (%s before any training)", value(base.Epochs[0].Dev.All[0]))
		}
		lines = append(lines, line+".")
	}
	for _, text := range r.Lost {
		lines = append(lines, upperFirst(text)+".")
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

// upperFirst makes a sentence of words that begin with a letter of ASCII.
func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

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
