package mine

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
)

// SentenceTransformers mines as sentence-transformers' mine_hard_negatives does, query by query in the order of their first
// rows. Scores and limits are float32, as there. A limit that is nil is absent.
type SentenceTransformers struct {
	RangeMin, RangeMax int // ranks among what positives and limits leave
	Negatives          int

	AbsoluteMargin, RelativeMargin, MaxScore, MinScore *float64

	CrossEncoder     bool          // scores anew what limits are held against
	IncludePositives bool          // they stay among the candidates
	Random           *PythonRandom // draws; nil takes the best
}

// DefaultRangeMax is the end of the range where none is given. MostPositives is the most rows of a query.
func (s SentenceTransformers) DefaultRangeMax(mostPositives int) int {
	if s.AbsoluteMargin != nil || s.RelativeMargin != nil || s.MaxScore != nil || s.CrossEncoder && s.MinScore != nil {
		return s.RangeMin + 10*s.Negatives + mostPositives // some may be dropped
	}
	return s.RangeMin + s.Negatives + mostPositives
}

// Rescores says whether candidates and positives have their scores of the cross-encoder: only with a limit, as there.
func (s SentenceTransformers) Rescores() bool {
	return s.CrossEncoder && (s.AbsoluteMargin != nil || s.RelativeMargin != nil || s.MaxScore != nil || s.MinScore != nil)
}

// Validate refuses what mine_hard_negatives refuses, and limits that are no numbers.
func (s SentenceTransformers) Validate() error {
	switch {
	case s.Negatives < 1:
		return fmt.Errorf("num_negatives %d: at least 1", s.Negatives)
	case s.RangeMin < 0:
		return fmt.Errorf("range_min %d is negative", s.RangeMin)
	case s.RangeMin >= s.RangeMax:
		return fmt.Errorf("range_min %d is not below range_max %d", s.RangeMin, s.RangeMax)
	case s.Negatives > s.RangeMax-s.RangeMin:
		return fmt.Errorf("num_negatives %d: only %d ranks are left from range_min %d to range_max %d: ask for fewer, or widen the range", s.Negatives, s.RangeMax-s.RangeMin, s.RangeMin, s.RangeMax)
	}
	for _, limit := range []*float64{s.AbsoluteMargin, s.RelativeMargin, s.MaxScore, s.MinScore} {
		if limit != nil && math.IsNaN(*limit) {
			return errors.New("a limit is not a number")
		}
	}
	return nil
}

// Skips counts the candidates that each limit took out, each under the first.
type Skips struct{ AbsoluteMargin, RelativeMargin, MaxScore, MinScore int }

// Choose takes the negatives of a query, best first: fewer than wanted where fewer are left. Hits are its best candidates by
// score, RangeMax and the most positives of a query together where the corpus has so many; positives are in the order of the
// query's rows. Every query is asked for once, in order, for the draw is one stream.
func (s SentenceTransformers) Choose(hits ranking.Ranking, positives []ranking.Positive, skips *Skips) []ranking.Hit {
	lowest := float32(math.Inf(1))
	for _, p := range positives {
		lowest = min(lowest, p.Score)
	}
	var left []ranking.Hit
	for _, h := range hits {
		isPositive := slices.ContainsFunc(positives, func(p ranking.Positive) bool { return p.Passage == h.Passage })
		if isPositive && !s.IncludePositives || s.drops(h.Score, lowest, skips) {
			continue
		}
		left = append(left, h)
	}
	left = left[:min(s.RangeMax, len(left))]
	left = left[min(s.RangeMin, len(left)):]
	if s.Random == nil {
		return left[:min(s.Negatives, len(left))]
	}
	// Where too few are left, places without a candidate are drawn too, and the generator goes on as it does there.
	drawn := s.Random.Sample(max(len(left), s.Negatives), s.Negatives)
	slices.Sort(drawn)
	var chosen []ranking.Hit
	for _, at := range drawn {
		if at < len(left) {
			chosen = append(chosen, left[at])
		}
	}
	return chosen
}

// drops holds the limits against a score, in their order. Results are converted: each is rounded to float32, as there.
func (s SentenceTransformers) drops(score, lowest float32, skips *Skips) bool {
	switch {
	case s.AbsoluteMargin != nil && float32(score+float32(*s.AbsoluteMargin)) > lowest:
		skips.AbsoluteMargin++
	case s.RelativeMargin != nil && score > float32(lowest-float32(abs(lowest)*float32(*s.RelativeMargin))):
		skips.RelativeMargin++
	case s.MaxScore != nil && score > float32(*s.MaxScore):
		skips.MaxScore++
	case s.MinScore != nil && score < float32(*s.MinScore):
		skips.MinScore++
	default:
		return false
	}
	return true
}

func abs(v float32) float32 { return float32(math.Abs(float64(v))) }
