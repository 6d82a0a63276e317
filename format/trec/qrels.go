package trec

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Judgment is one line of a qrels file: how well a document answers a query. A grade of zero or less is no positive.
type Judgment struct {
	Query, Document string
	Grade           int
	Line            int // 1-based in its file; 0 where it comes from none
}

// ReadQrels reads judgments in file order. A grade with nothing but zeros behind its point, as tables of floats write it, is the
// whole number that trec_eval takes it for; of another fraction trec_eval keeps the whole part, and here it is an error. A pair of query and document that occurs twice, a grade that is no whole number
// and another number of columns are errors with file and line.
func ReadQrels(r io.Reader, name string) ([]Judgment, error) {
	rows := newRows(r, name, "query", "iteration", "document", "grade")
	var judgments []Judgment
	for {
		fields, err := rows.next()
		if err == io.EOF {
			return judgments, nil
		}
		if err != nil {
			return nil, err
		}
		grade, err := strconv.ParseInt(wholePart(fields[3]), 10, 32)
		if err != nil {
			return nil, rows.lines.Errorf("the grade is %q, want a whole number", fields[3])
		}
		judgments = append(judgments, Judgment{fields[0], fields[2], int(grade), rows.lines.Number()})
	}
}

// wholePart is a decimal number without a fraction of zeros, any other text as it is.
func wholePart(grade string) string {
	whole, fraction, ok := strings.Cut(grade, ".")
	if ok && whole != "" && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return grade
}

// WriteQrels writes judgments in their order, with 0 as the iteration.
func WriteQrels(w io.Writer, judgments []Judgment) error {
	buffered := bufio.NewWriter(w)
	seen := map[[2]string]bool{}
	for _, j := range judgments {
		pair := [2]string{j.Query, j.Document}
		if err := checkToken("query", j.Query); err != nil {
			return err
		}
		if err := checkToken("document", j.Document); err != nil {
			return fmt.Errorf("query %q: %w", j.Query, err)
		}
		if seen[pair] {
			return fmt.Errorf("query %q, document %q: judged twice", j.Query, j.Document)
		}
		seen[pair] = true
		if _, err := fmt.Fprintf(buffered, "%s 0 %s %d\n", j.Query, j.Document, j.Grade); err != nil {
			return err
		}
	}
	return buffered.Flush()
}
