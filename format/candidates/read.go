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
	"iter"

	"github.com/quarry-ml/quarry/ranking"
)

// Reader reads a candidates file record by record and checks every record and, at the end, the whole.
type Reader struct {
	header Header
	name   string
	r      *bufio.Reader
	summed io.Reader // r, with every byte entering sum
	sum    hash.Hash
	read   int
	seen   map[string]bool
	done   bool
}

// NewReader reads the header; name is the file's name in errors. A newer version and a broken header are errors.
func NewReader(r io.Reader, name string) (*Reader, error) {
	f := &Reader{name: name, r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New(), seen: map[string]bool{}}
	f.summed = io.TeeReader(f.r, f.sum)
	var err error
	if f.header, err = readHeader(f.summed); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// Header is what the file says of itself.
func (f *Reader) Header() Header { return f.header }

// Next returns the next query's candidates. After the last it checks the file's checksum and returns io.EOF; a file that is
// cut, changed or longer than its header says is an error that names the record. Records are counted from 0.
func (f *Reader) Next() (ranking.Candidates, error) {
	if f.done {
		return ranking.Candidates{}, io.EOF
	}
	if f.read == f.header.Queries {
		if err := f.end(); err != nil {
			return ranking.Candidates{}, fmt.Errorf("%s: %w", f.name, err)
		}
		f.done = true
		return ranking.Candidates{}, io.EOF
	}
	c, err := f.record()
	if err != nil {
		return ranking.Candidates{}, fmt.Errorf("%s: record %d of %d: %w", f.name, f.read, f.header.Queries, err)
	}
	f.read++
	return c, nil
}

// All is an iterator over what Next returns up to the end; the first error is its last element.
func (f *Reader) All() iter.Seq2[ranking.Candidates, error] {
	return func(yield func(ranking.Candidates, error) bool) {
		for {
			c, err := f.Next()
			if err == io.EOF || !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// ReadAll reads a whole file.
func ReadAll(r io.Reader, name string) (Header, []ranking.Candidates, error) {
	f, err := NewReader(r, name)
	if err != nil {
		return Header{}, nil, err
	}
	var all []ranking.Candidates
	for c, err := range f.All() {
		if err != nil {
			return Header{}, nil, err
		}
		all = append(all, c)
	}
	return f.header, all, nil
}

func (f *Reader) record() (ranking.Candidates, error) {
	var none ranking.Candidates
	prefix, err := readBytes(f.summed, 4)
	if err != nil {
		return none, cut(err)
	}
	length := binary.LittleEndian.Uint32(prefix)
	if int64(length) > f.header.maxRecord() {
		return none, fmt.Errorf("a length of %d bytes; the file is corrupt", length)
	}
	body, err := readBytes(f.summed, int(length)+4)
	if err != nil {
		return none, cut(err)
	}
	record, sum := body[:length], binary.LittleEndian.Uint32(body[length:])
	if crc32.Update(crc32.Checksum(prefix, castagnoli), castagnoli, record) != sum {
		return none, fmt.Errorf("it does not match its checksum; the file is corrupt, search again")
	}
	c, err := parseRecord(record, f.header.parts())
	if err == nil {
		err = f.header.check(c)
	}
	if err != nil {
		return none, fmt.Errorf("query %q: %w", c.Query, err)
	}
	if f.seen[c.Query] {
		return none, fmt.Errorf("query %q: it occurs twice", c.Query)
	}
	f.seen[c.Query] = true
	return c, nil
}

// end checks what follows the last record.
func (f *Reader) end() error {
	mark, err := readBytes(f.summed, len(trailer))
	if err != nil {
		return fmt.Errorf("the end of the file: %w", cut(err))
	}
	want := f.sum.Sum(nil)
	sum, err := readBytes(f.r, len(want))
	if err != nil {
		return fmt.Errorf("the end of the file: %w", cut(err))
	}
	if string(mark) != trailer || !bytes.Equal(sum, want) {
		return fmt.Errorf("the file does not match its checksum; it is corrupt, search again")
	}
	if _, err := f.r.ReadByte(); err != io.EOF {
		return fmt.Errorf("data behind the end of the file; it is corrupt, search again")
	}
	return nil
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the file ends too early; it looks truncated, search again")
	}
	return err
}
