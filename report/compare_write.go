package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/rundir"
)

// CompareWriteOptions say how much of a comparison is written.
type CompareWriteOptions struct {
	Show     int  // queries with the largest gains and with the largest losses, in formats for people
	PerQuery bool // every query, in JSON

	// Texts are what to show of queries beside their ids, by the set (Comparison.On) and by id: the beginnings of their texts, where
	// they are known. Ids may be digests, which tell a reader nothing, and queries of two sets may have one id.
	Texts map[rundir.Split]map[string]string
}

// Write writes the comparison. Equal comparisons give equal bytes.
func (c *Comparison) Write(w io.Writer, f Format, o CompareWriteOptions) error {
	return Comparisons{c}.Write(w, f, o)
}

// Comparisons are comparisons of one base with the same others, each on another set of their queries.
type Comparisons []*Comparison

// Write writes all of them, one or more, as one. Equal comparisons give equal bytes.
func (all Comparisons) Write(w io.Writer, f Format, o CompareWriteOptions) error {
	var out bytes.Buffer
	switch f {
	case Text:
		all.text(&out, o)
	case Markdown:
		all.markdown(&out, o)
	case JSON:
		if err := all.json(&out, o.PerQuery); err != nil {
			return err
		}
	case CSV:
		all.numbers().csv(&out)
	case LaTeX:
		all.latex(&out)
	default:
		return fmt.Errorf("format %q is unknown; there are %v", f, Formats())
	}
	_, err := out.WriteTo(w)
	return err
}

func (all Comparisons) text(w io.Writer, o CompareWriteOptions) {
	for _, s := range all.legend() {
		fmt.Fprintln(w, s)
	}
	for _, c := range all {
		if len(all) > 1 {
			fmt.Fprintf(w, "\n%s\n", c.title())
		}
		for _, a := range c.Against {
			fmt.Fprintf(w, "\n%s\n", oneLine(a.Name))
			a.table().text(w)
			for _, t := range []table{a.partTable(), c.changeTable(a, o)} {
				if len(t.rows) > 0 {
					fmt.Fprintln(w)
					t.text(w)
				}
			}
		}
	}
}

func (all Comparisons) markdown(w io.Writer, o CompareWriteOptions) {
	fmt.Fprintf(w, "## Against %s\n", escape(oneLine(all[0].Base)))
	for _, s := range all.legend() {
		fmt.Fprintf(w, "\n%s\n", escape(s))
	}
	level := "###"
	for _, c := range all {
		if len(all) > 1 {
			fmt.Fprintf(w, "\n### %s\n", escape(c.title()))
			level = "####"
		}
		for _, a := range c.Against {
			fmt.Fprintf(w, "\n%s %s\n", level, escape(oneLine(a.Name)))
			for _, t := range []table{a.table(), a.partTable(), c.changeTable(a, o)} {
				if len(t.rows) > 0 {
					fmt.Fprintln(w)
					t.markdown(w)
				}
			}
		}
	}
}

func (all Comparisons) latex(w io.Writer) {
	for _, s := range all.legend() {
		fmt.Fprintf(w, "%% %s\n", s)
	}
	for _, c := range all {
		if len(all) > 1 {
			fmt.Fprintf(w, "\n%% %s\n", c.title())
		}
		for _, a := range c.Against {
			fmt.Fprintf(w, "\n%% %s\n", oneLine(a.Name))
			for _, t := range []table{a.table(), a.partTable()} {
				if len(t.rows) > 0 {
					t.latex(w, asMeasuredBy(c.Convention))
				}
			}
		}
	}
}

// title is the heading of a set beside others.
func (c *Comparison) title() string {
	return fmt.Sprintf("on %s: %s in %s, %s", oneLine(string(c.On)), Counted(c.Queries, "query", "queries"), c.units(), asMeasuredBy(c.Convention))
}

func (c *Comparison) units() string {
	return Counted(c.Units, "independent unit", "independent units")
}

// legend is what a reader needs to know of all tables.
func (all Comparisons) legend() []string {
	c := all[0]
	lines := []string{"base: " + oneLine(c.Base)}
	over := Counted(c.Tests, "test", "tests")
	if len(all) > 1 {
		over = "the " + Counted(c.Tests, "test", "tests") + " of a set"
	} else {
		kind := ""
		if c.On != "" {
			kind = oneLine(string(c.On)) + " "
		}
		lines = append(lines, fmt.Sprintf("%s in %s, %s", Counted(c.Queries, kind+"query", kind+"queries"), c.units(), asMeasuredBy(c.Convention)))
	}
	lines = append(lines,
		fmt.Sprintf("difference: other - base, with its %g %% bootstrap interval; p: paired randomisation test, by Holm and by Benjamini and Hochberg corrected over %s; better, worse, equal: units; queries: how many score higher and lower", 100*c.Level, over),
		"the variance between training seeds is in none of it")
	for _, note := range c.Notes {
		lines = append(lines, "note: "+oneLine(note))
	}
	return lines
}

// table has a row a measure.
func (a Against) table() table {
	t := table{columns: append([]column{{head: "measure", words: true}}, rowColumns()...)}
	for _, r := range a.Rows {
		t.rows = append(t.rows, append([]string{display(r.Measure)}, r.cells()...))
	}
	return t
}

// partTable has a row a part and measure.
func (a Against) partTable() table {
	t := table{columns: append([]column{{head: "by", words: true}, {head: "label", words: true}, {head: "queries"}, {head: "measure", words: true}}, rowColumns()...)}
	for _, p := range a.Parts {
		for _, r := range p.Rows {
			t.rows = append(t.rows, append([]string{oneLine(p.By), oneLine(p.Label), strconv.Itoa(p.Queries), display(r.Measure)}, r.cells()...))
		}
	}
	return t
}

// Largest are the changes of up to show queries that gained most, and of as many that lost most, in the order of Changes.
func (a Against) Largest(show int) []Change {
	n := len(a.Changes)
	var shown []Change
	for len(shown) < min(show, n) && a.Changes[len(shown)].Second > a.Changes[len(shown)].First {
		shown = append(shown, a.Changes[len(shown)])
	}
	for i := max(len(shown), n-show); i < n; i++ {
		if a.Changes[i].Second < a.Changes[i].First {
			shown = append(shown, a.Changes[i])
		}
	}
	return shown
}

// changeTable has the queries that gained and lost most, by the first measure.
func (c *Comparison) changeTable(a Against, o CompareWriteOptions) table {
	measure, textOf, shown := c.Measures[0], o.Texts[c.On], a.Largest(o.Show)
	t := table{columns: []column{{head: "query", words: true}, {head: "base " + display(measure)}, {head: "other"}, {head: "difference"}}}
	texts := slices.ContainsFunc(shown, func(c Change) bool { return textOf[c.ID] != "" })
	if texts {
		t.columns = append(t.columns, column{head: "text", words: true})
	}
	for _, c := range shown {
		row := []string{oneLine(c.ID), fixed(c.First), fixed(c.Second), signed(c.Second - c.First)}
		if texts {
			row = append(row, oneLine(textOf[c.ID]))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// Sheet is a table in words, for pages that lay tables out by themselves: headings, and rows of as many cells.
type Sheet struct {
	Head []string
	Rows [][]string
}

func (t table) sheet() Sheet { return Sheet{heads(t.columns), t.rows} }

// Legend is what a reader needs to know of all tables, in sentences.
func (all Comparisons) Legend() []string { return all.legend() }

// Title is the heading of a set beside others.
func (c *Comparison) Title() string { return c.title() }

// Sheets are the tables of one of Against: its measures, its parts, and the queries that gained and lost most by the first
// measure.
func (c *Comparison) Sheets(a Against, o CompareWriteOptions) (measures, parts, changes Sheet) {
	return a.table().sheet(), a.partTable().sheet(), c.changeTable(a, o).sheet()
}

func rowColumns() []column {
	var columns []column
	for _, head := range []string{"base", "other", "difference", "low", "high", "p", "p Holm", "p BH", "p of t", "p of sign", "better", "worse", "equal", "queries"} {
		columns = append(columns, column{head: head})
	}
	return columns
}

func (r Contrast) cells() []string {
	d := r.Difference
	return []string{
		fixed(r.First), fixed(r.Second), signed(d.Mean), signed(d.Low), signed(d.High),
		probability(r.Randomisation), probability(r.Holm), probability(r.BH), probability(r.Student), probability(r.Sign),
		strconv.Itoa(r.Better), strconv.Itoa(r.Worse), strconv.Itoa(r.Equal), fmt.Sprintf("+%d -%d", r.Wins, r.Losses),
	}
}

func fixed(v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) }

// signed shows the sign of a difference; what rounds to zero has a plus.
func signed(v float64) string {
	if text := fmt.Sprintf("%+.*f", digits, v); text != fmt.Sprintf("-%.*f", digits, 0.0) {
		return text
	}
	return fmt.Sprintf("%+.*f", digits, 0.0)
}

// probability has as many digits as 10,000 resamples can tell.
func probability(p float64) string {
	if p < 0.0001 {
		return "<0.0001"
	}
	return fixed(p)
}

// numbers is the comparisons with a row a measure and part, unrounded, for programs that take tables.
func (all Comparisons) numbers() table {
	var t table
	for _, head := range []string{
		"base", "other", "convention", "by", "label", "queries", "units", "measure", "mean_base", "mean_other", "difference", "low", "high", "level",
		"p_randomisation", "p_holm", "p_bh", "p_t", "p_sign", "better", "worse", "equal", "wins", "losses", "on",
	} {
		t.columns = append(t.columns, column{head: head})
	}
	for _, c := range all {
		t.rows = append(t.rows, c.numberRows()...)
	}
	return t
}

func (c *Comparison) numberRows() [][]string {
	var rows [][]string
	for _, a := range c.Against {
		add := func(by, label string, queries int, r Contrast) {
			d := r.Difference
			rows = append(rows, []string{
				oneLine(c.Base), oneLine(a.Name), c.Convention, oneLine(by), oneLine(label), strconv.Itoa(queries), strconv.Itoa(d.Units), r.Measure, number(r.First), number(r.Second),
				number(d.Mean), number(d.Low), number(d.High), number(d.Level), number(r.Randomisation), number(r.Holm), number(r.BH), number(r.Student), number(r.Sign),
				strconv.Itoa(r.Better), strconv.Itoa(r.Worse), strconv.Itoa(r.Equal), strconv.Itoa(r.Wins), strconv.Itoa(r.Losses), oneLine(string(c.On)),
			})
		}
		for _, r := range a.Rows {
			add("", "", c.Queries, r)
		}
		for _, p := range a.Parts {
			for _, r := range p.Rows {
				add(p.By, p.Label, p.Queries, r)
			}
		}
	}
	return rows
}

type comparisonJSON struct {
	Schema     int           `json:"schema,omitempty"`
	Base       string        `json:"base"`
	On         rundir.Split  `json:"on,omitempty"`
	Convention string        `json:"convention"`
	Queries    int           `json:"queries"`
	Units      int           `json:"units"`
	Tests      int           `json:"tests"` // that the corrections are over
	Against    []againstJSON `json:"against"`
	Notes      []string      `json:"notes,omitempty"`

	Sets []comparisonJSON `json:"sets,omitempty"` // the comparisons on further sets, without schema
}

type againstJSON struct {
	Name     string             `json:"name"`
	Measures map[string]rowJSON `json:"measures"`
	Parts    []partJSON         `json:"parts,omitempty"`
	PerQuery []changeJSON       `json:"per_query,omitempty"` // by the first measure
}

type partJSON struct {
	By       string             `json:"by"`
	Label    string             `json:"label"`
	Queries  int                `json:"queries"`
	Measures map[string]rowJSON `json:"measures"`
}

type rowJSON struct {
	Base       float64 `json:"base"`
	Other      float64 `json:"other"`
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Level      float64 `json:"level"`
	Units      int     `json:"units"`
	P          float64 `json:"p"`     // of the randomisation test
	Exact      bool    `json:"exact"` // it went through all patterns
	Holm       float64 `json:"p_holm"`
	BH         float64 `json:"p_bh"`
	Student    float64 `json:"p_t"`
	Sign       float64 `json:"p_sign"`
	Better     int     `json:"better"`
	Worse      int     `json:"worse"`
	Equal      int     `json:"equal"`
	Wins       int     `json:"wins"` // queries; better, worse and equal count units
	Losses     int     `json:"losses"`
}

type changeJSON struct {
	ID    string  `json:"id"`
	Base  float64 `json:"base"`
	Other float64 `json:"other"`
}

func (all Comparisons) json(w io.Writer, perQuery bool) error {
	out := all[0].json(perQuery)
	out.Schema = Schema
	for _, c := range all[1:] {
		out.Sets = append(out.Sets, c.json(perQuery))
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func (c *Comparison) json(perQuery bool) comparisonJSON {
	out := comparisonJSON{Base: c.Base, On: c.On, Convention: c.Convention, Queries: c.Queries, Units: c.Units, Tests: c.Tests, Notes: c.Notes}
	for _, a := range c.Against {
		one := againstJSON{Name: a.Name, Measures: rowsJSON(a.Rows)}
		for _, p := range a.Parts {
			one.Parts = append(one.Parts, partJSON{p.By, p.Label, p.Queries, rowsJSON(p.Rows)})
		}
		for _, change := range a.Changes {
			if perQuery {
				one.PerQuery = append(one.PerQuery, changeJSON{change.ID, change.First, change.Second})
			}
		}
		out.Against = append(out.Against, one)
	}
	return out
}

func rowsJSON(rows []Contrast) map[string]rowJSON {
	out := map[string]rowJSON{}
	for _, r := range rows {
		d := r.Difference
		out[r.Measure] = rowJSON{
			Base: r.First, Other: r.Second, Difference: d.Mean, Low: d.Low, High: d.High, Level: d.Level, Units: d.Units,
			P: r.Randomisation, Exact: r.Exact, Holm: r.Holm, BH: r.BH, Student: r.Student, Sign: r.Sign, Better: r.Better, Worse: r.Worse, Equal: r.Equal, Wins: r.Wins, Losses: r.Losses,
		}
	}
	return out
}
