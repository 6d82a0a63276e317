package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
)

// standing counts where the positives of one query stand.
type standing struct {
	hits  []ranking.Hit // the positives, best first
	above []int32       // above[i] counts the passages that beat hits[i] but not hits[i-1]
}

// count takes note of one passage of the corpus.
func (s *standing) count(h ranking.Hit, order ranking.Order) {
	if len(s.hits) == 0 || h.Score < s.hits[len(s.hits)-1].Score {
		return
	}
	if i := sort.Search(len(s.hits), func(i int) bool { return order.Compare(h, s.hits[i]) < 0 }); i < len(s.hits) {
		s.above[i]++
	}
}

// place is the positives that a passage beats, as the index of the first, where all that is known of its score is an
// interval; not sure when it may tie with a positive or lie on either side of one.
func (s *standing) place(low, high float64) (first int, sure bool) {
	first = sort.Search(len(s.hits), func(i int) bool { return float64(s.hits[i].Score) < low })
	return first, first == sort.Search(len(s.hits), func(i int) bool { return float64(s.hits[i].Score) <= high })
}

// ranked returns the positives, best first, after the whole corpus has been counted.
func (s *standing) ranked() []ranking.Positive {
	if len(s.hits) == 0 {
		return nil
	}
	positives := make([]ranking.Positive, len(s.hits))
	rank := int32(0)
	for i, h := range s.hits {
		rank += s.above[i]
		positives[i] = ranking.Positive{Passage: h.Passage, Score: h.Score, Rank: rank}
	}
	return positives
}

// scorePositives scores every positive of every query in one pass over the passages, so that a later pass can count
// those that beat them. It reads no passage when no query has positives.
func scorePositives(ctx context.Context, in Input, kernels *kernel.Set) ([]standing, error) {
	type pair struct{ passage, query int32 }
	var pairs []pair
	for q, passages := range in.Positives {
		for _, p := range passages {
			pairs = append(pairs, pair{p, int32(q)})
		}
	}
	standings := make([]standing, len(in.Queries)/in.Dim)
	if len(pairs) == 0 {
		return standings, nil
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.passage, b.passage), cmp.Compare(a.query, b.query)) })
	for i, p := range pairs {
		if p.passage < 0 || i > 0 && pairs[i-1] == p {
			return nil, fmt.Errorf("query of row %d%s: positive %d is negative or named twice", p.query, in.keyNote(int(p.query)), p.passage)
		}
	}
	next := 0
	err := in.blocks(func(b Block) error {
		for ; next < len(pairs) && int(pairs[next].passage) < b.First+len(b.Vectors)/in.Dim; next++ {
			p := pairs[next]
			row := (int(p.passage) - b.First) * in.Dim
			vector := b.Vectors[row : row+in.Dim]
			if err := checkVector(vector); err != nil {
				return fmt.Errorf("passage vector of row %d: %w", p.passage, err)
			}
			s := &standings[p.query]
			s.hits = append(s.hits, ranking.Hit{Passage: p.passage, Score: scoreOf(kernels.Dot64(in.query(int(p.query)), vector), vector)})
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if next < len(pairs) {
		p := pairs[next]
		return nil, fmt.Errorf("query of row %d%s: positive %d is not among the passages", p.query, in.keyNote(int(p.query)), p.passage)
	}
	for q := range standings {
		in.Order.Sort(standings[q].hits)
		standings[q].above = make([]int32, len(standings[q].hits))
	}
	return standings, nil
}
