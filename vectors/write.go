package vectors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// NPYWriter writes a float32 matrix of known size as a .npy file of version 1.0, byte for byte what numpy.save writes.
type NPYWriter struct {
	w       io.Writer
	rows    int
	dim     int
	written int // rows so far
	buffer  []byte
}

// NewNPYWriter writes the header. The writer is not buffered and not closed.
func NewNPYWriter(w io.Writer, rows, dim int) (*NPYWriter, error) {
	if rows < 0 || dim <= 0 {
		return nil, fmt.Errorf("a matrix of %d rows of %d numbers cannot be written", rows, dim)
	}
	if _, err := w.Write(formatNPYHeader(rows, dim)); err != nil {
		return nil, err
	}
	return &NPYWriter{w: w, rows: rows, dim: dim}, nil
}

// ContinueNPY goes on with a file of which an earlier writer of the same rows and dim has left so many bytes, and returns how
// many rows are in them; w stands behind them. Without any it is NewNPYWriter. Bytes that end within the header or a row, or
// behind the last one, are an error.
func ContinueNPY(w io.Writer, bytes int64, rows, dim int) (n *NPYWriter, written int, err error) {
	if bytes == 0 {
		n, err = NewNPYWriter(w, rows, dim)
		return n, 0, err
	}
	data := bytes - int64(len(formatNPYHeader(rows, dim)))
	row := int64(dim) * 4
	if dim <= 0 || data < 0 || data%row != 0 || data/row > int64(rows) {
		return nil, 0, fmt.Errorf("%d bytes are no beginning of a matrix of %d rows of %d numbers that ends with a row", bytes, rows, dim)
	}
	written = int(data / row)
	return &NPYWriter{w: w, rows: rows, dim: dim, written: written}, written, nil
}

// Write appends whole rows: data is [n, dim]. More rows than announced, and a part of a row, are errors.
func (n *NPYWriter) Write(data []float32) error {
	if len(data)%n.dim != 0 {
		return fmt.Errorf("%d numbers are no whole rows of %d", len(data), n.dim)
	}
	rows := len(data) / n.dim
	if n.written+rows > n.rows {
		return fmt.Errorf("row %d of a matrix that was to have %d", n.written+rows, n.rows)
	}
	const block = 1 << 14 // numbers that are encoded at a time
	for len(data) > 0 {
		part := data[:min(len(data), block)]
		n.buffer = n.buffer[:0]
		for _, v := range part {
			n.buffer = binary.LittleEndian.AppendUint32(n.buffer, math.Float32bits(v))
		}
		if _, err := n.w.Write(n.buffer); err != nil {
			return err
		}
		data = data[len(part):]
	}
	n.written += rows
	return nil
}

// Close checks that all announced rows were written.
func (n *NPYWriter) Close() error {
	if n.written != n.rows {
		return fmt.Errorf("%d rows written of a matrix that was to have %d", n.written, n.rows)
	}
	return nil
}

// WriteNPY writes a whole matrix.
func WriteNPY(w io.Writer, m Matrix) error {
	n, err := NewNPYWriter(w, m.Rows, m.Dim)
	if err != nil {
		return err
	}
	if err := n.Write(m.Data); err != nil {
		return err
	}
	return n.Close()
}
