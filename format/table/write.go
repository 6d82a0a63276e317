package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/parquet"
)

// lineWriter writes an object a line.
type lineWriter struct {
	w    *bufio.Writer
	json []byte
}

func newLineWriter(w io.Writer) *lineWriter { return &lineWriter{w: bufio.NewWriterSize(w, 1<<16)} }

// Write implements Writer.
func (w *lineWriter) Write(row corpus.Object) error {
	w.json = append(appendObject(w.json[:0], row), '\n')
	_, err := w.w.Write(w.json)
	return err
}

// Close implements Writer.
func (w *lineWriter) Close() error { return w.w.Flush() }

type parquetWriter struct {
	file *parquet.Writer
	json []byte
}

// Write implements Writer.
func (w *parquetWriter) Write(row corpus.Object) error {
	w.json = appendObject(w.json[:0], row)
	return w.file.Write(w.json)
}

// Close implements Writer.
func (w *parquetWriter) Close() error { return w.file.Close() }

func appendObject(b []byte, row corpus.Object) []byte {
	b = append(b, '{')
	for i, field := range row {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, String(field.Key)...), ": "...)
		b = append(b, field.Value...)
	}
	return append(b, '}')
}

// String is a text as JSON, with no more escapes than JSON demands.
func String(text string) json.RawMessage { return value(text) }

// Strings is a list of texts as JSON.
func Strings(texts []string) json.RawMessage {
	if texts == nil {
		texts = []string{}
	}
	return value(texts)
}

// Numbers is a list of numbers as JSON, whole ones with their .0: they are no integers.
func Numbers(numbers []float64) json.RawMessage {
	b := []byte{'['}
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, Number(n)...)
	}
	return append(b, ']')
}

// Number is a finite number as JSON, a whole one with its .0.
func Number(n float64) json.RawMessage {
	digits := value(n)
	if !bytes.ContainsAny(digits, ".e") {
		digits = append(digits, ".0"...)
	}
	return digits
}

func value(v any) json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // Strings and finite numbers are always JSON.
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// delimitedWriter writes a head line of the columns of the first row, then a line a row, quoted as RFC 4180 has it. Strings
// stand as they are, numbers and booleans by their digits and words, null as nothing, lists and objects as JSON.
type delimitedWriter struct {
	w       *csv.Writer
	under   io.Writer // what w writes to
	columns []string
	cells   []string
}

func newDelimitedWriter(w io.Writer, comma rune) *delimitedWriter {
	d := &delimitedWriter{w: csv.NewWriter(w), under: w}
	d.w.Comma = comma
	return d
}

// Write implements Writer. A row with other columns than the first is an error.
func (d *delimitedWriter) Write(row corpus.Object) error {
	if d.columns == nil {
		for _, field := range row {
			d.columns = append(d.columns, field.Key)
		}
		if err := d.w.Write(d.columns); err != nil {
			return err
		}
	}
	d.cells = d.cells[:0]
	for i, field := range row {
		if i >= len(d.columns) || field.Key != d.columns[i] {
			return fmt.Errorf("the row has the column %q where the first row has %s", field.Key, strings.Join(d.columns[min(i, len(d.columns)):min(i+1, len(d.columns))], ""))
		}
		cell := string(field.Value)
		switch {
		case cell == "null":
			cell = ""
		case strings.HasPrefix(cell, `"`):
			text, err := corpus.Text(field.Value)
			if err != nil {
				return fmt.Errorf("%q: %w", field.Key, err)
			}
			cell = text
		}
		d.cells = append(d.cells, cell)
	}
	if len(d.cells) != len(d.columns) {
		return fmt.Errorf("the row has %d columns, and the first row %d", len(d.cells), len(d.columns))
	}
	if len(d.cells) == 1 && d.cells[0] == "" { // or the record is a blank line, which readers skip
		d.w.Flush()
		_, err := io.WriteString(d.under, "\"\"\n")
		return errors.Join(d.w.Error(), err)
	}
	return d.w.Write(d.cells)
}

// Close implements Writer.
func (d *delimitedWriter) Close() error {
	d.w.Flush()
	return d.w.Error()
}
