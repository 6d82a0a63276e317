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
	Rank    int32 // 0-based rank in the whole corpus, known even beyond the kept depth; -1 where the source does not say
}

// Candidates are what a search keeps of one query before anything is chosen: the top hits and every positive.
type Candidates struct {
	Query     string // the query's key
	Hits      Ranking
	Positives []Positive // sorted by rank, those of unknown rank behind
	Sources   []Ranked   // what each of several sources keeps, where the hits are fused of them
}

// Ranked is what one of several sources keeps of one query.
type Ranked struct {
	Hits      Ranking
	Positives []Positive // sorted by rank, those of unknown rank behind
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

// Keep is what a ranking leaves of itself: its first hits, and where positives stand in all of it. A positive that it does
// not hold has rank -1.
func (r Ranking) Keep(depth int, positives []int32) Ranked {
	kept := Ranked{Hits: slices.Clone(r[:min(depth, len(r))])}
	for _, p := range positives {
		rank := slices.IndexFunc(r, func(h Hit) bool { return h.Passage == p })
		positive := Positive{Passage: p, Rank: int32(rank)}
		if rank >= 0 {
			positive.Score = r[rank].Score
		}
		kept.Positives = append(kept.Positives, positive)
	}
	sortPositives(kept.Positives)
	return kept
}

// Partial ranks a corpus of which only some passages have a score, none below 0: those of scored, each once, in any order. The
// others have score 0 and come behind, in the order of passages. It keeps the best of those that have one, and where each
// positive stands.
func Partial(scored []Hit, depth int, order Order, positives []int32) Ranked {
	top := NewTop(min(depth, len(scored)), order)
	for _, h := range scored {
		top.Push(h)
	}
	kept := Ranked{Hits: top.Ranking()}
	for _, p := range positives {
		kept.Positives = append(kept.Positives, placed(p, scored, order))
	}
	sortPositives(kept.Positives)
	return kept
}

// placed is where a passage stands behind the hits that are better, or, without a score, behind all of them and the passages before it
// that have none either.
func placed(passage int32, scored []Hit, order Order) Positive {
	at := slices.IndexFunc(scored, func(h Hit) bool { return h.Passage == passage })
	if at < 0 {
		rank := len(scored) + order.place(passage)
		for _, h := range scored {
			if order.place(h.Passage) < order.place(passage) {
				rank-- // it was counted before the passage already
			}
		}
		return Positive{Passage: passage, Rank: int32(rank)}
	}
	rank := 0
	for _, h := range scored {
		if order.Compare(h, scored[at]) < 0 {
			rank++
		}
	}
	return Positive{Passage: passage, Score: scored[at].Score, Rank: int32(rank)}
}

// place is where a passage stands among all of equal score.
func (o Order) place(passage int32) int {
	if o == nil {
		return int(passage)
	}
	return int(o[passage])
}

// sortPositives orders by rank, those of unknown rank behind, by passage.
func sortPositives(positives []Positive) {
	slices.SortFunc(positives, func(a, b Positive) int {
		return cmp.Or(cmp.Compare(uint32(a.Rank), uint32(b.Rank)), cmp.Compare(a.Passage, b.Passage))
	})
}
