// Package trec reads and writes the two text formats of TREC: runs (`query Q0 document rank score tag`) and judgments, called
// qrels (`query 0 document grade`). Columns are parted by white space, as trec_eval has it.
package trec

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/quarry-ml/quarry/corpus"
)

// rows reads lines of a fixed number of columns and refuses a pair of query and document that was there before.
type rows struct {
	lines   *corpus.Lines
	columns []string // names, for errors
	lineOf  map[[2]string]int
}

func newRows(r io.Reader, name string, columns ...string) *rows {
	return &rows{lines: corpus.NewLines(r, name, corpus.LineOptions{}), columns: columns, lineOf: map[[2]string]int{}}
}

// next returns the columns of the next line, or io.EOF. Query is the first column, document the third.
func (s *rows) next() ([]string, error) {
	line, err := s.lines.Next()
	if err != nil {
		return nil, err
	}
	fields := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(fields) != len(s.columns) {
		return nil, s.lines.Errorf("%d columns, want %d: %s", len(fields), len(s.columns), strings.Join(s.columns, " "))
	}
	pair := [2]string{fields[0], fields[2]}
	if before, ok := s.lineOf[pair]; ok {
		return nil, s.lines.Errorf("query %q, document %q: the pair is already on line %d", pair[0], pair[1], before)
	}
	s.lineOf[pair] = s.lines.Number()
	return fields, nil
}

// checkToken refuses what cannot stand in a column.
func checkToken(what, token string) error {
	if token == "" {
		return fmt.Errorf("an empty %s cannot be written to a TREC file", what)
	}
	if strings.ContainsFunc(token, unicode.IsSpace) {
		return fmt.Errorf("%s %q holds white space, which parts the columns of a TREC file; use other ids", what, token)
	}
	return nil
}
