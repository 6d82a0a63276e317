package prepare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// table reads a CSV file by the names of its columns. Quoted fields may hold newlines; a byte order mark is skipped
// and CRLF reads as LF, inside fields too.
type table struct {
	name    string
	reader  *csv.Reader
	columns map[string]int
	record  []string
}

// openTable reads the header and checks that the columns needed are there; others are let be.
func openTable(in Input, needed []string) (*table, error) {
	content := bufio.NewReader(in.Reader)
	if mark, err := content.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = content.Discard(3) // it was just peeked
	}
	if err := refuseBinary(content); err != nil {
		return nil, fmt.Errorf("%s: %w", in.Name, err)
	}
	t := &table{name: in.Name, reader: csv.NewReader(content), columns: map[string]int{}}
	header, err := t.reader.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: the file is empty", in.Name)
	}
	if err != nil {
		return nil, t.explain(err)
	}
	for i, column := range header {
		column = strings.TrimSpace(column)
		if _, twice := t.columns[column]; twice {
			return nil, fmt.Errorf("%s:1: column %q is there twice", in.Name, column)
		}
		t.columns[column] = i
	}
	for _, column := range needed {
		if _, ok := t.columns[column]; !ok {
			return nil, fmt.Errorf("%s:1: column %q is missing (it has %s)", in.Name, column, strings.Join(header, ", "))
		}
	}
	return t, nil
}

// refuseBinary tells by its first bytes a file that is no CSV yet.
func refuseBinary(content *bufio.Reader) error {
	for _, kind := range []struct{ mark, what string }{
		{"\x1f\x8b", "the file is packed with gzip: unpack it first"},
		{"PK\x03\x04", "the file is a zip archive: unpack it first"},
		{"\xff\xfe", "the file is UTF-16: save it as UTF-8"},
		{"\xfe\xff", "the file is UTF-16: save it as UTF-8"},
	} {
		if start, err := content.Peek(len(kind.mark)); err == nil && string(start) == kind.mark {
			return errors.New(kind.what)
		}
	}
	return nil
}

// next reads a row; io.EOF after the last.
func (t *table) next(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	record, err := t.reader.Read()
	if err == io.EOF {
		return err
	}
	if err != nil {
		return t.explain(err)
	}
	t.record = record
	if i := slices.IndexFunc(record, func(field string) bool { return !utf8.ValidString(field) }); i >= 0 {
		return fmt.Errorf("%s:%d: the text is not UTF-8: save the file as UTF-8", t.name, t.fieldLine(i))
	}
	return nil
}

// get returns a column of the row without white space around it.
func (t *table) get(column string) string { return strings.TrimSpace(t.record[t.columns[column]]) }

// errorf is an error about a column of the row.
func (t *table) errorf(column, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s: %w", t.name, t.fieldLine(t.columns[column]), column, fmt.Errorf(format, args...))
}

// line is where the row begins.
func (t *table) line() int { return t.fieldLine(0) }

func (t *table) fieldLine(i int) int {
	line, _ := t.reader.FieldPos(i)
	return line
}

// explain puts the file and line in front of what encoding/csv found.
func (t *table) explain(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	why := parse.Err
	switch {
	case errors.Is(why, csv.ErrFieldCount):
		why = fmt.Errorf("the row does not have the header's %d fields", t.reader.FieldsPerRecord)
	case errors.Is(why, csv.ErrQuote) && parse.Line != parse.StartLine:
		why = fmt.Errorf("a quote is wrong in the row that begins on line %d: %w", parse.StartLine, why)
	}
	return fmt.Errorf("%s:%d: %w", t.name, parse.Line, why)
}
