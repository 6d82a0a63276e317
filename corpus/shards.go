package corpus

import "io"

// Shard is one of several files that hold one table.
type Shard struct {
	Name    string // in errors
	Content io.Reader

	open func() (io.ReadCloser, error) // gives the content when its turn has come; nil where it is given
}

// Join is files read as one, in their order, by whatever reads through Lines: each may be packed or Parquet, and errors
// name the shard and the line in it. Its bytes are those of one file behind the other, which mean something to digests alone.
func Join(shards ...Shard) io.Reader { return &joined{shards: shards} }

type joined struct {
	shards  []Shard   // that are left
	content io.Reader // of the one that is being read; nil between two
	opened  io.Closer // that one, where it was opened here
}

// next goes to the next shard and opens it, or is io.EOF.
func (j *joined) next() (Shard, error) {
	if err := j.Close(); err != nil {
		return Shard{}, err
	}
	if len(j.shards) == 0 {
		return Shard{}, io.EOF
	}
	s := j.shards[0]
	j.shards = j.shards[1:]
	if s.open != nil {
		opened, err := s.open()
		if err != nil {
			return Shard{}, err
		}
		s.Content, j.opened = opened, opened
	}
	j.content = s.Content
	return s, nil
}

// Read implements io.Reader. Lines does not read so.
func (j *joined) Read(b []byte) (int, error) {
	for {
		if j.content == nil {
			if _, err := j.next(); err != nil {
				return 0, err
			}
		}
		n, err := j.content.Read(b)
		if err == io.EOF {
			j.content, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close closes the shard that is being read, where it was opened here.
func (j *joined) Close() error {
	opened := j.opened
	j.content, j.opened = nil, nil
	if opened == nil {
		return nil
	}
	return opened.Close()
}

// turn goes to the next shard, or is io.EOF.
func (l *Lines) turn() error {
	if l.joined == nil {
		return io.EOF
	}
	s, err := l.joined.next()
	if err != nil {
		return err
	}
	l.name, l.source = s.Name, s.Content
	l.reader, l.rows, l.before = nil, nil, l.number
	return nil
}
