package lexical

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quarry-ml/quarry/ranking"
)

// Query is a text to rank passages for, and the passages of which it matters where they stand.
type Query struct {
	Text      string
	Positives []int32
}

// Search keeps the best depth of the passages that share a word with the query, and where each positive stands among all
// passages: those that share none have score 0 and come last, in the order of passages. A word that the query has twice counts twice.
func (x *Index) Search(q Query, depth int, order ranking.Order) ranking.Ranked {
	return (&searching{index: x}).search(q, depth, order)
}

// searchingBytes is the most that the sums of all goroutines of SearchEach take together.
const searchingBytes = 256 << 20

// blockOfQueries is how many queries a goroutine searches for before results are handed on.
const blockOfQueries = 16

// SearchEach is Search for every query, by as many goroutines as workers says, but for no more than take 256 MiB, at 8 bytes a passage
// each. What it keeps goes to sink in the order of queries. It ends with sink's error, or with the context's between two queries.
func (x *Index) SearchEach(ctx context.Context, queries []Query, depth int, order ranking.Order, workers int, sink func(query int, kept ranking.Ranked) error) error {
	workers = max(1, min(workers, len(queries), searchingBytes/(8*max(1, x.passages))))
	searchings := make([]searching, workers)
	kept := make([]ranking.Ranked, min(len(queries), workers*blockOfQueries))
	for first := 0; first < len(queries); first += len(kept) {
		block := queries[first:min(first+len(kept), len(queries))]
		var next atomic.Int64
		var wait sync.WaitGroup
		for i := range searchings {
			s := &searchings[i]
			s.index = x
			wait.Go(func() {
				for at := int(next.Add(1)) - 1; at < len(block) && ctx.Err() == nil; at = int(next.Add(1)) - 1 {
					kept[at] = s.search(block[at], depth, order)
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

func (s *searching) search(q Query, depth int, order ranking.Order) ranking.Ranked {
	if s.sums == nil {
		s.sums = make([]float64, s.index.passages)
	}
	s.found, s.hits = s.found[:0], s.hits[:0]
	for word := range Words(q.Text) {
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
	return ranking.Partial(s.hits, depth, order, q.Positives)
}
