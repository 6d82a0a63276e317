package rundir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// Lines appends whole lines to a text file such as log.txt or times.jsonl. It may be used from several goroutines.
type Lines struct {
	mu   sync.Mutex
	path string
	file File
}

// OpenLines opens a file for appending. A last line that a crash cut short is cut away.
func OpenLines(fsys FS, path string) (*Lines, error) {
	if err := cutTornLine(fsys, path); err != nil {
		return nil, Explain(path, err)
	}
	file, err := fsys.OpenAppend(path)
	if err != nil {
		return nil, Explain(path, err)
	}
	return &Lines{path: path, file: file}, nil
}

// EndLastLine ends a last line without a newline where whole says that it is one, as an editor may leave it: OpenLines would cut it
// away. A missing file is fine.
func EndLastLine(fsys FS, path string, whole func(line []byte) bool) error {
	content, err := ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	last := content[bytes.LastIndexByte(content, '\n')+1:]
	if err != nil || len(last) == 0 || !whole(last) {
		return err
	}
	file, err := fsys.OpenAppend(path)
	if err != nil {
		return Explain(path, err)
	}
	_, err = io.WriteString(file, "\n")
	return Explain(path, errors.Join(err, file.Sync(), file.Close()))
}

// Line appends one line; a newline inside text would make two and is an error.
func (l *Lines) Line(text string) error {
	if bytes.ContainsAny([]byte(text), "\r\n") {
		return fmt.Errorf("write %s: line break within a line %q", l.path, text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := io.WriteString(l.file, text+"\n")
	return Explain(l.path, err)
}

// JSON appends v as one line.
func (l *Lines) JSON(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", l.path, err)
	}
	return l.Line(string(line))
}

// Sync makes the lines durable.
func (l *Lines) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Explain(l.path, l.file.Sync())
}

// Close makes the lines durable and closes the file.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Explain(l.path, errors.Join(l.file.Sync(), l.file.Close()))
}

// cutTornLine cuts a file behind its last newline; a missing file is fine.
func cutTornLine(fsys FS, path string) (err error) {
	file, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	whole, size := int64(0), int64(0)
	reader := bufio.NewReaderSize(file, 1<<16)
	for {
		part, err := reader.ReadSlice('\n')
		size += int64(len(part))
		if err == nil {
			whole = size
			continue
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if !errors.Is(err, io.EOF) {
			return errors.Join(err, file.Close())
		}
		break
	}
	if err := file.Close(); err != nil || whole == size {
		return err
	}
	return fsys.Truncate(path, whole)
}
