package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/rundir"
)

// Format is a way to write a report.
type Format string

// The formats of Write.
const (
	Text     Format = "text"
	Markdown Format = "markdown"
	JSON     Format = "json"
	CSV      Format = "csv"   // one number a row
	LaTeX    Format = "latex" // tabulars that need no package
)

// Formats lists every format.
func Formats() []Format { return []Format{Text, Markdown, JSON, CSV, LaTeX} }

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("format %q is unknown; there are %v", name, Formats())
}

// Write writes the report. Equal reports give equal bytes.
func (r *Report) Write(w io.Writer, f Format) error { return r.WriteWith(w, f, WriteOptions{}) }

// WriteWith is Write with options.
func (r *Report) WriteWith(w io.Writer, f Format, o WriteOptions) error {
	var out bytes.Buffer
	switch f {
	case Text:
		r.text(&out, o)
	case Markdown:
		r.markdown(&out)
	case JSON:
		if err := r.json(&out); err != nil {
			return err
		}
	case CSV:
		r.numbers().csv(&out)
	case LaTeX:
		r.latex(&out)
	default:
		return fmt.Errorf("format %q is unknown; there are %v", f, Formats())
	}
	_, err := out.WriteTo(w)
	return err
}

// text writes the report for a terminal.
func (r *Report) text(w io.Writer, o WriteOptions) {
	fmt.Fprintf(w, "run %s\n", r.Run)
	for _, s := range r.legend() {
		fmt.Fprintln(w, s)
	}
	for _, round := range r.Rounds {
		fmt.Fprintf(w, "\n%s\n", round.title())
		if len(round.Epochs) > 0 {
			round.epochTable(func(epoch string) string { return epoch + " *" }).text(w)
		}
		if round.Choice != nil {
			fmt.Fprintf(w, "* %s\n", round.choice())
		}
		for _, note := range round.Notes {
			fmt.Fprintln(w, note)
		}
		if split := round.splitTable(); len(split.rows) > 0 {
			fmt.Fprintln(w)
			split.text(w)
		}
		if intervals := round.intervalTable(); o.Intervals && len(intervals.rows) > 0 {
			fmt.Fprintln(w)
			intervals.text(w)
		}
	}
}

// markdown writes the report for a page. Its headings begin at the second level, below the page's own.
func (r *Report) markdown(w io.Writer) {
	fmt.Fprintf(w, "## Run %s\n", escape(r.Run))
	for _, s := range r.legend() {
		fmt.Fprintf(w, "\n%s\n", escape(s))
	}
	for _, round := range r.Rounds {
		fmt.Fprintf(w, "\n### %s\n", escape(round.title()))
		if len(round.Epochs) > 0 {
			fmt.Fprintln(w)
			round.epochTable(func(epoch string) string { return epoch + " *" }).markdown(w)
		}
		if round.Choice != nil {
			fmt.Fprintf(w, "\n\\* %s\n", escape(round.choice()))
		}
		for _, note := range round.Notes {
			fmt.Fprintf(w, "\n%s\n", escape(note))
		}
		if split := round.splitTable(); len(split.rows) > 0 {
			fmt.Fprintln(w)
			split.markdown(w)
		}
		if intervals := round.intervalTable(); len(intervals.rows) > 0 {
			fmt.Fprintln(w)
			intervals.markdown(w)
		}
	}
}

// latex writes the tables for a paper, what a reader should know as comments before each.
func (r *Report) latex(w io.Writer) {
	comment := func(text string) { fmt.Fprintf(w, "%% %s\n", oneLine(text)) }
	comment("run " + r.Run)
	for _, s := range r.legend() {
		comment(s)
	}
	for _, round := range r.Rounds {
		fmt.Fprintln(w)
		comment(round.title())
		if round.Choice != nil {
			comment("* " + round.choice())
		}
		for _, note := range round.Notes {
			comment(note)
		}
		if len(round.Epochs) > 0 {
			round.epochTable(func(epoch string) string { return epoch + " *" }).latex(w, asMeasuredBy(round.Convention))
		}
		if split := round.splitTable(); len(split.rows) > 0 {
			split.latex(w, asMeasuredBy(round.Convention))
		}
		if intervals := round.intervalTable(); len(intervals.rows) > 0 {
			intervals.latex(w, asMeasuredBy(round.Convention))
		}
	}
}

// numbers is every number of the report in a row of its own, for programs that take tables.
func (r *Report) numbers() table {
	var t table
	for _, head := range []string{"run", "round", "epoch", "chosen", "split", "queries", "n", "convention", "measure", "value", "low", "high"} {
		t.columns = append(t.columns, column{head: head})
	}
	for _, round := range r.Rounds {
		for _, e := range round.Epochs {
			row := func(split, part string, n int, convention, measure string, value float64, low, high string) {
				count := ""
				if n > 0 {
					count = strconv.Itoa(n)
				}
				t.rows = append(t.rows, []string{oneLine(r.Run), strconv.Itoa(round.Round), strconv.Itoa(e.Epoch), strconv.FormatBool(e.Chosen), split, part, count, convention, oneLine(measure), number(value), low, high})
			}
			if e.EvalLoss != nil {
				row(string(rundir.Dev), "all", e.Dev.Queries, "", eval.EvalLoss, *e.EvalLoss, "", "")
			}
			for _, set := range e.sets() {
				for _, part := range meansParts() {
					slice, intervals := part.of(set.means), part.intervals(e.Intervals[set.split])
					for i, v := range slice.Means {
						low, high := "", ""
						if intervals != nil {
							low, high = number(intervals[i].Low), number(intervals[i].High)
						}
						row(string(set.split), part.name, slice.Queries, round.Convention, round.Measures[i], v, low, high)
					}
				}
			}
			for _, s := range e.Outside {
				row("outside", "", 0, "", s.Label, s.Value, "", "")
			}
		}
	}
	return t
}

// legend is what a reader needs to know of all tables.
func (r *Report) legend() []string {
	var lines []string
	if r.Identity != "" {
		lines = append(lines, "computed as "+r.Identity)
	}
	lines = append(lines, r.Lost...)
	scored, split := false, false
	for _, round := range r.Rounds {
		scored = scored || len(round.Epochs) > 0
		split = split || len(round.splitTable().rows) > 0
	}
	switch {
	case !scored && len(r.Lost) > 0:
		return lines
	case !scored:
		return append(lines, "nothing is scored yet")
	}
	lines = append(lines, "eval_loss compares epochs of one round only: every round has negatives of its own")
	if slices.ContainsFunc(r.Rounds, func(round Round) bool { return round.level() > 0 }) {
		lines = append(lines, "intervals are the bootstrap's, by groups where there are some; the variance between training seeds is not in them")
	}
	if names := r.AlsoNames(); len(names) > 0 {
		lines = append(lines, fmt.Sprintf("no epoch is chosen by %s: a score that falls there is what the training has cost", strings.Join(names, " or ")))
	}
	if split {
		lines = append(lines, "seen: a positive of the query is a positive of some training query; unseen: none is")
	}
	return lines
}

// title is the heading of a round.
func (r Round) title() string {
	title := fmt.Sprintf("round %d", r.Round)
	if len(r.Epochs) > 0 {
		title += fmt.Sprintf(": %s, %s", Counted(r.Epochs[0].Dev.Queries, "dev query", "dev queries"), asMeasuredBy(r.Convention))
	}
	return title
}

// choice says which epoch goes on, who says so, and why.
func (r Round) choice() string {
	text := fmt.Sprintf("epoch %d goes on, chosen by %s", r.Choice.Epoch, r.Choice.By)
	if because := oneLine(r.Choice.Because); because != "" {
		text += ": " + because
	}
	return text
}
