package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/rundir"
)

// Write writes the summary. Equal summaries give equal bytes.
func (s *FoldSummary) Write(w io.Writer, f Format) error {
	var out bytes.Buffer
	switch f {
	case Text:
		for _, line := range s.legend() {
			fmt.Fprintln(&out, line)
		}
		for _, block := range s.blocks() {
			fmt.Fprintln(&out)
			if block.title != "" {
				fmt.Fprintln(&out, block.title)
			}
			s.table(block.rows, fixed).text(&out)
		}
	case Markdown:
		fmt.Fprint(&out, "## Folds\n")
		for _, line := range s.legend() {
			fmt.Fprintf(&out, "\n%s\n", escape(line))
		}
		for _, block := range s.blocks() {
			fmt.Fprintln(&out)
			if block.title != "" {
				fmt.Fprintf(&out, "%s %s\n\n", block.mark, escape(block.title))
			}
			s.table(block.rows, fixed).markdown(&out)
		}
	case LaTeX:
		for _, line := range s.legend() {
			fmt.Fprintf(&out, "%% %s\n", line)
		}
		for _, block := range s.blocks() {
			if block.title != "" {
				fmt.Fprintf(&out, "\n%% %s\n", block.title)
			}
			s.table(block.rows, fixed).latex(&out, asMeasuredBy(s.Convention))
		}
	case CSV:
		s.numbers().csv(&out)
	case JSON:
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(s.json()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("format %q is unknown; there are %v", f, Formats())
	}
	_, err := out.WriteTo(w)
	return err
}

func (s *FoldSummary) legend() []string {
	text := ""
	for i, run := range s.Runs {
		if i > 0 {
			text += ", "
		}
		text += oneLine(run)
	}
	return append([]string{
		fmt.Sprintf("%d folds: %s", len(s.Runs), text),
		fmt.Sprintf("%s, %s", Counted(s.Queries, "query", "queries"), asMeasuredBy(s.Convention)),
		fmt.Sprintf("mean and deviation: of the folds' means, whose trainings share most of their data; pooled: over all queries, with its %g %% bootstrap interval", 100*s.Level),
	}, s.Left...)
}

// foldBlock is a table of the summary.
type foldBlock struct {
	title, mark string // empty of the first; the mark is Markdown's
	rows        []FoldRow
}

// blocks are the tables of the summary: of dev and of each other set, all queries before seen and unseen ones.
func (s *FoldSummary) blocks() []foldBlock {
	blocks := []foldBlock{{rows: s.Rows}}
	add := func(on, mark string, rows []FoldRow) {
		for i, name := range PartNames {
			if part, queries := PartOf(rows, i); part != nil {
				blocks = append(blocks, foldBlock{fmt.Sprintf("%s on %s: %s", name, on, Counted(queries, "query", "queries")), mark, part})
			}
		}
	}
	add(string(rundir.Dev), "###", s.Rows)
	for _, set := range s.Others {
		blocks = append(blocks, foldBlock{set.title(), "###", set.Rows})
		add(oneLine(set.Name), "####", set.Rows)
	}
	return blocks
}

// PartOf is rows of the seen (0) or the unseen (1) queries alone, and the most queries that one has. It is nil where all queries
// are of one part, which says what the whole says.
func PartOf(rows []FoldRow, part int) (of []FoldRow, queries int) {
	other := 0
	for _, row := range rows {
		one := row.Parts[part]
		queries, other = max(queries, one.Queries), max(other, row.Parts[1-part].Queries)
		if one.Queries > 0 {
			row.Values = one.Values
			of = append(of, row)
		}
	}
	if other == 0 {
		return nil, queries
	}
	return of, queries
}

// title is the heading of a set beside the dev queries.
func (set FoldSet) title() string {
	return fmt.Sprintf("on %s: %s, scored by every fold; pooled: over the means of each query", oneLine(set.Name), Counted(set.Queries, "query", "queries"))
}

// Title is the heading of a set beside the dev queries.
func (set FoldSet) Title() string { return set.title() }

// Legend is what a reader needs to know of the summary, in sentences.
func (s *FoldSummary) Legend() []string { return s.legend() }

// Sheet is rows of the summary in words, those of one measure: of the dev queries, or of a set.
func (s *FoldSummary) Sheet(rows []FoldRow, measure string) Sheet {
	all := s.table(rows, fixed).sheet()
	all.Rows = slices.DeleteFunc(all.Rows, func(row []string) bool { return row[2] != measure })
	return all
}

// table has a row an epoch and measure.
func (s *FoldSummary) table(rows []FoldRow, number func(float64) string) table {
	t := table{columns: []column{{head: "round"}, {head: "epoch", words: true}, {head: "measure", words: true}}}
	for _, head := range []string{"mean", "deviation", "least", "most", "pooled", "low", "high"} {
		t.columns = append(t.columns, column{head: head})
	}
	for _, row := range rows {
		for m, v := range row.Values {
			t.rows = append(t.rows, []string{
				strconv.Itoa(row.Round), row.epochName(), s.Measures[m], number(v.Mean), v.deviationAs(number), number(slices.Min(v.Folds)), number(slices.Max(v.Folds)),
				number(v.Pooled.Mean), number(v.Pooled.Low), number(v.Pooled.High),
			})
		}
	}
	return t
}

// numbers is the rows of all sets in one table, unrounded.
func (s *FoldSummary) numbers() table {
	all := s.table(nil, number)
	all.columns = append(all.columns, column{head: "on"}, column{head: "queries"}, column{head: "convention"})
	add := func(on rundir.Split, rows []FoldRow) {
		for _, row := range s.table(rows, number).rows {
			all.rows = append(all.rows, append(row, string(on), "all", s.Convention))
		}
		for i, name := range PartNames {
			part, _ := PartOf(rows, i)
			for _, row := range s.table(part, number).rows {
				all.rows = append(all.rows, append(row, string(on), name, s.Convention))
			}
		}
	}
	add(rundir.Dev, s.Rows)
	for _, set := range s.Others {
		add(set.On, set.Rows)
	}
	return all
}

func (r FoldRow) epochName() string {
	if r.Epoch == chosenEpoch {
		return "chosen"
	}
	return epochName(r.Epoch)
}

// deviationAs writes the deviation, which one fold alone has not.
func (v FoldValue) deviationAs(number func(float64) string) string {
	if math.IsNaN(v.Deviation) {
		return missing
	}
	return number(v.Deviation)
}

type foldSummaryJSON struct {
	Schema     int           `json:"schema"`
	Runs       []string      `json:"runs"`
	Convention string        `json:"convention"`
	Queries    int           `json:"queries"`
	Rows       []foldRowJSON `json:"rows"`
	Sets       []foldSetJSON `json:"sets,omitempty"` // test and the sets of data.also
}

type foldSetJSON struct {
	On      rundir.Split  `json:"on"`
	Queries int           `json:"queries"`
	Rows    []foldRowJSON `json:"rows"`
}

type foldRowJSON struct {
	Round int  `json:"round"`
	Epoch *int `json:"epoch"` // null where each fold's own choice is meant
	foldPartJSON
	Seen   *foldPartJSON `json:"seen,omitempty"`
	Unseen *foldPartJSON `json:"unseen,omitempty"`
}

type foldPartJSON struct {
	Queries  int                      `json:"queries,omitempty"` // of a part
	Measures map[string]foldValueJSON `json:"measures"`
}

type foldValueJSON struct {
	Folds     []float64 `json:"folds"`
	Mean      float64   `json:"mean"`
	Deviation *float64  `json:"deviation"` // null where one fold alone has such queries
	Pooled    float64   `json:"pooled"`
	Low       float64   `json:"low"`
	High      float64   `json:"high"`
	Level     float64   `json:"level"`
	Units     int       `json:"units"`
}

func (s *FoldSummary) json() foldSummaryJSON {
	out := foldSummaryJSON{Schema: Schema, Runs: s.Runs, Convention: s.Convention, Queries: s.Queries, Rows: s.rowsJSON(s.Rows)}
	for _, set := range s.Others {
		out.Sets = append(out.Sets, foldSetJSON{set.On, set.Queries, s.rowsJSON(set.Rows)})
	}
	return out
}

func (s *FoldSummary) rowsJSON(rows []FoldRow) []foldRowJSON {
	var out []foldRowJSON
	for _, row := range rows {
		one := foldRowJSON{Round: row.Round, foldPartJSON: s.partJSON(FoldPart{Values: row.Values}), Seen: s.somePartJSON(row.Parts[0]), Unseen: s.somePartJSON(row.Parts[1])}
		if row.Epoch != chosenEpoch {
			one.Epoch = &row.Epoch
		}
		out = append(out, one)
	}
	return out
}

// somePartJSON is nil of a part without queries.
func (s *FoldSummary) somePartJSON(part FoldPart) *foldPartJSON {
	if part.Queries == 0 {
		return nil
	}
	one := s.partJSON(part)
	return &one
}

func (s *FoldSummary) partJSON(part FoldPart) foldPartJSON {
	out := foldPartJSON{Queries: part.Queries, Measures: map[string]foldValueJSON{}}
	for m, v := range part.Values {
		one := foldValueJSON{v.Folds, v.Mean, &v.Deviation, v.Pooled.Mean, v.Pooled.Low, v.Pooled.High, v.Pooled.Level, v.Pooled.Units}
		if math.IsNaN(v.Deviation) {
			one.Deviation = nil
		}
		out.Measures[s.Measures[m]] = one
	}
	return out
}
