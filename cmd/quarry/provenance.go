package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/mine"
)

// provenance is the key "quarry" of a mined row, which FlagEmbedding's trainer passes over: where each negative comes
// from, in the order of "neg". The rows of a run (package pipeline) have the same.
type provenance struct {
	Key           string               `json:"key"`
	Source        string               `json:"source"`
	Round         int                  `json:"round"`
	Positives     []string             `json:"positives"`
	PositiveScore *float32             `json:"positive_score,omitempty"`
	Eligible      int                  `json:"eligible"`
	Negatives     []negativeProvenance `json:"negatives"`
}

type negativeProvenance struct {
	ID    string  `json:"id"`
	Rank  int32   `json:"rank"`
	Score float32 `json:"score"`
}

const provenanceKey = "quarry"

// minedRow is a query with its positives and what was mined for it.
func minedRow(c *corpus.Corpus, q corpus.Query, r mine.Result, round int) (*flagembedding.Row, error) {
	from := provenance{Key: q.Key, Source: "dense", Round: round, Eligible: r.Eligible, Negatives: []negativeProvenance{}}
	var positives, negatives []string
	for _, p := range q.Positives {
		positives = append(positives, c.Passages[p].Full())
		from.Positives = append(from.Positives, c.ID(p))
	}
	for _, n := range r.Negatives {
		negatives = append(negatives, c.Passages[n.Passage].Full())
		from.Negatives = append(from.Negatives, negativeProvenance{c.ID(n.Passage), n.Rank, n.Score})
		from.PositiveScore = &n.PositiveScore
	}
	row := flagembedding.NewRow(q.Text, positives)
	row.SetNeg(negatives)
	if q.Prompt != "" {
		row.SetPrompt(q.Prompt)
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("query %q: provenance: %w", q.Key, err)
	}
	return row, row.Set(provenanceKey, raw)
}

// minedKeys returns the query keys that rows were mined under, so that training on them draws as a run would; "" where
// a row does not say.
func minedKeys(r io.Reader, name string) ([]string, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	var keys []string
	for {
		row, err := lines.NextObject()
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		var from provenance
		if raw, ok := row.Get(provenanceKey); ok {
			if err := json.Unmarshal(raw, &from); err != nil {
				return nil, lines.Errorf("%q: %w", provenanceKey, err)
			}
		}
		keys = append(keys, from.Key)
	}
}
