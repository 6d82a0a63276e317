package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table is rows of cells under headings. Numbers line up on the right, words on the left.
type table struct {
	columns []column
	rows    [][]string // as many cells as columns
}

type column struct {
	head  string
	words bool // left-aligned
	width int  // at least so many characters, for tables that are printed as they grow
}

// text writes the table as aligned columns, two spaces apart.
func (t table) text(w io.Writer) {
	columns := t.fit()
	fmt.Fprintln(w, line(columns, heads(columns)))
	for _, row := range t.rows {
		fmt.Fprintln(w, line(columns, row))
	}
}

// markdown writes the table as GitHub and most others read it, aligned in the source too.
func (t table) markdown(w io.Writer) {
	escaped := table{columns: make([]column, len(t.columns))}
	for i, c := range t.columns {
		escaped.columns[i] = column{head: escape(c.head), words: c.words, width: 3} // the rule below takes three
	}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = escape(cell)
		}
		escaped.rows = append(escaped.rows, cells)
	}
	columns := escaped.fit()
	rule := make([]string, len(columns))
	for i, c := range columns {
		rule[i] = strings.Repeat("-", c.width)
		if !c.words {
			rule[i] = rule[i][1:] + ":"
		}
	}
	for _, row := range append([][]string{heads(columns), rule}, escaped.rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = columns[i].pad(cell)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// csv writes the table as RFC 4180 has it, with a head line.
func (t table) csv(w io.Writer) {
	out := csv.NewWriter(w)
	for _, row := range append([][]string{heads(t.columns)}, t.rows...) {
		out.Write(row) // the writer keeps its error, and the buffers that reports go to have none
	}
	out.Flush()
}

// latex writes the table as a tabular that needs no package. A note stands below it, where it is printed, as comments are not.
func (t table) latex(w io.Writer, note string) {
	columns := ""
	for _, c := range t.columns {
		if c.words {
			columns += "l"
		} else {
			columns += "r"
		}
	}
	fmt.Fprintf(w, "\\begin{tabular}{%s}\n\\hline\n", columns)
	for i, row := range append([][]string{heads(t.columns)}, t.rows...) {
		cells := make([]string, len(row))
		for k, cell := range row {
			cells[k] = escapeLaTeX(cell)
		}
		fmt.Fprintf(w, "%s \\\\\n", strings.Join(cells, " & "))
		if i == 0 {
			fmt.Fprintln(w, `\hline`)
		}
	}
	fmt.Fprintln(w, `\hline`)
	if note != "" {
		fmt.Fprintf(w, "\\multicolumn{%d}{l}{\\footnotesize %s} \\\\\n", len(t.columns), escapeLaTeX(note))
	}
	fmt.Fprintln(w, `\end{tabular}`)
}

// fit returns the columns wide enough for all of their cells.
func (t table) fit() []column {
	columns := make([]column, len(t.columns))
	for i, c := range t.columns {
		c.width = max(c.width, utf8.RuneCountInString(c.head))
		for _, row := range t.rows {
			c.width = max(c.width, utf8.RuneCountInString(row[i]))
		}
		columns[i] = c
	}
	return columns
}

func heads(columns []column) []string {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.head
	}
	return row
}

// line is one row of an aligned table, without spaces at its end.
func line(columns []column, row []string) string {
	cells := make([]string, len(row))
	for i, cell := range row {
		cells[i] = columns[i].pad(cell)
	}
	return strings.TrimRight(strings.Join(cells, "  "), " ")
}

func (c column) pad(cell string) string {
	space := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(cell)))
	if c.words {
		return cell + space
	}
	return space + cell
}

// oneLine makes a person's words fit for a line of a report: spaces for line ends, and nothing that moves a cursor.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// asMeasuredBy says whose definitions measures follow.
func asMeasuredBy(convention string) string { return "measures as " + convention + " has them" }

// escapeLaTeX keeps text from being read as commands.
func escapeLaTeX(text string) string {
	var b strings.Builder
	for _, r := range oneLine(text) {
		switch r {
		case '\\':
			b.WriteString(`\textbackslash{}`)
		case '~':
			b.WriteString(`\textasciitilde{}`)
		case '^':
			b.WriteString(`\textasciicircum{}`)
		case '&', '%', '$', '#', '_', '{', '}':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString(`\textless{}`)
		case '>':
			b.WriteString(`\textgreater{}`)
		case '|':
			b.WriteString(`\textbar{}`)
		case '–':
			b.WriteString("--")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escape keeps text from being read as Markdown.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\|*`<[", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
