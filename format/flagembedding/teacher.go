package flagembedding

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/quarry-ml/quarry/corpus"
)

// Teacher is a teacher's scores of pairs of query and passage, by their texts.
type Teacher struct {
	name   string
	scores map[pair]score
}

type pair struct{ query, passage string }

type score struct {
	value float64
	line  int
}

// sameScore is how far apart two scores of one pair may be, in parts of themselves: a cross-encoder rounds a pair in
// another batch otherwise.
const sameScore = 1e-3

// ReadTeacher reads the `pos_scores` and `neg_scores` of rows. Errors name file and line: a row without a score for each
// of its texts, and a pair that has two scores. name is the file's name in errors.
func ReadTeacher(r io.Reader, name string) (*Teacher, error) {
	t := &Teacher{name: name, scores: map[pair]score{}}
	rows := NewReader(r, name)
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		if err := t.add(row); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, row.Line(), err)
		}
	}
}

func (t *Teacher) add(row *Row) error {
	for _, list := range []struct {
		key, scoresKey string
		texts          []string
		scores         []float64
	}{{"pos", "pos_scores", row.Pos(), row.PosScores()}, {"neg", "neg_scores", row.Neg(), row.NegScores()}} {
		if len(list.texts) > 0 && list.scores == nil {
			return fmt.Errorf("the row has no %q: distillation needs a teacher's score of each %q text", list.scoresKey, list.key)
		}
		for i, text := range list.texts {
			if err := t.put(pair{row.Query(), full(text)}, score{list.scores[i], row.Line()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// put keeps the lesser of two scores that differ by rounding, whichever came first.
func (t *Teacher) put(p pair, s score) error {
	if before, ok := t.scores[p]; ok {
		if math.Abs(s.value-before.value) > sameScore*(1+math.Abs(before.value)) {
			return fmt.Errorf("the passage %q has the score %v, and %v for the same query on line %d", p.passage, s.value, before.value, before.line)
		}
		if before.value < s.value {
			s = before
		}
	}
	t.scores[p] = s
	return nil
}

// Scores returns the scores of passages for a query; one without a score is an error that names it.
func (t *Teacher) Scores(query string, passages []string) ([]float64, error) {
	scores := make([]float64, len(passages))
	for i, text := range passages {
		s, ok := t.scores[pair{query, full(text)}]
		if !ok {
			return nil, fmt.Errorf("%s has no score of the passage %q for the query", t.name, text)
		}
		scores[i] = s.value
	}
	return scores, nil
}

// full is a text as a corpus has it.
func full(text string) string { return corpus.Passage{Text: text}.Full() }
