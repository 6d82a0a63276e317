// Package kaggle reads and writes the submission file of the competition "Eedi - Mining Misconceptions in Mathematics":
// CSV with the columns QuestionId_Answer and MisconceptionId, a row a wrong answer, its predictions best first and parted
// by blanks.
package kaggle

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/ranking"
)

// Predictions is how many the competition scores of a row: its measure is MAP@25.
const Predictions = 25

// The columns.
const (
	queryColumn   = "QuestionId_Answer"
	passageColumn = "MisconceptionId"
)

// Row is the predictions for one wrong answer, best first. The same one may be there twice; the second place is void.
type Row struct {
	Query    string // such as 1869_B
	Passages []string
	Line     int
}

// Read reads a submission in file order. Another head line, another number of columns, a query without an id or on two
// lines and a row without predictions are errors with file and line.
func Read(r io.Reader, name string) ([]Row, error) {
	table := csv.NewReader(r)
	table.FieldsPerRecord = -1
	head, err := table.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty, want the head line %s,%s", name, queryColumn, passageColumn)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(head) != 2 || strings.TrimPrefix(head[0], "\ufeff") != queryColumn || head[1] != passageColumn {
		return nil, fmt.Errorf("%s:1: the head line is %q, want %s,%s", name, strings.Join(head, ","), queryColumn, passageColumn)
	}
	var rows []Row
	lineOf := map[string]int{}
	for {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := table.FieldPos(0)
		row, err := parseRow(record)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if before, ok := lineOf[row.Query]; ok {
			return nil, fmt.Errorf("%s:%d: query %q is already on line %d", name, line, row.Query, before)
		}
		lineOf[row.Query] = line
		row.Line = line
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", name)
	}
	return rows, nil
}

func parseRow(record []string) (Row, error) {
	if len(record) != 2 {
		return Row{}, fmt.Errorf("%d columns, want 2: %s,%s", len(record), queryColumn, passageColumn)
	}
	row := Row{Query: strings.TrimSpace(record[0]), Passages: strings.Fields(record[1])}
	switch {
	case row.Query == "" || !utf8.ValidString(row.Query):
		return row, fmt.Errorf("%s is %q, want an id", queryColumn, record[0])
	case len(row.Passages) == 0:
		return row, fmt.Errorf("query %q has no predictions", row.Query)
	}
	return row, nil
}

// Writer writes a submission, query by query.
type Writer struct {
	table *csv.Writer
	seen  map[string]bool
}

// NewWriter begins a submission with its head line. Call Flush at the end.
func NewWriter(w io.Writer) (*Writer, error) {
	table := csv.NewWriter(w)
	return &Writer{table, map[string]bool{}}, table.Write([]string{queryColumn, passageColumn})
}

// Write writes the ranking of one query; id names its passages. A query without hits or that was written before, and an
// id that holds white space, are errors.
func (w *Writer) Write(query string, hits ranking.Ranking, id func(passage int32) string) error {
	switch {
	case query == "" || strings.TrimSpace(query) != query:
		return fmt.Errorf("query %q: the id begins or ends with white space, or is empty", query)
	case w.seen[query]:
		return fmt.Errorf("query %q is in the submission already", query)
	case len(hits) == 0:
		return fmt.Errorf("query %q has no predictions", query)
	}
	w.seen[query] = true
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = id(h.Passage)
		if ids[i] == "" || strings.ContainsFunc(ids[i], unicode.IsSpace) {
			return fmt.Errorf("query %q: passage %q: white space parts the predictions of a submission; use other ids", query, ids[i])
		}
	}
	return w.table.Write([]string{query, strings.Join(ids, " ")})
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	w.table.Flush()
	return w.table.Error()
}
