// Package parquet reads Parquet files as JSON objects, a row each, and writes JSON objects as a Parquet file. It knows no
// corpus and no query: columns are keys, lists and structs are JSON's. How types map: docs/formats/parquet.md.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Magic is what a Parquet file begins and ends with.
const Magic = "PAR1"

// rowsAtOnce is how many rows are decoded together: enough to spread the cost of a call, few enough that long texts of as
// many rows are no burden.
const rowsAtOnce = 64

// Reader reads the rows of a file in its order. It holds a page of each column, never a whole column.
type Reader struct {
	root   *parquet.Column
	groups []parquet.RowGroup // that are left
	rows   parquet.Rows       // of the row group being read; nil between two
	batch  []parquet.Row
	ready  []parquet.Row // of the batch, not yet returned
	last   error         // what ended the batch
	cells  [][]parquet.Value
	json   []byte
}

// NewReader opens a file of size bytes. A damaged file is an error, here or on reading; so is an encrypted one.
func NewReader(r io.ReaderAt, size int64) (reader *Reader, err error) {
	defer damaged(&err)
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("broken Parquet: %w", err)
	}
	if err := checkChunks(file, size); err != nil {
		return nil, err
	}
	return &Reader{root: file.Root(), groups: file.RowGroups(), batch: make([]parquet.Row, rowsAtOnce)}, nil
}

// checkFooter refuses a footer that is longer than the file before memory is taken for it.
func checkFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < int64(len(Magic)+len(tail)) {
		return fmt.Errorf("broken Parquet: %d bytes are too few; the file looks truncated", size)
	}
	if _, err := r.ReadAt(tail[:], size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	switch string(tail[4:]) {
	case Magic:
	case "PARE":
		return errors.New("the Parquet file is encrypted; write it without encryption")
	default:
		return fmt.Errorf("broken Parquet: the file does not end in %s; it looks truncated", Magic)
	}
	if n := int64(binary.LittleEndian.Uint32(tail[:4])); n > size-int64(len(Magic)+len(tail)) {
		return fmt.Errorf("broken Parquet: a footer of %d bytes in a file of %d", n, size)
	}
	return nil
}

// checkChunks refuses columns that lie outside of the file, and LZ4: where such a page is damaged, the library takes ever more
// memory for it until there is none.
func checkChunks(file *parquet.File, size int64) error {
	for i, group := range file.Metadata().RowGroups {
		if group.NumRows < 0 {
			return fmt.Errorf("broken Parquet: row group %d has %d rows", i, group.NumRows)
		}
		for _, column := range group.Columns {
			m := column.MetaData
			if m.Codec == format.Lz4Raw || m.Codec == format.Lz4 {
				return errors.New("the Parquet file is packed with LZ4, which is not read: write it with Snappy or Zstandard")
			}
			if m.DataPageOffset < 0 || m.TotalCompressedSize < 0 || m.DataPageOffset > size || m.TotalCompressedSize > size {
				return fmt.Errorf("broken Parquet: column %q of row group %d lies outside of the file", m.PathInSchema, i)
			}
		}
	}
	return nil
}

// damaged turns a panic of the library over a damaged file into an error: a file must not end the program.
func damaged(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("broken Parquet: %v", p)
	}
}

// Next returns the next row as a JSON object with the columns in the file's order, or io.EOF. The bytes are valid until the
// next call. A value that JSON has no form for is an error that names its column.
func (r *Reader) Next() (object []byte, err error) {
	defer damaged(&err)
	for len(r.ready) == 0 {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	row := r.ready[0]
	r.ready = r.ready[1:]
	r.cells = r.cells[:0]
	row.Range(func(_ int, values []parquet.Value) bool {
		r.cells = append(r.cells, values)
		return true
	})
	a := assembler{cells: r.cells, json: r.json[:0]}
	a.group(r.root)
	if a.err == nil {
		a.checkEmpty()
	}
	r.json = a.json
	if a.err != nil {
		return nil, a.err
	}
	return a.json, nil
}

// fill decodes the next rows.
func (r *Reader) fill() error {
	if r.last != nil && r.last != io.EOF {
		return fmt.Errorf("broken Parquet: %w", r.last)
	}
	if r.rows == nil {
		if len(r.groups) == 0 {
			return io.EOF
		}
		r.rows, r.groups, r.last = r.groups[0].Rows(), r.groups[1:], nil
	}
	if r.last == io.EOF {
		err := r.rows.Close()
		r.rows, r.last = nil, nil
		return err
	}
	n, err := r.rows.ReadRows(r.batch)
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	r.ready, r.last = r.batch[:n], err
	return nil
}

// Close gives up what reading holds.
func (r *Reader) Close() (err error) {
	defer damaged(&err)
	if r.rows == nil {
		return nil
	}
	err = r.rows.Close()
	r.rows, r.groups, r.ready = nil, nil, nil
	return err
}
