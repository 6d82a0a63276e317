package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// TestLaTeXIsWellFormed holds every committed table to what a compiler would refuse, and to what a reader needs: whose measures they
// are stands where it is printed.
func TestLaTeXIsWellFormed(t *testing.T) {
	goldens, err := filepath.Glob(filepath.Join("testdata", "*.tex"))
	if err != nil || len(goldens) < 8 {
		t.Fatalf("%d golden files, %v", len(goldens), err)
	}
	for _, golden := range goldens {
		content, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range faultsOfLaTeX(string(content)) {
			t.Errorf("%s:%s", golden, fault)
		}
	}
}

// TestHostileWordsInLaTeX writes every character that means something to LaTeX where words of users stand.
func TestHostileWordsInLaTeX(t *testing.T) {
	hostile := "a&b%c$d#e_f{g}h~i^j\\k<l>m|n–o\r\n\\end{tabular} \\input{x}"
	side := func(name string, gain float64) report.Side {
		s := report.Side{Name: name, On: rundir.Dev, Convention: "trec_eval", Measures: []string{"map@25", "r-precision"}}
		for i := range 4 {
			s.Queries = append(s.Queries, report.SideQuery{ID: fmt.Sprint(hostile, i), Values: []float64{0.25 + gain*float64(i), 0.5}, Labels: map[string]string{hostile: hostile + fmt.Sprint(i%2)}})
		}
		return s
	}
	c, err := report.Compare(side(hostile, 0), []report.Side{side(hostile+"2", 0.1)}, report.CompareOptions{By: []string{hostile}, Stats: stats.Options{Level: 0.9, Resamples: 50, Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := c.Write(&out, report.LaTeX, report.CompareWriteOptions{Show: 4}); err != nil {
		t.Fatal(err)
	}
	for _, fault := range faultsOfLaTeX(out.String()) {
		t.Error(fault)
	}
	if want := `a\&b\%c\$d\#e\_f\{g\}h\textasciitilde{}i\textasciicircum{}j\textbackslash{}k\textless{}l\textgreater{}m\textbar{}n--o \textbackslash{}end\{tabular\} \textbackslash{}input\{x\}`; strings.Count(out.String(), want) != 8 { // two cells of two measures of two labels
		t.Errorf("the words are not\n%s\nin\n%s", want, out.String())
	}
	for _, broken := range []string{"\\begin{tabular}{lr}\n\\hline\na & b & c \\\\\n\\hline\n\\end{tabular}\n", "\\begin{tabular}{l}\na_b \\\\\n\\end{tabular}\n", "\\begin{tabular}{l}\na \\\\\n", "\\begin{tabular}{l}\n\\textit a \\\\\n\\end{tabular}\n"} {
		if len(faultsOfLaTeX(broken)) == 0 {
			t.Errorf("nothing is found wrong in %q", broken)
		}
	}
}

var (
	// whatLaTeXMayHold is everything but plain text that a cell may have.
	whatLaTeXMayHold = regexp.MustCompile(`\\[&%$#_{}]|\\text(?:backslash|asciitilde|asciicircum|less|greater|bar)\{\}`)
	latexBegin       = regexp.MustCompile(`^\\begin\{tabular\}\{([lr]+)\}$`)
	latexNote        = regexp.MustCompile(`^\\multicolumn\{(\d+)\}\{l\}\{\\footnotesize (measures as \S+ has them)\}$`)
)

// faultsOfLaTeX is what is wrong with tabulars, by lines: environments that do not match, rows of another number of cells than there
// are columns, characters that are read as commands, and tables that do not say whose measures they show.
func faultsOfLaTeX(text string) []string {
	var faults []string
	columns, rows, noted, tables := 0, 0, false, 0
	for i, line := range strings.Split(text, "\n") {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Sprintf("%d: %s: %q", i+1, fmt.Sprintf(format, args...), line))
		}
		begin := latexBegin.FindStringSubmatch(line)
		switch {
		case begin != nil && columns > 0:
			fault("a table within a table")
		case begin != nil:
			columns, rows, noted = len(begin[1]), 0, false
			tables++
		case line == `\end{tabular}`:
			if columns == 0 || rows < 2 || !noted {
				fault("the end of a table of %d columns and %d rows; whose measures: %v", columns, rows, noted)
			}
			columns = 0
		case columns == 0:
			if line != "" && !strings.HasPrefix(line, "% ") {
				fault("neither a table nor a comment")
			}
		case line == `\hline`:
		default:
			row, ended := strings.CutSuffix(line, ` \\`)
			if !ended {
				fault("the row has no end")
			}
			if note := latexNote.FindStringSubmatch(row); note != nil {
				if note[1] != fmt.Sprint(columns) {
					fault("the note goes over %s columns of %d", note[1], columns)
				}
				noted = true
				continue
			}
			rows++
			plain := whatLaTeXMayHold.ReplaceAllString(row, "")
			if cells := 1 + strings.Count(plain, "&"); cells != columns {
				fault("%d cells in %d columns", cells, columns)
			}
			if at := strings.IndexAny(plain, `\%$#_{}~^<>|`); at >= 0 {
				fault("%q is read as a command", plain[at])
			}
		}
	}
	if columns > 0 {
		faults = append(faults, "the last table has no end")
	}
	if tables == 0 && !strings.Contains(text, "nothing is scored yet") {
		faults = append(faults, "no table")
	}
	return faults
}
