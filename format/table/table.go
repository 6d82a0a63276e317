// Package table reads and writes rows of named columns, whatever file they stand in: JSONL, CSV, TSV or Parquet. A row is a
// JSON object with the columns as keys, in their order.
package table

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/parquet"
)

// Kind is a kind of file.
type Kind string

// The kinds.
const (
	JSONL   Kind = "jsonl"
	CSV     Kind = "csv"
	TSV     Kind = "tsv"
	Parquet Kind = "parquet"
)

// KindOf tells a file's kind by its name, .gz or .zst behind it aside.
func KindOf(path string) (Kind, error) {
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".gz"), ".zst")
	switch filepath.Ext(name) {
	case ".jsonl", ".json", ".ndjson":
		return JSONL, nil
	case ".csv":
		return CSV, nil
	case ".tsv":
		return TSV, nil
	case ".parquet":
		return Parquet, nil
	}
	return "", fmt.Errorf("%s: the name does not tell the kind of file: want .jsonl, .csv, .tsv or .parquet, the first three perhaps with .gz or .zst behind", path)
}

// Rows are read one by one.
type Rows interface {
	// NextObject returns the next row, or io.EOF. Its values are valid until the next call.
	NextObject() (corpus.Object, error)
	// Number is the 1-based line, or row of a Parquet file, of the row returned last.
	Number() int
	// Errorf is an error there.
	Errorf(format string, args ...any) error
}

// NewReader reads rows; name is the file's name in errors. Packed files are unpacked by their content.
func NewReader(r io.Reader, name string, kind Kind) (Rows, error) {
	switch kind {
	case CSV:
		return newDelimited(r, name, ',')
	case TSV:
		return newDelimited(r, name, '\t')
	}
	return corpus.NewLines(r, name, corpus.LineOptions{}), nil
}

// Writer writes rows.
type Writer interface {
	// Write writes a row.
	Write(row corpus.Object) error
	// Close writes what is buffered. It does not close the file.
	Close() error
}

// NewWriter writes rows to w. Parquet wants the schema of all rows that will come (AddTo); the others have no part in it.
func NewWriter(w io.Writer, kind Kind, schema parquet.Schema) (Writer, error) {
	switch kind {
	case CSV:
		return newDelimitedWriter(w, ','), nil
	case TSV:
		return newDelimitedWriter(w, '\t'), nil
	case Parquet:
		file, err := parquet.NewWriter(w, schema)
		return &parquetWriter{file: file}, err
	}
	return newLineWriter(w), nil
}

// Schema is a Writer that finds the columns of rows for a Parquet file, and writes nothing.
type Schema struct {
	parquet.Schema
	json []byte
}

// Write implements Writer.
func (s *Schema) Write(row corpus.Object) error {
	s.json = appendObject(s.json[:0], row)
	return s.Add(s.json)
}

// Close implements Writer.
func (s *Schema) Close() error { return nil }
