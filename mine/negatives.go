package mine

import (
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/ranking"
)

// Negative is one mined negative and where it comes from.
type Negative struct {
	Passage       int32
	Rank          int32   // 0-based, in the raw ranking
	Score         float32 // the miner's
	PositiveScore float32 // of the query's lowest positive
}

// Result is what was mined for one query.
type Result struct {
	Negatives []Negative // by rank
	Eligible  int        // candidates that all rules left, before sampling
	Dropped   Dropped
}

// Dropped counts the candidates that each rule took out. A candidate that several rules would take counts for the first
// of them, in the order of the fields; with a window over survivors, Window is the last rule.
type Dropped struct {
	Window         int `json:"window"`
	Positive       int `json:"positive"`
	Excluded       int `json:"excluded"`
	Margin         int `json:"margin"`
	RelativeMargin int `json:"relative_margin"`
	MaxScore       int `json:"max_score"`
	MinScore       int `json:"min_score"`
}

// Negatives mines one query: the rules of docs/mining.md take candidates out, and a draw keyed by (seed, mining, round,
// query key) picks from the rest, so that no other query, batch or file order has a part in it. Excluded are further
// passages that must not become negatives, sorted: those with the text of a positive or of the query.
func Negatives(c ranking.Candidates, excluded []int32, round int, o Options) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, fmt.Errorf("mine: %w", err)
	}
	if len(c.Positives) == 0 {
		return Result{}, fmt.Errorf("mine: query %q: %w", c.Query, ErrNoPositives)
	}
	if err := check(c, excluded); err != nil {
		return Result{}, fmt.Errorf("mine: query %q: %w", c.Query, err)
	}
	f := newFilter(c, excluded, o)
	var result Result
	var eligible []Negative
	for rank, h := range c.Hits {
		if !o.Survivors && !o.Window.Contains(rank) {
			result.Dropped.Window++
			continue
		}
		if rule := f.drops(h, &result.Dropped); rule != nil {
			*rule++
			continue
		}
		eligible = append(eligible, Negative{Passage: h.Passage, Rank: int32(rank), Score: h.Score, PositiveScore: f.lowest})
	}
	if o.Survivors {
		survivors := len(eligible)
		eligible = eligible[min(o.Window.From, survivors):min(o.Window.To, survivors)]
		result.Dropped.Window = survivors - len(eligible)
	}
	result.Eligible = len(eligible)
	result.Negatives = sample(eligible, c.Query, round, o)
	return result, nil
}

// filter holds what decides about one query's candidates.
type filter struct {
	positives []int32 // sorted
	excluded  []int32 // sorted
	lowest    float32 // score of the lowest positive
	o         Options
}

func newFilter(c ranking.Candidates, excluded []int32, o Options) filter {
	f := filter{excluded: excluded, lowest: c.Positives[0].Score, o: o}
	for _, p := range c.Positives {
		f.positives = append(f.positives, p.Passage)
		f.lowest = min(f.lowest, p.Score)
	}
	slices.Sort(f.positives)
	return f
}

// drops returns the counter of the first rule that takes a hit out, nil where it stays.
func (f filter) drops(h ranking.Hit, d *Dropped) *int {
	score, lowest := float64(h.Score), float64(f.lowest)
	switch o := f.o; {
	case contains(f.positives, h.Passage):
		return &d.Positive
	case contains(f.excluded, h.Passage):
		return &d.Excluded
	case o.Margin != nil && score > lowest-*o.Margin:
		return &d.Margin
	case o.RelativeMargin != nil && score > lowest-float64(math.Abs(lowest)**o.RelativeMargin): // converted: never fused, so every processor agrees
		return &d.RelativeMargin
	case o.MaxScore != nil && score > *o.MaxScore:
		return &d.MaxScore
	case o.MinScore != nil && score < *o.MinScore:
		return &d.MinScore
	}
	return nil
}

// sample takes the wanted number of the eligible candidates, which come and stay in the order of rank.
func sample(eligible []Negative, query string, round int, o Options) []Negative {
	if len(eligible) <= o.Negatives || o.Sampling == Top {
		return slices.Clone(eligible[:min(o.Negatives, len(eligible))])
	}
	source := draw.New(o.Seed, draw.Mining, round, 0, query)
	positions := source.Sample(len(eligible), o.Negatives)
	slices.Sort(positions)
	chosen := make([]Negative, len(positions))
	for i, p := range positions {
		chosen[i] = eligible[p]
	}
	return chosen
}

// check refuses candidates on which ranks and margins mean nothing.
func check(c ranking.Candidates, excluded []int32) error {
	if !slices.IsSorted(excluded) {
		return fmt.Errorf("its excluded passages are not sorted")
	}
	for i, h := range c.Hits {
		if h.Score != h.Score || i > 0 && h.Score > c.Hits[i-1].Score {
			return fmt.Errorf("its hits are not sorted by score: rank %d has %v", i, h.Score)
		}
	}
	for _, p := range c.Positives {
		if p.Score != p.Score {
			return fmt.Errorf("the score of positive %d is not a number", p.Passage)
		}
	}
	return nil
}

func contains(sorted []int32, p int32) bool {
	_, ok := slices.BinarySearch(sorted, p)
	return ok
}
