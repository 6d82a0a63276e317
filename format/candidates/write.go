package candidates

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/quarry-ml/quarry/ranking"
)

// Writer writes a candidates file record by record, in the caller's order.
type Writer struct {
	header  Header
	w       *bufio.Writer
	sum     hash.Hash
	buffer  []byte
	written int
	seen    map[string]bool
}

// NewWriter writes the header. Call Close at the end; it does not close w.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.Validate(); err != nil {
		return nil, err
	}
	start, err := h.marshal()
	if err != nil {
		return nil, err
	}
	f := &Writer{header: h, w: bufio.NewWriterSize(w, 1<<16), sum: sha256.New(), seen: map[string]bool{}}
	return f, f.write(start)
}

// Continue goes on with a file of the same header, of which an earlier writer has left the bytes that done reads, and returns how many
// queries are in them; w stands behind them. Without any it is NewWriter. Bytes of another header, or that do not end with a record, are
// an error that has name, the file's.
func Continue(w io.Writer, done io.Reader, h Header, name string) (f *Writer, written int, err error) {
	r := bufio.NewReaderSize(done, 1<<16)
	if _, err := r.Peek(1); err == io.EOF {
		f, err = NewWriter(w, h)
		return f, 0, err
	}
	in, err := NewReader(r, name)
	if err != nil {
		return nil, 0, err
	}
	is, err := in.header.marshal()
	if err != nil {
		return nil, 0, err
	}
	wanted, err := h.marshal()
	if err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(is, wanted) {
		return nil, 0, fmt.Errorf("%s: these are other candidates: it says %s, and what is written %s", name, is[len(magic)+8:len(is)-4], wanted[len(magic)+8:len(wanted)-4])
	}
	for {
		if _, err := in.r.Peek(1); err == io.EOF {
			break
		}
		if in.read == h.Queries {
			return nil, 0, fmt.Errorf("%s: data behind the last of %d queries", name, h.Queries)
		}
		if _, err := in.Next(); err != nil {
			return nil, 0, err
		}
	}
	return &Writer{header: h, w: bufio.NewWriterSize(w, 1<<16), sum: in.sum, written: in.read, seen: in.seen}, in.read, nil
}

// Write appends the candidates of one query. What no search can produce is an error that names the query: a missing or
// repeated hit, scores out of order, a positive that contradicts the hits, a key that was written before.
func (f *Writer) Write(c ranking.Candidates) error {
	if err := f.header.check(c); err != nil {
		return fmt.Errorf("candidates of query %q: %w", c.Query, err)
	}
	if f.seen[c.Query] {
		return fmt.Errorf("candidates of query %q: written twice", c.Query)
	}
	if f.written == f.header.Queries {
		return fmt.Errorf("candidates of query %q: the file was to have %d queries", c.Query, f.header.Queries)
	}
	f.seen[c.Query] = true
	f.written++
	f.buffer = appendRecord(append(f.buffer[:0], 0, 0, 0, 0), c)
	binary.LittleEndian.PutUint32(f.buffer, uint32(len(f.buffer)-4))
	f.buffer = binary.LittleEndian.AppendUint32(f.buffer, crc32.Checksum(f.buffer, castagnoli))
	return f.write(f.buffer)
}

// Flush hands all that was written on: a file may be gone on with behind it.
func (f *Writer) Flush() error { return f.w.Flush() }

// Close checks that every announced query was written and ends the file with its checksum.
func (f *Writer) Close() error {
	if f.written != f.header.Queries {
		return fmt.Errorf("candidates: %d queries written of %d", f.written, f.header.Queries)
	}
	if err := f.write([]byte(trailer)); err != nil {
		return err
	}
	if _, err := f.w.Write(f.sum.Sum(nil)); err != nil {
		return err
	}
	return f.w.Flush()
}

func (f *Writer) write(b []byte) error {
	f.sum.Write(b)
	_, err := f.w.Write(b)
	return err
}
