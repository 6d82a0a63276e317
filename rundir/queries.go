package rundir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/quarry-ml/quarry/corpus"
)

// QueriesVersion is the version of files of scores by query.
const QueriesVersion = 1

// QueryScores is what one epoch measured on one split, query by query.
type QueryScores struct {
	Version    int          `json:"version"`
	Round      int          `json:"round"`
	Epoch      int          `json:"epoch"`
	Split      Split        `json:"split"`
	Convention string       `json:"convention"`
	Measures   []string     `json:"measures"` // columns of every Values
	Queries    []QueryScore `json:"-"`        // a line each, ascending by ID
}

// QueryScore is one query's line.
type QueryScore struct {
	ID        string    `json:"id"`              // its key
	Group     string    `json:"group,omitempty"` // rows of one group are resampled together
	Seen      bool      `json:"seen"`            // a positive of it is a positive of some training query
	Frequency int       `json:"frequency"`       // training queries that have its positive, of several the commonest
	Words     int       `json:"words"`           // length of its text
	Values    []float64 `json:"values"`
}

// Write writes the file: a head line, then a line a query.
func (s *QueryScores) Write(w io.Writer) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(s); err != nil {
		return err
	}
	for _, q := range s.Queries {
		if err := lines.Encode(q); err != nil {
			return err
		}
	}
	return nil
}

// ReadQueryScores reads the file at a path.
func (d *Dir) ReadQueryScores(path string) (*QueryScores, error) {
	content, err := ReadFile(d.FS, path)
	if err != nil {
		return nil, err
	}
	return ParseQueryScores(content, path)
}

// ParseQueryScores reads what Write writes. A newer version, a line of another length than the measures, a value that no
// measure has and queries out of order are errors with file and line.
func ParseQueryScores(content []byte, name string) (*QueryScores, error) {
	if len(content) == 0 || content[len(content)-1] != '\n' {
		return nil, fmt.Errorf("%s: the last line is cut short", name)
	}
	lines := bytes.Split(content[:len(content)-1], []byte("\n"))
	var head struct{ Version int }
	if err := corpus.Decode(lines[0], &head); err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	switch {
	case head.Version > QueriesVersion:
		return nil, fmt.Errorf("%s: version %d is newer than this quarry knows (%d): update quarry", name, head.Version, QueriesVersion)
	case head.Version != QueriesVersion:
		return nil, fmt.Errorf("%s: version %d, and this quarry reads %d", name, head.Version, QueriesVersion)
	}
	s := new(QueryScores)
	if err := corpus.DecodeStrict(lines[0], s); err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	for i, line := range lines[1:] {
		var q QueryScore
		err := corpus.DecodeStrict(line, &q)
		if err == nil {
			err = s.check(q)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+2, err)
		}
		s.Queries = append(s.Queries, q)
	}
	return s, nil
}

// check refuses a line that Write would not have written behind those before.
func (s *QueryScores) check(q QueryScore) error {
	switch n := len(s.Queries); {
	case len(q.Values) != len(s.Measures):
		return fmt.Errorf("query %q: %d values for %d measures", q.ID, len(q.Values), len(s.Measures))
	case n > 0 && s.Queries[n-1].ID >= q.ID:
		return fmt.Errorf("query %q: out of order, or given twice", q.ID)
	case q.Frequency < 0 || q.Words < 0:
		return fmt.Errorf("query %q: frequency %d and %d words: both count from 0", q.ID, q.Frequency, q.Words)
	}
	for i, v := range q.Values {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("query %q: %s is %v", q.ID, s.Measures[i], v)
		}
	}
	return nil
}
