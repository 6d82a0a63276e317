package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// Format is a way to write a report.
type Format string

// The formats of Write.
const (
	Text     Format = "text"
	Markdown Format = "markdown"
	JSON     Format = "json"
)

// Formats lists every format.
func Formats() []Format { return []Format{Text, Markdown, JSON} }

// ParseFormat reads a format's name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("format %q is unknown; there are %v", name, Formats())
}

// Write writes the report. Equal reports give equal bytes.
func (r *Report) Write(w io.Writer, f Format) error {
	var out bytes.Buffer
	switch f {
	case Text:
		r.text(&out)
	case Markdown:
		r.markdown(&out)
	case JSON:
		if err := r.json(&out); err != nil {
			return err
		}
	default:
		return fmt.Errorf("format %q is unknown; there are %v", f, Formats())
	}
	_, err := out.WriteTo(w)
	return err
}

// text writes the report for a terminal.
func (r *Report) text(w io.Writer) {
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
	}
}

// legend is what a reader needs to know of all tables.
func (r *Report) legend() []string {
	var lines []string
	if r.Identity != "" {
		lines = append(lines, "computed as "+r.Identity)
	}
	scored, split := false, false
	for _, round := range r.Rounds {
		scored = scored || len(round.Epochs) > 0
		split = split || len(round.splitTable().rows) > 0
	}
	if !scored {
		return append(lines, "nothing is scored yet")
	}
	lines = append(lines, "eval_loss compares epochs of one round only: every round has negatives of its own")
	if split {
		lines = append(lines, "seen: a positive of the query is a positive of some training query; unseen: none is")
	}
	return lines
}

// title is the heading of a round.
func (r Round) title() string {
	title := fmt.Sprintf("round %d", r.Round)
	if len(r.Epochs) > 0 {
		title += fmt.Sprintf(": %d dev queries, measures as %s has them", r.Epochs[0].Dev.Queries, r.Convention)
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
