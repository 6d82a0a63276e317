package drift

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Pair is two figures: of the earlier round, and of the later one.
type Pair [2]float64

// Report is the difference of two rounds. Shares are between 0 and 1; means and medians are over queries unless they say
// otherwise; ranks count from 1. What has no figure, because nothing was there to count, is absent.
type Report struct {
	Queries   int       `json:"queries"`        // with a positive that both rounds rank
	Left      int       `json:"left,omitempty"` // the other ones, of which nothing is said
	Positives Positives `json:"positives"`
	Window    Window    `json:"window"`
	Negatives Negatives `json:"negatives"`
	// Candidates is the overlap of candidates in the window's ranks, or above them: of the later round's, over all queries, the
	// share that the earlier one has there too.
	Candidates float64 `json:"candidates_overlap"`
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
	From int `json:"from"`
	To   int `json:"to"`
	// Reached is how many candidates the queries have at most in either round, where the window ends behind them: its ranks from
	// there on are in no figure. 0 is a window that they fill.
	Reached int   `json:"reached,omitempty"`
	Score   *Pair `json:"score,omitempty"`  // mean over its passages
	Spread  *Pair `json:"spread,omitempty"` // standard deviation of their scores
	Gap     *Pair `json:"gap,omitempty"`    // mean of the weakest positive's score less theirs
	Above   *Pair `json:"above,omitempty"`  // share that scores above the weakest positive
	Near    *Pair `json:"near,omitempty"`   // share of likely answers
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
	Both    int      `json:"both"`              // of After: the earlier round's of the same query too
	Overlap *float64 `json:"overlap,omitempty"` // Both as a share of After, as mine.Outcome has it
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

// ErrNothing says that no query has a positive which both rounds rank.
var ErrNothing = errors.New("no query has a positive that both rounds rank")

// Report sums up. It is ErrNothing where there is nothing to compare.
func (c *Comparison) Report() (Report, error) {
	if len(c.queries) == 0 {
		return Report{}, ErrNothing
	}
	slices.SortFunc(c.queries, func(a, b query) int { return cmp.Compare(a.key, b.key) })
	r := Report{Queries: len(c.queries), Left: c.left, Window: Window{From: c.options.From, To: c.options.To}}
	if c.deepest < c.options.To {
		r.Window.Reached = c.deepest
	}
	c.positives(&r)
	c.windows(&r)
	c.negatives(&r)
	var all shared
	for _, q := range c.queries {
		all.both += q.candidates.both
		all.after += q.candidates.after
	}
	r.Candidates = float64(all.both) / float64(max(1, all.after))
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
	if !c.options.Ranks && !c.options.Scales {
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
	if c.options.Scales {
		w.Score, w.Spread, w.Gap = nil, nil, nil
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
	if n.After > 0 {
		overlap := float64(n.Both) / float64(n.After)
		n.Overlap = &overlap
	}
}

// median is the middle of ranks, or the mean of the two in the middle.
func median(ranks []int) float64 {
	sorted := slices.Sorted(slices.Values(ranks))
	n := len(sorted)
	return float64(sorted[(n-1)/2]+sorted[n/2]) / 2
}
