package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/format/parquet"
)

// DefaultMaxLine is the longest line that a reader takes, in bytes, unless it is told another: far above any text that a
// model could read, far below what would exhaust memory when a file has no newlines.
const DefaultMaxLine = 64 << 20

// LineOptions says how Lines cuts a file.
type LineOptions struct {
	MaxLine    int  // longest line in bytes; 0 means DefaultMaxLine
	KeepBlanks bool // return blank lines instead of skipping them
}

// Lines reads UTF-8 text line by line and knows where it is, for errors that name file and line. It unpacks gzip and
// Zstandard by their content, drops a byte order mark, takes CRLF as LF and skips blank lines (they still count).
//
// The rows of a Parquet file, which is told by its content too, are lines as well: each is a JSON object with the columns
// as keys, and its number is the line's. Such a file is read at any place, so r must be an io.ReaderAt with Stat or Size.
type Lines struct {
	name    string
	source  io.Reader
	reader  *bufio.Reader
	rows    *parquet.Reader // of a Parquet file; nil for text
	options LineOptions
	buffer  []byte
	number  int     // 1-based number of the current line
	offset  int64   // of the current line in the unpacked file
	next    int64   // of the line after it
	open    bool    // the current line has no newline: it is the last one
	joined  *joined // the shards that follow this one; nil for a file by itself
	before  int     // lines of those that were read before it
}

// NewLines reads lines from r; name is the file's name in errors.
func NewLines(r io.Reader, name string, o LineOptions) *Lines {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	l := &Lines{name: name, source: r, options: o}
	if shards, ok := r.(*joined); ok {
		l.source, l.joined = nil, shards
	}
	return l
}

// Next returns the next line without its line end, or io.EOF. The bytes are valid until the next call.
func (l *Lines) Next() ([]byte, error) {
	for {
		line, err := l.read()
		if err == io.EOF {
			if err := l.turn(); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if !l.options.KeepBlanks && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := l.checkUTF8(line); err != nil {
			return nil, err
		}
		return line, nil
	}
}

// Number is the 1-based number of the line that Next returned last. It counts through the shards of a joined file.
func (l *Lines) Number() int { return l.number }

// Errorf is an error at the current line: `file:line: message`. It wraps with %w as fmt.Errorf does.
func (l *Lines) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", l.name, l.number-l.before, fmt.Errorf(format, args...))
}

// start looks at the first bytes: what is packed is unpacked, a UTF-8 byte order mark dropped, UTF-16 refused, Parquet
// opened.
func (l *Lines) start() error {
	unpacked, err := Unpack(l.source, l.name)
	if err != nil {
		return err
	}
	l.reader, l.next = unpacked.Reader, 0
	head, err := l.reader.Peek(len(parquet.Magic))
	if err != nil && err != io.EOF && len(head) == 0 {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return fmt.Errorf("%s:1: the file is UTF-16; save it as UTF-8", l.name)
	}
	if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(head, mark) {
		l.reader.Discard(len(mark))
		l.next = int64(len(mark))
	}
	if string(head) == parquet.Magic {
		if unpacked.Packing != "" {
			return fmt.Errorf("%s: a Parquet file inside %s: unpack it, for Parquet packs its own pages", l.name, unpacked.Packing)
		}
		l.rows, err = openParquet(l.source)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

// read returns the next physical line. It copies only lines longer than the read buffer.
func (l *Lines) read() ([]byte, error) {
	if l.source == nil { // the first of the shards has yet to come
		return nil, io.EOF
	}
	if l.reader == nil {
		if err := l.start(); err != nil {
			return nil, err
		}
	}
	if l.rows != nil {
		return l.row()
	}
	l.number++
	l.offset = l.next
	l.buffer = l.buffer[:0]
	for {
		part, err := l.reader.ReadSlice('\n')
		l.next += int64(len(part))
		if len(l.buffer)+len(part) > l.options.MaxLine+len("\r\n") {
			return nil, l.tooLong()
		}
		switch {
		case err == bufio.ErrBufferFull:
			l.buffer = append(l.buffer, part...)
			continue
		case err != nil && err != io.EOF:
			if errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, l.Errorf("the compressed file ends too early; it looks truncated: %w", err)
			}
			return nil, l.Errorf("read: %w", err)
		}
		if len(l.buffer) > 0 {
			l.buffer = append(l.buffer, part...)
			part = l.buffer
		}
		if err == io.EOF && len(part) == 0 {
			l.number--
			return nil, io.EOF
		}
		l.open = err == io.EOF
		part = bytes.TrimSuffix(part, []byte("\n"))
		return bytes.TrimSuffix(part, []byte("\r")), nil
	}
}

// row returns the next row of a Parquet file.
func (l *Lines) row() ([]byte, error) {
	row, err := l.rows.Next()
	if err == io.EOF {
		if err := l.rows.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		return nil, io.EOF
	}
	l.number++
	if err != nil {
		return nil, l.Errorf("%w", err)
	}
	if len(row) > l.options.MaxLine {
		return nil, l.tooLong()
	}
	return row, nil
}

func (l *Lines) tooLong() error {
	return l.Errorf("the line is longer than %d bytes; shorten the text, or check that the file has one row a line", l.options.MaxLine)
}

func (l *Lines) checkUTF8(line []byte) error {
	if utf8.Valid(line) {
		return nil
	}
	at := 0
	for at < len(line) {
		r, size := utf8.DecodeRune(line[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return l.Errorf("byte %d of the line (offset %d of the file) is 0x%02x, which is not UTF-8; save the file as UTF-8", at+1, l.offset+int64(at), line[at])
}
