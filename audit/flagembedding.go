package audit

import (
	"fmt"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
)

// FromFlagEmbedding is a row of FlagEmbedding's form. Ids and scores are those of the key "quarry", which are the miner's: random
// negatives have none. A row without that key has the scores of pos_scores and neg_scores. Fused is what
// the scores are of a row that several sources ranked, which it does not say itself: Fused where nobody knows.
func FromFlagEmbedding(row *flagembedding.Row, fused Measure) (Row, error) {
	r := Row{Line: row.Line(), Query: row.Query()}
	for _, text := range row.Pos() {
		r.Positives = append(r.Positives, Text{Text: text})
	}
	for _, text := range row.Neg() {
		r.Negatives = append(r.Negatives, Text{Text: text})
	}
	raw, ok := row.Get(provenance.Key)
	if !ok {
		for i, s := range row.PosScores() {
			r.Positives[i].Score = &s
		}
		for i, s := range row.NegScores() {
			r.Negatives[i].Score = &s
		}
		return r, nil
	}
	var from provenance.Row
	if err := corpus.Decode(raw, &from); err != nil {
		return r, fmt.Errorf("line %d: %q: %w", row.Line(), provenance.Key, err)
	}
	// A row that was edited behind its mining may have other texts than the key says.
	if len(from.Positives) != len(r.Positives) || len(from.Negatives) != len(r.Negatives) {
		return r, fmt.Errorf("line %d: the key %q names %d positives and %d negatives, the row has %d and %d: it was changed since it was mined; remove the key",
			row.Line(), provenance.Key, len(from.Positives), len(from.Negatives), len(r.Positives), len(r.Negatives))
	}
	if from.Source == "fused" {
		r.Measure = fused
	}
	for i, id := range from.Positives {
		r.Positives[i].ID = id
		if from.PositiveScore != nil { // that of the lowest
			r.Positives[i].Score = wide(from.PositiveScore)
		}
	}
	for i, n := range from.Negatives {
		r.Negatives[i].ID = n.ID
		if n.Score != nil { // a teacher's would be held against the miner's of the positive
			r.Negatives[i].Score = wide(n.Score)
		}
		r.Filler = append(r.Filler, n.From == "random" || from.Source == "random")
	}
	return r, nil
}

func wide(score *float32) *float64 {
	s := float64(*score)
	return &s
}
