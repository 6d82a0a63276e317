// Package drift tells what changed between two rounds of mining: where positives and old negatives went, how scores moved,
// what the rounds share, which queries got worse, and how much of the window may be answers after all.
package drift

import (
	"cmp"
	"errors"
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

// Pair is two figures: of the earlier round, and of the later one.
type Pair [2]float64

// Report is the difference of two rounds. Shares are between 0 and 1; means and medians are over queries unless they say
// otherwise; ranks count from 1. What has no figure, because nothing was there to count, is absent.
type Report struct {
	Queries   int       `json:"queries"` // with a positive that both rounds rank
	Positives Positives `json:"positives"`
	Window    Window    `json:"window"`
	Negatives Negatives `json:"negatives"`
	// Candidates is the share of passages in the window's ranks, or above them, that both rounds have there (Jaccard).
	Candidates float64 `json:"candidates"`
	// Moves are the queries whose best positive changed its rank, those that fell most first.
	Moves []Move `json:"-"`
}

// Positives is where the best positive of each query went.
type Positives struct {
	Rose   int   `json:"rose"`
	Fell   int   `json:"fell"`
	Same   int   `json:"same"`
	First  Pair  `json:"first"`           // share that stands at rank 1
	Median Pair  `json:"median_rank"`     //
	Score  *Pair `json:"score,omitempty"` // mean
}

// Window is the ranks that the later round mined from, in both rounds; positives are no part of it.
type Window struct {
	From   int   `json:"from"`
	To     int   `json:"to"`
	Score  *Pair `json:"score,omitempty"`  // mean over its passages
	Spread *Pair `json:"spread,omitempty"` // standard deviation of their scores
	Gap    *Pair `json:"gap,omitempty"`    // mean of the weakest positive's score less theirs
	Above  *Pair `json:"above,omitempty"`  // share that scores above the weakest positive
	Near   *Pair `json:"near,omitempty"`   // share of likely answers
	// Suggested is a window of at most Allowed likely answers, as "31-100": the ranks from the first that makes it so; empty
	// where the window itself is fine, or none is.
	Suggested     string   `json:"suggested,omitempty"`
	SuggestedNear *float64 `json:"suggested_near,omitempty"`
	// Warning says in a sentence what is wrong with the window; empty is nothing.
	Warning string `json:"warning,omitempty"`
}

// Negatives is what became of the earlier round's negatives, those that it had a rank for, and what the later one took.
type Negatives struct {
	Before  int      `json:"before"`
	After   int      `json:"after"`
	Both    int      `json:"both"`              // of the same query in both rounds
	Jaccard *float64 `json:"jaccard,omitempty"` // Both as a share of all
	Lost    int      `json:"lost"`              // of Before: no candidates of the later round any more
	Above   *int     `json:"above,omitempty"`   // of Before: above the weakest positive in the later round, though trained against
	Near    *int     `json:"near,omitempty"`    // of Before: likely answers in the later round
	Median  *Pair    `json:"median_rank,omitempty"`
}

// Move is a query whose best positive changed its rank, counted from 1.
type Move struct {
	Query string `json:"query"`
	From  int    `json:"from"`
	To    int    `json:"to"`
}

// Fallen is the queries whose best positive fell most, at most so many.
func (r Report) Fallen(most int) []Move {
	n := 0
	for n < min(most, len(r.Moves)) && r.Moves[n].To > r.Moves[n].From {
		n++
	}
	return r.Moves[:n]
}

// Comparison gathers queries. Use New.
type Comparison struct {
	options Options
	queries []query
	near    []count // by rank in the later round
}

// count is how many passages stand at a rank, and how many of them are likely answers.
type count struct{ near, all int }

// query is what one query adds; sums are taken at the end, in the order of keys, so that the order of files has no part.
type query struct {
	key        string
	rank       [2]int // of the best positive, from 1
	score      Pair   // of the best positive
	window     [2]windowed
	overlap    float64
	negatives  [2]int
	both, lost int
	above      int
	near       int
	places     [2][]int // ranks of the earlier negatives in both rounds, from 1
}

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
			return nil
		}
	}
	q := query{key: before.Query}
	for i, side := range []Side{before, after} {
		q.rank[i], q.score[i] = int(side.Positives[0].Rank)+1, float64(side.Positives[0].Score)
		q.window[i] = c.window(side)
		q.negatives[i] = len(side.Negatives)
	}
	q.overlap = jaccard(head(before.Hits, c.options.To), head(after.Hits, c.options.To))
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
	taken := make(map[int32]bool, len(after.Negatives))
	for _, rank := range after.Negatives {
		taken[after.Hits[rank].Passage] = true
	}
	weakest, likely := weakestPositive(after), c.likely(after)
	for _, was := range before.Negatives {
		passage := before.Hits[was].Passage
		if taken[passage] {
			q.both++
		}
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

// ErrNothing says that no query has a positive which both rounds rank.
var ErrNothing = errors.New("no query has a positive that both rounds rank")

// Report sums up. It is ErrNothing where there is nothing to compare.
func (c *Comparison) Report() (Report, error) {
	if len(c.queries) == 0 {
		return Report{}, ErrNothing
	}
	slices.SortFunc(c.queries, func(a, b query) int { return cmp.Compare(a.key, b.key) })
	r := Report{Queries: len(c.queries), Window: Window{From: c.options.From, To: c.options.To}}
	c.positives(&r)
	c.windows(&r)
	c.negatives(&r)
	for _, q := range c.queries {
		r.Candidates += q.overlap
	}
	r.Candidates /= float64(len(c.queries))
	return r, nil
}

func (c *Comparison) positives(r *Report) {
	var score Pair
	ranks := [2][]int{}
	for _, q := range c.queries {
		switch {
		case q.rank[1] < q.rank[0]:
			r.Positives.Rose++
		case q.rank[1] > q.rank[0]:
			r.Positives.Fell++
		default:
			r.Positives.Same++
		}
		if q.rank[0] != q.rank[1] {
			r.Moves = append(r.Moves, Move{q.key, q.rank[0], q.rank[1]})
		}
		for i := range q.rank {
			ranks[i] = append(ranks[i], q.rank[i])
			score[i] += q.score[i]
			if q.rank[i] == 1 {
				r.Positives.First[i]++
			}
		}
	}
	for i := range ranks {
		r.Positives.First[i] /= float64(len(c.queries))
		score[i] /= float64(len(c.queries))
		r.Positives.Median[i] = median(ranks[i])
	}
	if !c.options.Ranks {
		r.Positives.Score = &score
	}
	slices.SortStableFunc(r.Moves, func(a, b Move) int { return cmp.Compare(b.To-b.From, a.To-a.From) })
}

func (c *Comparison) windows(r *Report) {
	var all [2]windowed
	for _, q := range c.queries {
		for i, w := range q.window {
			all[i].n += w.n
			all[i].above += w.above
			all[i].near += w.near
			all[i].sum += w.sum
			all[i].squares += w.squares
			all[i].gap += w.gap
		}
	}
	if c.options.Ranks || all[0].n == 0 || all[1].n == 0 {
		return
	}
	w := &r.Window
	w.Score, w.Spread, w.Gap, w.Above, w.Near = &Pair{}, &Pair{}, &Pair{}, &Pair{}, &Pair{}
	for i, a := range all {
		n := float64(a.n)
		mean := a.sum / n
		w.Score[i], w.Gap[i] = mean, a.gap/n
		w.Spread[i] = math.Sqrt(max(0, a.squares/n-float64(mean*mean)))
		w.Above[i], w.Near[i] = float64(a.above)/n, float64(a.near)/n
	}
	if w.Near[1] <= c.options.Allowed {
		return
	}
	w.Warning = fmt.Sprintf("%.1f %% of the window's passages score like the weakest positive or above it, and may answer the query", 100*w.Near[1])
	if w.Near[1] > 0.5 {
		w.Warning = "most of the window may be answers: " + w.Warning
	}
	c.suggest(w)
}

// suggest looks for the first rank from which the window holds no more likely answers than allowed.
func (c *Comparison) suggest(w *Window) {
	near, all := 0, 0
	for rank := min(c.options.To, len(c.near)) - 1; rank > c.options.From; rank-- {
		near += c.near[rank].near
		all += c.near[rank].all
		if share := float64(near) / float64(max(1, all)); all > 0 && share <= c.options.Allowed {
			w.Suggested, w.SuggestedNear = fmt.Sprintf("%d-%d", rank, c.options.To), &share
		}
	}
}

func (c *Comparison) negatives(r *Report) {
	n := &r.Negatives
	above, near := 0, 0
	places := [2][]int{}
	for _, q := range c.queries {
		n.Before += q.negatives[0]
		n.After += q.negatives[1]
		n.Both += q.both
		n.Lost += q.lost
		above += q.above
		near += q.near
		for i := range places {
			places[i] = append(places[i], q.places[i]...)
		}
	}
	if n.Before > 0 {
		n.Median = &Pair{median(places[0]), median(places[1])}
		if !c.options.Ranks {
			n.Above, n.Near = &above, &near
		}
	}
	if all := n.Before + n.After - n.Both; all > 0 {
		share := float64(n.Both) / float64(all)
		n.Jaccard = &share
	}
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

// jaccard is the share of all passages of two rankings that both have; two empty ones have nothing in common.
func jaccard(a, b ranking.Ranking) float64 {
	in := make(map[int32]bool, len(a))
	for _, hit := range a {
		in[hit.Passage] = true
	}
	both := 0
	for _, hit := range b {
		if in[hit.Passage] {
			both++
		}
	}
	return float64(both) / float64(max(1, len(a)+len(b)-both))
}

// median is the middle of ranks, or the mean of the two in the middle.
func median(ranks []int) float64 {
	sorted := slices.Sorted(slices.Values(ranks))
	n := len(sorted)
	return float64(sorted[(n-1)/2]+sorted[n/2]) / 2
}
