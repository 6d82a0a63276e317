package pipeline

import (
	"context"
	"fmt"

	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
)

// TeacherCosts is what asking a teacher takes where nothing is known of its scores yet. Which candidates the rules leave is
// known behind the search, so that these are the most.
type TeacherCosts struct {
	Kind            string  `json:"kind"`
	Pairs           int     `json:"pairs"`
	Tokens          int     `json:"tokens"`            // of pairs, from the mean of some; of an embedder those of train and dev, and of each corpus once
	TokensPerSecond float64 `json:"tokens_per_second"` // measured on a few of the recipe's own texts just now
}

// teacherCosts counts what the round's teacher takes; nil without one. Shared are the rates of teachers that were measured
// already, by the header of their scores, and the corpora that sets of the round have.
func (r *round) teacherCosts(ctx context.Context, shared planner) (_ *TeacherCosts, err error) {
	if !r.stages.Mine.Asks() {
		return nil, nil
	}
	t, err := r.openTeacher(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := t.close(); err == nil {
			err = closed
		}
	}()
	c := &TeacherCosts{Kind: t.header.Kind, Pairs: r.mostPairs()}
	name := t.header.Line()
	if t.cross == nil {
		corpus := fmt.Sprintf("teacher of round %d: %s", r.index, r.data.input("corpus").Digest)
		c.Tokens, c.TokensPerSecond, err = r.embedderCosts(ctx, t, shared.counted[corpus], shared.teachers[name])
		shared.counted[corpus] = true
	} else {
		c.Tokens, c.TokensPerSecond, err = r.crossEncoderCosts(ctx, t, c.Pairs, shared.teachers[name])
	}
	shared.teachers[name] = c.TokensPerSecond
	return c, r.explainTeacher(err)
}

// mostPairs is the most pairs that a teacher can be asked of: each query's positives, and all that the window holds, or without a
// margin all negatives.
func (r *round) mostPairs() int {
	o, pairs := r.mineOptions(), 0
	if o.TeacherMargin == nil { // the mined rows alone
		for _, s := range r.mined() {
			for _, q := range r.trained(s) {
				pairs += len(q.Positives) + o.Negatives
			}
		}
		return pairs
	}
	window := min(o.Window.To, r.depth()) - min(o.Window.From, r.depth())
	if o.Survivors {
		window = r.depth() // the window counts what the teacher leaves
	}
	for _, s := range r.mined() {
		for _, q := range r.data.queries[s] {
			pairs += window + len(q.Positives)
		}
	}
	return pairs
}

// embedderCosts are the tokens of the corpus, unless an earlier set has it, and of all queries of the round's data, each of which an
// embedder reads once at most.
func (r *round) embedderCosts(ctx context.Context, t *teacher, counted bool, rate float64) (int, float64, error) {
	reads := texts{Query: t.query.Prompt, QueryLength: t.query.MaxLength, Passage: t.passage.Prompt, PassageLength: t.passage.MaxLength}
	tokens, err := 0, error(nil)
	if !counted {
		if tokens, err = reads.passageTokens(t.network, r.data.corpus); err != nil {
			return 0, 0, err
		}
	}
	for _, s := range r.mined() {
		more, err := reads.queryTokens(t.network, r.data.queries[s])
		if err != nil {
			return 0, 0, err
		}
		tokens += more
	}
	if rate == 0 {
		rate, err = r.calibrate(ctx, t.network, reads)
	}
	return tokens, rate, err
}

// crossEncoderCosts are the tokens of so many pairs, from the mean of some: train queries with passages of all the corpus.
func (r *round) crossEncoderCosts(ctx context.Context, t *teacher, pairs int, rate float64) (int, float64, error) {
	queries, passages := r.data.queries[rundir.Train], r.data.corpus.Len()
	n := min(calibrationTexts, len(queries))
	if n == 0 || passages == 0 {
		return 0, 0, nil
	}
	var some []rerank.Pair
	tokens := 0
	for i := range n {
		p := r.pair(queries[i*len(queries)/n], int32(i*passages/n))
		s, err := t.cross.Pair(p.Query, p.Passage, r.stages.Mine.Teacher.MaxLength)
		if err != nil {
			return 0, 0, err
		}
		some, tokens = append(some, p), tokens+len(s.IDs)
	}
	var err error
	mean := float64(tokens) / float64(n)
	if t.folds != nil { // the first of them is measured by what it may be asked of
		if some = t.folds.judged(some); len(some) == 0 {
			return int(mean * float64(pairs)), rate, nil
		}
		tokens = int(mean * float64(len(some)))
	}
	if rate == 0 {
		rate, err = r.measureRate(func() (int, error) {
			_, err := t.Score(ctx, some, rerank.Options{}, func(int, []float32) error { return nil })
			return tokens, err
		})
	}
	return int(mean * float64(pairs)), rate, err
}
