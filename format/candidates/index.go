package candidates

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/quarry-ml/quarry/ranking"
)

// Index finds single records of a candidates file, for those who look at some queries of many. It holds eight bytes a query.
type Index struct {
	header  Header
	name    string
	file    io.ReaderAt
	offsets []int64 // of the records' lengths, and of the end mark
}

// OpenIndex finds the records of a file of size bytes, which must not change; name is the file's name in errors. It reads
// the lengths alone: a record is checked when it is read, and the sum of the whole never.
func OpenIndex(file io.ReaderAt, size int64, name string) (*Index, error) {
	x := &Index{name: name, file: file}
	at := &counter{r: bufio.NewReaderSize(io.NewSectionReader(file, 0, size), 1<<16)}
	var err error
	if x.header, err = readHeader(at); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range x.header.Queries {
		x.offsets = append(x.offsets, at.n)
		prefix, err := readBytes(at, 4)
		if err != nil {
			return nil, x.errorf(i, "%w", cut(err))
		}
		length := int64(binary.LittleEndian.Uint32(prefix))
		if length > x.header.maxRecord() {
			return nil, x.errorf(i, "a length of %d bytes; the file is corrupt", length)
		}
		if _, err := at.discard(int(length) + 4); err != nil {
			return nil, x.errorf(i, "%w", cut(err))
		}
	}
	x.offsets = append(x.offsets, at.n)
	if mark, err := readBytes(at, len(trailer)); err != nil || string(mark) != trailer {
		return nil, fmt.Errorf("%s: the end of the file: it is not where its records end; it is corrupt, search again", name)
	}
	return x, nil
}

// IndexOf is OpenIndex of a file that is open only while something is read of it, so that there may be any number of them.
// What open returns has to be an io.ReaderAt, as a file is.
func IndexOf(open func() (io.ReadCloser, error), size int64, name string) (*Index, error) {
	return OpenIndex(opened(open), size, name)
}

// opened is a file that is opened for each read.
type opened func() (io.ReadCloser, error)

// ReadAt implements io.ReaderAt.
func (open opened) ReadAt(b []byte, offset int64) (n int, err error) {
	r, err := open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	at, ok := r.(io.ReaderAt)
	if !ok {
		return 0, errors.New("the file can be read from its start alone")
	}
	return at.ReadAt(b, offset)
}

// Header is what the file says of itself.
func (x *Index) Header() Header { return x.header }

// At returns the candidates of the query at a position, counted from 0 in the order of the file.
func (x *Index) At(i int) (ranking.Candidates, error) {
	var none ranking.Candidates
	if i < 0 || i >= x.header.Queries {
		return none, x.errorf(i, "there is none")
	}
	bytesOf := make([]byte, x.offsets[i+1]-x.offsets[i])
	if n, err := x.file.ReadAt(bytesOf, x.offsets[i]); n < len(bytesOf) {
		return none, x.errorf(i, "%w", cut(err))
	}
	end := len(bytesOf) - 4
	if crc32.Checksum(bytesOf[:end], castagnoli) != binary.LittleEndian.Uint32(bytesOf[end:]) {
		return none, x.errorf(i, "it does not match its checksum; the file is corrupt, search again")
	}
	c, err := parseRecord(bytesOf[4:end], x.header.parts())
	if err == nil {
		err = x.header.check(c)
	}
	if err != nil {
		return none, x.errorf(i, "query %q: %w", c.Query, err)
	}
	return c, nil
}

func (x *Index) errorf(record int, format string, args ...any) error {
	return fmt.Errorf("%s: record %d of %d: %w", x.name, record, x.header.Queries, fmt.Errorf(format, args...))
}

// counter knows how far it has read.
type counter struct {
	r *bufio.Reader
	n int64
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *counter) discard(n int) (int, error) {
	n, err := c.r.Discard(n)
	c.n += int64(n)
	return n, err
}
