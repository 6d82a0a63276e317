// Package ranking holds the nouns of a search result: hits, rankings and candidates, and the one rule that orders them.
package ranking

import (
	"cmp"
	"slices"
)

// Hit is one passage that a search found. Passage is the passage's position in its corpus; ids are the corpus's affair.
type Hit struct {
	Passage int32
	Score   float32
}

// Ranking is the hits of one query, best first. Rank 0 is the best.
type Ranking []Hit

// Positive is where one positive of a query stands in the ranking of the whole corpus.
type Positive struct {
	Passage int32
	Score   float32
	Rank    int32 // 0-based rank in the whole corpus, known even beyond the kept depth
}

// Candidates are what a search keeps of one query before anything is chosen: the top hits and every positive.
type Candidates struct {
	Query     string // the query's key
	Hits      Ranking
	Positives []Positive // sorted by rank
}

// Order breaks ties of score: Order[p] is passage p's place among all passages by id. A nil Order means corpus order.
type Order []int32

// Compare orders hits best first: score descending, ties by the order of passages.
func (o Order) Compare(a, b Hit) int {
	if a.Score != b.Score {
		if a.Score > b.Score {
			return -1
		}
		return 1
	}
	if o == nil {
		return cmp.Compare(a.Passage, b.Passage)
	}
	return cmp.Compare(o[a.Passage], o[b.Passage])
}

// Sort orders hits best first, in place.
func (o Order) Sort(hits []Hit) { slices.SortFunc(hits, o.Compare) }
