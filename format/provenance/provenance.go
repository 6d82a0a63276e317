// Package provenance holds where mined negatives come from: the key "quarry" of a mined row, which FlagEmbedding's trainer
// passes over, and the side file that says more. Layout and errors: docs/formats/provenance.md.
package provenance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Version is the version of the side file that this package writes, and the newest that it reads.
const Version = 3

// Key is the key of a mined row that holds its Row.
const Key = "quarry"

// Row says where the negatives of one row come from. The fields from Dropped on stand in the side file alone.
type Row struct {
	Key           string     `json:"key"`             // of the draws
	Group         string     `json:"group,omitempty"` // of the query, where its rows have a field of groups
	Source        string     `json:"source"`          // what ranked: dense, random, bm25, …
	Round         int        `json:"round"`
	Miner         string     `json:"miner,omitempty"`          // digest of the model that ranked
	Positives     []string   `json:"positives"`                // ids
	PositiveScore *float32   `json:"positive_score,omitempty"` // of the positive that margins are held against
	Eligible      int        `json:"eligible"`                 // candidates that all rules left
	Negatives     []Negative `json:"negatives"`                // in the order of the row's "neg"

	Dropped map[string]int `json:"dropped,omitempty"` // candidates that each rule took out
	Ranks   []Place        `json:"ranks,omitempty"`   // of the positives, in their order, each in every source

	Teacher         string   `json:"teacher,omitempty"`                // digest of the model that scored what the other rules left
	TeacherPositive *float32 `json:"teacher_positive_score,omitempty"` // its score of the positive that its margin is held against
}

// QueryKeys are the keys that the row's query may have: the row's own, and where it has one positive also the part before
// "#" and that positive's id, for a row may stand for one positive of several (mine's reference: each).
func (r Row) QueryKeys() []string {
	if len(r.Positives) == 1 {
		if query, ok := strings.CutSuffix(r.Key, "#"+r.Positives[0]); ok {
			return []string{r.Key, query}
		}
	}
	return []string{r.Key}
}

// Negative is one negative. Rank and score are absent where the candidates do not hold it.
type Negative struct {
	ID    string   `json:"id"`
	Rank  *int32   `json:"rank,omitempty"` // 0-based
	Score *float32 `json:"score,omitempty"`
	From  string   `json:"from,omitempty"` // mined, kept, random or given; absent, as in rows of an older Quarry, is mined

	PositiveScore *float32 `json:"positive_score,omitempty"` // side file: of the positive that it was held against
	Trail         []string `json:"trail,omitempty"`          // side file: the rules that it passed and how it was taken
	Sources       []Place  `json:"sources,omitempty"`        // side file: where each of several sources has it
	TeacherScore  *float32 `json:"teacher_score,omitempty"`  // side file: what a teacher says of it
}

// Place is where a source ranks a passage.
type Place struct {
	Passage string  `json:"passage,omitempty"` // its id, where that is not said around it
	Source  string  `json:"source,omitempty"`
	Rank    int32   `json:"rank"`
	Score   float32 `json:"score"`
}

// Header is the first line of a side file.
type Header struct {
	Format  string   `json:"format"` // "quarry provenance"
	Version int      `json:"version"`
	Rules   []string `json:"rules"` // that were held against every candidate, in order, and how slots were filled; empty where nothing is mined
	Seed    uint64   `json:"seed"`
	Sources []Source `json:"sources,omitempty"` // that ranked, those that were fused each by itself; nil where nothing did
	Fusion  string   `json:"fusion,omitempty"`  // how several became one
}

// Source is what ranked.
type Source struct {
	Source     string `json:"source"`               // its name, as rows have it
	Kind       string `json:"kind"`                 // dense, bm25 or run
	Digest     string `json:"digest,omitempty"`     // of the model, the vectors or the run; empty of BM25, which has none
	Parameters string `json:"parameters,omitempty"` // of BM25
}

const format = "quarry provenance"

// Writer writes a side file.
type Writer struct {
	w *bufio.Writer
}

// NewWriter writes the header; Format and Version are the writer's own. Call Flush at the end.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Format, h.Version = format, Version
	out := &Writer{bufio.NewWriter(w)}
	return out, out.write(h)
}

// Write appends a row.
func (w *Writer) Write(r Row) error { return w.write(r) }

func (w *Writer) write(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.w.Write(append(raw, '\n'))
	return err
}

// Flush writes what is left in memory.
func (w *Writer) Flush() error { return w.w.Flush() }

// Read reads a side file. A newer version, an unknown key, a row without a key or a negative without an id are errors
// with file and line.
func Read(r io.Reader, name string) (Header, []Row, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	var h Header
	line, err := lines.Next()
	if errors.Is(err, io.EOF) {
		return h, nil, fmt.Errorf("%s: the file is empty, not a file of provenance", name)
	}
	if err != nil {
		return h, nil, err
	}
	if err := json.Unmarshal(line, &h); err != nil || h.Format != format {
		return h, nil, lines.Errorf("not a file of provenance: want a first line with \"format\": %q", format)
	}
	if h.Version < 1 || h.Version > Version {
		return h, nil, lines.Errorf("version %d is not one that this program knows (%d); use a newer Quarry, or mine again", h.Version, Version)
	}
	var rows []Row
	seen := map[string]bool{}
	for {
		object, err := lines.NextObject()
		if errors.Is(err, io.EOF) {
			return h, rows, nil
		}
		if err != nil {
			return h, nil, err
		}
		row, err := parse(object)
		if err == nil && seen[row.Key] {
			err = fmt.Errorf("the key %q occurs twice", row.Key)
		}
		if err != nil {
			return h, nil, lines.Errorf("%w", err)
		}
		seen[row.Key] = true
		rows = append(rows, row)
	}
}

// OfRow reads the key "quarry" of a mined row; ok is false where the row has none.
func OfRow(object corpus.Object) (row Row, ok bool, err error) {
	raw, ok := object.Get(Key)
	if !ok {
		return Row{}, false, nil
	}
	if err := corpus.Decode(raw, &row); err != nil {
		return Row{}, false, fmt.Errorf("%q: %w", Key, err)
	}
	return row, true, nil
}

var known = map[string]bool{"key": true, "group": true, "source": true, "round": true, "miner": true, "positives": true, "positive_score": true, "eligible": true, "negatives": true, "dropped": true, "ranks": true, "teacher": true, "teacher_positive_score": true}

func parse(object corpus.Object) (Row, error) {
	var row Row
	fields := map[string]json.RawMessage{}
	for _, f := range object {
		if !known[f.Key] {
			return row, fmt.Errorf("unknown key %q", f.Key)
		}
		fields[f.Key] = f.Value
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return row, err
	}
	if err := corpus.Decode(raw, &row); err != nil {
		return row, err
	}
	if row.Key == "" {
		return row, errors.New("the row has no key")
	}
	for i, n := range row.Negatives {
		if n.ID == "" {
			return row, fmt.Errorf("negative %d has no id", i)
		}
	}
	return row, nil
}
