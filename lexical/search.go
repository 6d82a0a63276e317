package lexical

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quarry-ml/quarry/ranking"
)

// searchingBytes is the most that the sums of all goroutines of a search take together.
const searchingBytes = 256 << 20

// blockOfQueries is how many queries a goroutine searches for before results are handed on.
const blockOfQueries = 16

// Search hands on what is kept of n queries, in their order: of each, by its text, the best depth of the passages that share a word
// with it, and where each of its positives stands among all passages. Those that share none have score 0 and come last, in the order of
// passages. A word that the query has twice counts twice. As many goroutines search as workers says, but no more than take 256 MiB,
// at 8 bytes a passage each; query is called by several at once. Search ends with sink's error, or with the context's between two queries.
func (x *Index) Search(ctx context.Context, n int, query func(i int) (text string, positives []int32), depth int, order ranking.Order, workers int, sink func(i int, kept ranking.Ranked) error) error {
	workers = max(1, min(workers, n, searchingBytes/(8*max(1, x.passages))))
	searchings := make([]searching, workers)
	kept := make([]ranking.Ranked, min(n, workers*blockOfQueries))
	for first := 0; first < n; first += len(kept) {
		block := min(len(kept), n-first)
		var next atomic.Int64
		var wait sync.WaitGroup
		for i := range searchings {
			s := &searchings[i]
			s.index = x
			wait.Go(func() {
				for at := int(next.Add(1)) - 1; at < block && ctx.Err() == nil; at = int(next.Add(1)) - 1 {
					text, positives := query(first + at)
					kept[at] = s.search(text, positives, depth, order)
				}
			})
		}
		wait.Wait()
		for i := range block {
			if err := ctx.Err(); err != nil { // also where not all of the block was searched for
				return err
			}
			if err := sink(first+i, kept[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// searching is the memory of one goroutine's searches.
type searching struct {
	index *Index
	sums  []float64 // by passage; 0 between searches
	found []int32   // passages that have a sum
	hits  []ranking.Hit
}

func (s *searching) search(text string, positives []int32, depth int, order ranking.Order) ranking.Ranked {
	if s.sums == nil {
		s.sums = make([]float64, s.index.passages)
	}
	s.found, s.hits = s.found[:0], s.hits[:0]
	for word := range Words(text) {
		for _, p := range s.index.postings[word] {
			if s.sums[p.passage] == 0 {
				s.found = append(s.found, p.passage)
			}
			s.sums[p.passage] += float64(p.score) // in the order of the query's words
		}
	}
	s.hits = slices.Grow(s.hits, len(s.found))
	for _, p := range s.found {
		s.hits = append(s.hits, ranking.Hit{Passage: p, Score: float32(s.sums[p])})
		s.sums[p] = 0
	}
	return ranking.Partial(s.hits, depth, order, positives)
}
