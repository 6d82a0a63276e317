// Package drift tells what changed between two rounds of mining: where positives and old negatives went, how scores moved,
// what the rounds share, which queries got worse, and how much of the window may be answers after all.
package drift

import (
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
)

// Options say what is looked at.
type Options struct {
	From, To int // the window that the later round mined: 0-based raw ranks, half open, as mine.Window
	// Near calls a passage a likely answer when it scores above the query's weakest positive, or below it by less than this
	// share of the way down to the query's last candidate: a distance that means the same whatever a model's scores spread over.
	Near float64
	// Allowed is the share of likely answers that a window may hold.
	Allowed float64
	// Ranks says that scores are made of ranks, as reciprocal rank fusion's are: nothing is said about scores then.
	Ranks bool
	// Scales says that the two rounds score by different things, such as words and vectors: nothing is said of how scores moved
	// then, but what stands above a positive or near it is, by each round's own.
	Scales bool
}

// DefaultOptions are those of quarry drift.
func DefaultOptions() Options { return Options{From: 2, To: 200, Near: 0.05, Allowed: 0.05} }

// Validate names what cannot be.
func (o Options) Validate() error {
	switch {
	case o.From < 0 || o.To <= o.From:
		return fmt.Errorf("window %d-%d is empty", o.From, o.To)
	case !(o.Near >= 0 && o.Near < 1):
		return fmt.Errorf("near %v: at least 0, below 1", o.Near)
	case !(o.Allowed >= 0 && o.Allowed < 1):
		return fmt.Errorf("allowed %v: at least 0, below 1", o.Allowed)
	}
	return nil
}

// Side is what one round found for a query, and which of its candidates it took for negatives.
type Side struct {
	ranking.Candidates
	Negatives []int32 // ranks in Hits
}

// Comparison gathers queries. Use New.
type Comparison struct {
	options Options
	queries []query
	left    int     // queries that say nothing
	near    []count // by rank in the later round
	deepest int     // most candidates of a query
}

// count is how many passages stand at a rank, and how many of them are likely answers.
type count struct{ near, all int }

// query is what one query adds; sums are taken at the end, in the order of keys, so that the order of files has no part.
type query struct {
	key        string
	rank       [2]int // of the best positive, from 1
	score      Pair   // of the best positive
	window     [2]windowed
	candidates shared // of the ranks down to the window's end
	negatives  [2]int
	both, lost int
	above      int
	near       int
	places     [2][]int // ranks of the earlier negatives in both rounds, from 1
}

// shared is how many passages the later round has, and how many of these the earlier one has too.
type shared struct{ both, after int }

// windowed is the passages in a window of one query.
type windowed struct {
	n, above, near    int
	sum, squares, gap float64
}

// New begins a comparison.
func New(o Options) (*Comparison, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Comparison{options: o}, nil
}

// Add takes what both rounds found for a query. A query without a positive that both rank says nothing and is left out.
func (c *Comparison) Add(before, after Side) error {
	if before.Query != after.Query {
		return fmt.Errorf("query %q of the earlier round stands beside %q of the later one", before.Query, after.Query)
	}
	for _, side := range []Side{before, after} {
		for _, rank := range side.Negatives {
			if rank < 0 || int(rank) >= len(side.Hits) {
				return fmt.Errorf("query %q: a negative of rank %d among %d candidates", side.Query, rank, len(side.Hits))
			}
		}
		if len(side.Positives) == 0 || side.Positives[0].Rank < 0 {
			c.left++
			return nil
		}
	}
	q := query{key: before.Query}
	for i, side := range []Side{before, after} {
		q.rank[i], q.score[i] = int(side.Positives[0].Rank)+1, float64(side.Positives[0].Score)
		q.window[i] = c.window(side)
		c.deepest = max(c.deepest, len(side.Hits))
		q.negatives[i] = len(side.Negatives)
	}
	q.candidates = share(head(before.Hits, c.options.To), head(after.Hits, c.options.To))
	q.both = bothTook(before, after)
	c.follow(&q, before, after)
	c.countNear(after)
	c.queries = append(c.queries, q)
	return nil
}

// window looks at the ranks of a window.
func (c *Comparison) window(s Side) windowed {
	var w windowed
	weakest, likely := weakestPositive(s), c.likely(s)
	for rank := c.options.From; rank < min(c.options.To, len(s.Hits)); rank++ {
		hit := s.Hits[rank]
		if isPositive(s, hit.Passage) {
			continue
		}
		score := float64(hit.Score)
		w.n++
		w.sum += score
		w.squares += float64(score * score)
		w.gap += weakest - score
		if score > weakest {
			w.above++
		}
		if score > likely {
			w.near++
		}
	}
	return w
}

// follow looks where the earlier negatives are in the later round.
func (c *Comparison) follow(q *query, before, after Side) {
	ranks := make(map[int32]int, len(after.Hits))
	for rank, hit := range after.Hits {
		ranks[hit.Passage] = rank
	}
	weakest, likely := weakestPositive(after), c.likely(after)
	for _, was := range before.Negatives {
		passage := before.Hits[was].Passage
		rank, found := ranks[passage]
		q.places[0] = append(q.places[0], int(was)+1)
		if !found {
			q.lost++
			q.places[1] = append(q.places[1], len(after.Hits)+1) // at best
			continue
		}
		q.places[1] = append(q.places[1], rank+1)
		score := float64(after.Hits[rank].Score)
		if score > weakest {
			q.above++
		}
		if score > likely {
			q.near++
		}
	}
}

// countNear counts likely answers rank by rank.
func (c *Comparison) countNear(s Side) {
	likely := c.likely(s)
	for rank, hit := range s.Hits {
		if rank == len(c.near) {
			c.near = append(c.near, count{})
		}
		if isPositive(s, hit.Passage) {
			continue
		}
		c.near[rank].all++
		if float64(hit.Score) > likely {
			c.near[rank].near++
		}
	}
}

// likely is the score above which a passage is a likely answer.
func (c *Comparison) likely(s Side) float64 {
	weakest := weakestPositive(s)
	if len(s.Hits) == 0 {
		return weakest
	}
	way := max(0, weakest-float64(s.Hits[len(s.Hits)-1].Score))
	return weakest - float64(way*c.options.Near)
}

func weakestPositive(s Side) float64 {
	weakest := math.Inf(1)
	for _, p := range s.Positives {
		if p.Rank >= 0 {
			weakest = min(weakest, float64(p.Score))
		}
	}
	return weakest
}

func isPositive(s Side, passage int32) bool {
	return slices.ContainsFunc(s.Positives, func(p ranking.Positive) bool { return p.Passage == passage })
}

func head(hits ranking.Ranking, n int) ranking.Ranking { return hits[:min(n, len(hits))] }

// share counts the passages of the later ranking, and those of them that the earlier one has.
func share(before, after ranking.Ranking) shared {
	in := make(map[int32]bool, len(before))
	for _, hit := range before {
		in[hit.Passage] = true
	}
	s := shared{after: len(after)}
	for _, hit := range after {
		if in[hit.Passage] {
			s.both++
		}
	}
	return s
}

// bothTook counts the later negatives that the earlier round had for the query too. A query of several rows may have one
// passage in each of them: every one counts, as in what-if.
func bothTook(before, after Side) int {
	in := make(map[int32]bool, len(before.Negatives))
	for _, rank := range before.Negatives {
		in[before.Hits[rank].Passage] = true
	}
	both := 0
	for _, rank := range after.Negatives {
		if in[after.Hits[rank].Passage] {
			both++
		}
	}
	return both
}
