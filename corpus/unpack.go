package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/quarry-ml/quarry/format/parquet"
)

// Unpacked is the content of a file that may have been packed.
type Unpacked struct {
	*bufio.Reader
	Packing string // gzip, zstd, or empty where the file is as it is
}

// Unpack reads a file that gzip or Zstandard packed, or one that is not packed: its first bytes tell. name is the file's
// name in errors. Nothing has to be closed but r.
func Unpack(r io.Reader, name string) (Unpacked, error) {
	reader := bufio.NewReaderSize(r, 1<<16)
	head, err := reader.Peek(4)
	if err != nil && err != io.EOF && len(head) == 0 { // behind some bytes, whoever reads on meets it with its line
		return Unpacked{}, fmt.Errorf("%s: %w", name, err)
	}
	var content io.Reader
	packing := ""
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		packing = "gzip"
		content, err = gzip.NewReader(reader)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		packing = "zstd"
		// One block at a time on this goroutine: nothing runs on when a reader stops early.
		content, err = zstd.NewReader(reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	default:
		return Unpacked{Reader: reader}, nil
	}
	if err != nil {
		return Unpacked{}, fmt.Errorf("%s: broken %s header: %w", name, packing, err)
	}
	reader = bufio.NewReaderSize(content, 1<<16)
	if _, err := reader.Peek(1); err != nil && err != io.EOF {
		return Unpacked{}, fmt.Errorf("%s: broken %s data: %w", name, packing, err)
	}
	return Unpacked{reader, packing}, nil
}

// openParquet opens what can be read at any place and says how long it is.
func openParquet(r io.Reader) (*parquet.Reader, error) {
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil, errors.New("a Parquet file is read at any place, which this input does not allow: name a file")
	}
	switch file := r.(type) {
	case interface{ Size() int64 }:
		return parquet.NewReader(at, file.Size())
	case interface{ Stat() (fs.FileInfo, error) }:
		info, err := file.Stat()
		if err != nil {
			return nil, err
		}
		return parquet.NewReader(at, info.Size())
	}
	return nil, errors.New("a Parquet file has to say how long it is, which this input does not: name a file")
}
