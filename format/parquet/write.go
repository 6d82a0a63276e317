package parquet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// rowsAGroup is how many rows a row group has at most: pyarrow's default for data sets of texts is of this size, and
// readers hold a group's page of each column.
const rowsAGroup = 10_000

// dictionaryBytes is how large the dictionary of a column's texts may grow, as pyarrow has it; the row group's other texts
// then stand as they are.
const dictionaryBytes = 1 << 20

// Writer writes rows as a Parquet file that the oldest readers take: pages of the first version, encodings that every
// reader has, compressed by Snappy as pyarrow does it.
type Writer struct {
	schema Schema
	w      *parquet.Writer
	row    parquet.Row
	rows   int
}

// NewWriter writes to w the rows that schema has seen, or fewer. Call Close at the end.
func NewWriter(w io.Writer, schema Schema) (*Writer, error) {
	if schema.root.kind == unknown {
		return nil, fmt.Errorf("no rows to write: a Parquet file has the columns of its rows")
	}
	if err := schema.root.check(nil); err != nil {
		return nil, err
	}
	file := parquet.NewWriter(w, parquet.NewSchema("schema", schema.root.group()),
		parquet.Compression(&parquet.Snappy), parquet.DataPageVersion(1),
		parquet.DictionaryMaxBytes(dictionaryBytes), parquet.MaxRowsPerRowGroup(rowsAGroup))
	return &Writer{schema: schema, w: file}, nil
}

// Write writes a row. A key that the schema has not seen, or a value of another type, is an error.
func (w *Writer) Write(row []byte) error {
	w.rows++
	decoder := json.NewDecoder(bytes.NewReader(row))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	s := shredder{row: w.row[:0]}
	s.fields(&w.schema.root, value, level{})
	w.row = s.row
	if s.err != nil {
		return fmt.Errorf("row %d: %w", w.rows, s.err)
	}
	_, err := w.w.WriteRows([]parquet.Row{w.row})
	return err
}

// Close writes what is buffered and the footer.
func (w *Writer) Close() error { return w.w.Close() }

// shredder takes a JSON value apart into the values of leaf columns, the way that assembler puts them together.
type shredder struct {
	row    parquet.Row
	column int      // the next leaf
	path   []string // for errors
	err    error
}

// level is how deep a value is defined, and at which level it repeats. depth counts the lists around it.
type level struct{ repetition, definition, depth int }

// put writes one value of the field; nil is null.
func (s *shredder) put(f *field, value any, at level) {
	if s.err != nil {
		return
	}
	if value == nil {
		s.nothing(f, at)
		return
	}
	at.definition++
	switch f.kind {
	case object:
		s.fields(f, value, at)
	case list:
		s.list(f, value, at)
	default:
		leaf, ok := leafOf(f.kind, value)
		if !ok {
			s.fail(value)
			return
		}
		s.row = append(s.row, leaf.Level(at.repetition, at.definition, s.column))
		s.column++
	}
}

func (s *shredder) fields(f *field, value any, at level) {
	object, ok := value.(map[string]any)
	if !ok {
		s.fail(value)
		return
	}
	known := 0
	for _, part := range f.fields {
		s.path = append(s.path, part.name)
		inner, ok := object[part.name]
		if ok {
			known++
		}
		s.put(part, inner, at)
		if s.err != nil {
			return
		}
		s.path = s.path[:len(s.path)-1]
	}
	if known < len(object) {
		for key := range object {
			if !slices.ContainsFunc(f.fields, func(part *field) bool { return part.name == key }) {
				s.err = fmt.Errorf("column %q was not there when the columns were looked at", strings.Join(append(s.path, key), "."))
			}
		}
	}
}

func (s *shredder) list(f *field, value any, at level) {
	elements, ok := value.([]any)
	if !ok {
		s.fail(value)
		return
	}
	first, element := s.column, f.at("element")
	if len(elements) == 0 {
		s.nothing(element, at)
		return
	}
	at.definition++
	at.depth++
	values := make([][]parquet.Value, 0)
	for i, e := range elements {
		if i > 0 {
			at.repetition = at.depth
		}
		one := shredder{column: first, path: s.path}
		one.put(element, e, at)
		if s.err = one.err; s.err != nil {
			return
		}
		s.column = one.column
		values = append(values, one.row)
	}
	// A row has the values of a column together: those of all elements, column by column.
	for column := first; column < s.column; column++ {
		for _, row := range values {
			for _, v := range row {
				if v.Column() == column {
					s.row = append(s.row, v)
				}
			}
		}
	}
}

// nothing writes the null that stands for a missing value in every leaf below.
func (s *shredder) nothing(f *field, at level) {
	if f.kind == object {
		for _, part := range f.fields {
			s.nothing(part, at)
		}
		return
	}
	if f.kind == list {
		s.nothing(f.at("element"), at)
		return
	}
	s.row = append(s.row, parquet.NullValue().Level(at.repetition, at.definition, s.column))
	s.column++
}

func leafOf(k kind, value any) (parquet.Value, bool) {
	switch v := value.(type) {
	case bool:
		return parquet.BooleanValue(v), k == boolean
	case string:
		return parquet.ByteArrayValue([]byte(v)), k == text
	case json.Number:
		if k == whole {
			n, err := v.Int64()
			return parquet.Int64Value(n), err == nil
		}
		f, err := v.Float64()
		return parquet.DoubleValue(f), err == nil && k == fraction
	}
	return parquet.Value{}, false
}

func (s *shredder) fail(value any) {
	s.err = fmt.Errorf("column %q: %.40v is not of the type that the column had when it was looked at", strings.Join(s.path, "."), value)
}
