package flagembedding

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"github.com/quarry-ml/quarry/corpus"
)

// Reader reads rows one by one.
type Reader struct {
	lines *corpus.Lines
	name  string
}

// NewReader reads rows from JSONL, plain or gzipped; name is the file's name in errors.
func NewReader(r io.Reader, name string) *Reader {
	return &Reader{corpus.NewLines(r, name, corpus.LineOptions{}), name}
}

// Next returns the next row, or io.EOF. A row without `query` or `pos`, a value of another type and scores that do not match
// their texts are errors with file and line.
func (f *Reader) Next() (*Row, error) {
	fields, err := f.lines.NextObject()
	if err != nil {
		return nil, err
	}
	row := &Row{fields: fields, line: f.lines.Number()}
	for i := range row.fields {
		// The values alias the reader's line, which the next call overwrites.
		row.fields[i].Value = json.RawMessage(bytes.Clone(row.fields[i].Value))
	}
	if err := row.parse(); err != nil {
		return nil, f.lines.Errorf("%w%s", err, corpus.Conversion(row.fields, f.name))
	}
	return row, nil
}

// ReadAll reads all rows.
func ReadAll(r io.Reader, name string) ([]*Row, error) {
	f := NewReader(r, name)
	var rows []*Row
	for {
		row, err := f.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// WriterOptions says how rows are written.
type WriterOptions struct {
	ASCII bool // write \u escapes for all but ASCII, as json.dumps does by default; FlagEmbedding's miner turns it off
}

// Writer writes rows as json.dumps(row, ensure_ascii=False) does, one a line.
type Writer struct {
	w       *bufio.Writer
	options WriterOptions
	buffer  []byte
}

// NewWriter writes to w; call Flush at the end.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 1<<16), options: o}
}

// Write writes one row. Invalid UTF-8 in a text and a number that no float64 holds are errors: neither has a JSON form.
func (f *Writer) Write(row *Row) error {
	b := append(f.buffer[:0], '{')
	for i, field := range row.fields {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(appendString(b, field.Key, f.options.ASCII), ": "...)
		p := python{data: field.Value, ascii: f.options.ASCII}
		b = p.value(b)
		if p.err != nil {
			return about(field.Key, p.err)
		}
	}
	f.buffer = append(b, "}\n"...)
	_, err := f.w.Write(f.buffer)
	return err
}

// Flush writes what is buffered.
func (f *Writer) Flush() error { return f.w.Flush() }
