package rundir

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/quarry-ml/quarry/corpus"
)

// Mined is what a round mined for one query: the side field "quarry" of a row of negatives.jsonl, with the row's query.
// Other keys of that field are somebody else's and passed over.
type Mined struct {
	Key           string          `json:"key"`
	Source        string          `json:"source"` // dense, none or random
	Round         int             `json:"round"`
	Positives     []string        `json:"positives"`      // ids
	PositiveScore *float32        `json:"positive_score"` // the miner's, of the lowest positive; nil where nothing was searched or mined
	Negatives     []MinedNegative `json:"negatives"`
}

// MinedNegative is one negative of a query. Rank, counted from 0, and Score are the miner's and nil where it was drawn
// at random.
type MinedNegative struct {
	ID    string   `json:"id"`
	Rank  *int32   `json:"rank"`
	Score *float32 `json:"score"`
}

// EachMined visits what a round mined for the queries of a split, in the order of the file. The error is fs.ErrNotExist
// where the round has not mined.
func (d *Dir) EachMined(round int, s Split, visit func(Mined) error) (err error) {
	path := d.Round(round).Negatives(s)
	f, err := d.FS.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return ReadMined(f, path, visit)
}

// ReadMined visits the rows of a file of mined rows. name is for errors, which tell the line. A row without the side
// field was not written by a run and is an error.
func ReadMined(r io.Reader, name string, visit func(Mined) error) error {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	for {
		row, err := lines.NextObject()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		raw, ok := row.Get("quarry")
		if !ok {
			return lines.Errorf("the row has no \"quarry\" field, which tells where its negatives come from: run mine again")
		}
		var m Mined
		if err := json.Unmarshal(raw, &m); err != nil {
			return lines.Errorf("\"quarry\": %w", err)
		}
		if m.Key == "" {
			return lines.Errorf("\"quarry\": the key of the query is missing")
		}
		if err := visit(m); err != nil {
			return err
		}
	}
}
