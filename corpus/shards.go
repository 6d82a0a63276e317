package corpus

import (
	"errors"
	"io"
)

// Shard is one of several files that hold one table.
type Shard struct {
	Name    string // in errors
	Content io.Reader
}

// Join is files read as one, in their order, by whatever reads through Lines: each may be packed or Parquet, and errors
// name the shard and the line in it.
func Join(shards ...Shard) io.Reader { return &joined{shards} }

type joined struct{ shards []Shard }

// Read implements io.Reader for Lines to recognise it by. Bytes of packed files put together mean nothing.
func (j *joined) Read([]byte) (int, error) {
	if len(j.shards) == 0 {
		return 0, io.EOF
	}
	return 0, errors.New("joined files are read through corpus.Lines")
}

// turn goes to the next shard, if there is one.
func (l *Lines) turn() bool {
	if len(l.shards) == 0 {
		return false
	}
	l.name, l.source, l.shards = l.shards[0].Name, l.shards[0].Content, l.shards[1:]
	l.reader, l.rows, l.before = nil, nil, l.number
	return true
}
