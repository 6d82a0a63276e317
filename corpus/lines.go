package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
)

// DefaultMaxLine is the longest line that a reader takes, in bytes, unless it is told another: far above any text that a
// model could read, far below what would exhaust memory when a file has no newlines.
const DefaultMaxLine = 64 << 20

// LineOptions says how Lines cuts a file.
type LineOptions struct {
	MaxLine    int  // longest line in bytes; 0 means DefaultMaxLine
	KeepBlanks bool // return blank lines instead of skipping them
}

// Lines reads UTF-8 text line by line and knows where it is, for errors that name file and line. It unpacks gzip by its
// content, drops a byte order mark, takes CRLF as LF and skips blank lines (they still count).
type Lines struct {
	name    string
	source  io.Reader
	reader  *bufio.Reader
	options LineOptions
	buffer  []byte
	number  int   // 1-based number of the current line
	offset  int64 // of the current line in the unpacked file
	next    int64 // of the line after it
	open    bool  // the current line has no newline: it is the last one
}

// NewLines reads lines from r; name is the file's name in errors.
func NewLines(r io.Reader, name string, o LineOptions) *Lines {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	return &Lines{name: name, source: r, options: o}
}

// Next returns the next line without its line end, or io.EOF. The bytes are valid until the next call.
func (l *Lines) Next() ([]byte, error) {
	if l.reader == nil {
		if err := l.start(); err != nil {
			return nil, err
		}
	}
	for {
		line, err := l.read()
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

// Number is the 1-based number of the line that Next returned last.
func (l *Lines) Number() int { return l.number }

// Errorf is an error at the current line: `file:line: message`. It wraps with %w as fmt.Errorf does.
func (l *Lines) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", l.name, l.number, fmt.Errorf(format, args...))
}

// start looks at the first bytes: gzip is unpacked, a UTF-8 byte order mark dropped, UTF-16 refused.
func (l *Lines) start() error {
	l.reader = bufio.NewReaderSize(l.source, 1<<16)
	head, err := l.reader.Peek(3)
	if err != nil && err != io.EOF {
		return fmt.Errorf("%s: %w", l.name, err)
	}
	if bytes.HasPrefix(head, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(l.reader)
		if err != nil {
			return fmt.Errorf("%s: broken gzip header: %w", l.name, err)
		}
		l.reader = bufio.NewReaderSize(unpacked, 1<<16)
		if head, err = l.reader.Peek(3); err != nil && err != io.EOF {
			return fmt.Errorf("%s: broken gzip data: %w", l.name, err)
		}
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return fmt.Errorf("%s:1: the file is UTF-16; save it as UTF-8", l.name)
	}
	if bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		l.reader.Discard(len(head))
		l.next = int64(len(head))
	}
	return nil
}

// read returns the next physical line. It copies only lines longer than the read buffer.
func (l *Lines) read() ([]byte, error) {
	l.number++
	l.offset = l.next
	l.buffer = l.buffer[:0]
	for {
		part, err := l.reader.ReadSlice('\n')
		l.next += int64(len(part))
		if len(l.buffer)+len(part) > l.options.MaxLine+len("\r\n") {
			return nil, l.Errorf("the line is longer than %d bytes; shorten the text, or check that the file has one row a line", l.options.MaxLine)
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
			return nil, io.EOF
		}
		l.open = err == io.EOF
		part = bytes.TrimSuffix(part, []byte("\n"))
		return bytes.TrimSuffix(part, []byte("\r")), nil
	}
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
