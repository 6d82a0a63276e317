package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/corpus"
)

// maxRecord is the longest record in bytes: a quote that is never closed must not take the whole file for one.
const maxRecord = corpus.DefaultMaxLine

// delimited reads CSV or TSV with a head line, quoted as RFC 4180 has it. Every value is a string.
type delimited struct {
	name    string
	reader  *csv.Reader
	bound   *bound
	columns []string
	line    int // of the record returned last
	object  corpus.Object
}

func newDelimited(r io.Reader, name string, comma rune) (*delimited, error) {
	unpacked, err := corpus.Unpack(r, name)
	if err != nil {
		return nil, err
	}
	if head, _ := unpacked.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		unpacked.Discard(len(head))
	}
	d := &delimited{name: name, bound: &bound{r: unpacked}}
	d.reader = csv.NewReader(d.bound)
	d.reader.Comma, d.reader.ReuseRecord = comma, true
	head, err := d.record()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: the file is empty: want a head line with the names of columns", name)
	}
	if err != nil {
		return nil, err
	}
	d.columns = slices.Clone(head)
	for i, column := range d.columns {
		if column == "" {
			return nil, d.Errorf("column %d has no name: the first line has the names of columns", i+1)
		}
		if !utf8.ValidString(column) {
			return nil, d.Errorf("the name of column %d is not UTF-8; save the file as UTF-8", i+1)
		}
		if slices.Index(d.columns, column) < i {
			return nil, d.Errorf("two columns are called %q", column)
		}
	}
	return d, nil
}

// NextObject implements Rows.
func (d *delimited) NextObject() (corpus.Object, error) {
	record, err := d.record()
	if err != nil {
		return nil, err
	}
	d.object = d.object[:0]
	for i, cell := range record {
		if !utf8.ValidString(cell) {
			line, column := d.reader.FieldPos(i)
			return nil, fmt.Errorf("%s:%d: column %q, at byte %d of the line, is not UTF-8; save the file as UTF-8", d.name, line, d.columns[i], column)
		}
		d.object = append(d.object, corpus.Field{Key: d.columns[i], Value: String(cell)})
	}
	return d.object, nil
}

// record returns the cells of the next record.
func (d *delimited) record() ([]string, error) {
	d.bound.left = maxRecord
	record, err := d.reader.Read()
	if err == io.EOF {
		return nil, err
	}
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse) && errors.Is(err, csv.ErrFieldCount):
		return nil, fmt.Errorf("%s:%d: %d columns, and the head line has %d", d.name, parse.StartLine, len(record), len(d.columns))
	case errors.As(err, &parse):
		return nil, fmt.Errorf("%s:%d: byte %d of the line: %w (texts with quotes or line ends stand in quotes, a quote in them twice)", d.name, parse.Line, parse.Column, parse.Err)
	case err != nil:
		return nil, fmt.Errorf("%s:%d: %w", d.name, d.line+1, err)
	}
	d.line, _ = d.reader.FieldPos(0)
	return record, nil
}

// Number implements Rows.
func (d *delimited) Number() int { return d.line }

// Errorf implements Rows.
func (d *delimited) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%s: %w", d.name, strconv.Itoa(d.line), fmt.Errorf(format, args...))
}

// bound ends a record that is too long.
type bound struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (b *bound) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the record is longer than %d bytes; is a quote not closed?", maxRecord)
	}
	n, err := b.r.Read(p)
	b.left -= n
	return n, err
}
