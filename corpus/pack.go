package corpus

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// PackingOf tells by a file's name what it is to be packed with: gzip (.gz), zstd (.zst), or nothing, which is empty.
func PackingOf(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz":
		return "gzip"
	case ".zst":
		return "zstd"
	}
	return ""
}

// Pack packs what is written, with gzip or zstd unless packing is empty; Unpack reads it. The same bytes come of the same
// content, in however many pieces it is written. To close what is returned ends the packing and leaves w open.
func Pack(w io.Writer, packing string) (io.WriteCloser, error) {
	switch packing {
	case "gzip":
		return gzip.NewWriter(w), nil
	case "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return plain{w}, nil
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }
