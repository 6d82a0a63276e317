package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rerank"
)

// crossEncoder finds the model of --cross_encoder and refuses what is none, before anything is ranked.
func (o *stMine) crossEncoder(ctx context.Context, h *host) (TeacherOptions, error) {
	t := TeacherOptions{Model: ModelOptions{Model: o.args.text("cross_encoder")}, Kind: crossEncoderKind, Engine: o.engine, flag: "cross_encoder"}
	switch {
	case !o.mine.CrossEncoder:
		return t, nil
	case !o.mine.Rescores():
		h.note("--cross_encoder: of no effect without a margin, --max_score or --min_score, as there: it is not asked, and scores are the first ranking's")
		return t, nil
	}
	return t, t.identify(ctx, h)
}

// rescore puts a cross-encoder's scores in the place of the first ranking's, of all its candidates and of all positives, and
// orders the candidates anew: the limits, the range and the rows go by what it says. Of equal scores the passage that stands
// first in the corpus comes first; there chance decides.
func (o *stMine) rescore(ctx context.Context, h *host, teacher TeacherOptions, found []stRanked) error {
	pairs := 0
	for _, f := range found {
		pairs += len(f.Hits) + len(f.Positives)
	}
	asked := func(yield func([]rerank.Pair, error) bool) {
		var pairs []rerank.Pair
		for query, f := range found {
			pairs = pairs[:0]
			f.eachScore(func(passage int32, _ *float32) {
				pairs = append(pairs, rerank.Pair{Query: o.queries[query].text, Passage: o.corpus[passage]})
			})
			if !yield(pairs, nil) {
				return
			}
		}
	}
	answer, err := teacher.score(ctx, h, asked, pairs)
	if err != nil {
		return err
	}
	for query, f := range found {
		at := 0
		f.eachScore(func(_ int32, score *float32) {
			*score = answer.scores[query][at]
			at++
		})
	}
	for _, f := range found {
		slices.SortFunc(f.Hits, func(a, b ranking.Hit) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Passage, b.Passage))
		})
	}
	place := func(c rerank.Cut) string {
		return c.Place(func(text string) string {
			return o.queries[slices.IndexFunc(o.queries, func(q stQuery) bool { return q.text == text })].line.String()
		}, func(text string) string { return o.lines[slices.Index(o.corpus, text)].String() })
	}
	if cut := answer.counts.CutNote(place); cut != "" {
		h.note("%s", cut)
	}
	h.note("cross-encoder: %d pairs, %d scored now, %d kept from earlier", answer.counts.Pairs, answer.counts.Asked, answer.counts.Stored)
	return nil
}

// eachScore goes through the candidates and the positives of a query, always in one order. Ranks of positives stay those of
// the first ranking: nothing goes by them here.
func (f stRanked) eachScore(visit func(passage int32, score *float32)) {
	for k := range f.Hits {
		visit(f.Hits[k].Passage, &f.Hits[k].Score)
	}
	for k := range f.Positives {
		visit(f.Positives[k].Passage, &f.Positives[k].Score)
	}
}
