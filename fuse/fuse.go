// Package fuse makes one ranking of several: by reciprocal ranks or by weighted scores.
package fuse

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/ranking"
)

// Algorithm is raised when the same rankings are fused to another one: what is kept by the old number is made again.
const Algorithm = 1

// Method is how rankings become one.
type Method string

// The methods.
const (
	// ReciprocalRank adds weight/(K + rank), ranks counted from 1 (Cormack, Clarke and Büttcher, 2009). What comes of it
	// orders passages and is no score that a margin could be held against.
	ReciprocalRank Method = "rrf"
	// Weighted adds weight times score, the scores of each source's kept hits brought to [0, 1].
	Weighted Method = "weighted"
)

// Options say how rankings become one.
type Options struct {
	Method  Method
	K       float64   // of ReciprocalRank
	Weights []float64 // of the sources in their order; empty for 1 each
}

// DefaultOptions are reciprocal ranks with the constant of their paper.
func DefaultOptions() Options { return Options{Method: ReciprocalRank, K: 60} }

// Validate refuses what no number of sources can be fused by.
func (o Options) Validate(sources int) error {
	if o.Method != ReciprocalRank && o.Method != Weighted {
		return fmt.Errorf("fuse: %q is neither %q nor %q", o.Method, ReciprocalRank, Weighted)
	}
	if !(o.K >= 0 && o.K <= math.MaxFloat64) {
		return fmt.Errorf("fuse: constant %v: want a number from 0 on", o.K)
	}
	if len(o.Weights) != 0 && len(o.Weights) != sources {
		return fmt.Errorf("fuse: %d weights for %d sources", len(o.Weights), sources)
	}
	for _, w := range o.Weights {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("fuse: weight %v: want a number from 0 on", w)
		}
	}
	if len(o.Weights) > 0 && slices.Max(o.Weights) == 0 {
		return fmt.Errorf("fuse: weights %v: want one above 0, or no source counts", o.Weights)
	}
	return nil
}

// Scored reports whether fused scores compare with a positive's.
func (o Options) Scored() bool { return o.Method == Weighted }

// ScoredBy reports whether scores compare with a positive's that were fused by what String says: all but reciprocal ranks do.
func ScoredBy(options string) bool { return !strings.HasPrefix(options, string(ReciprocalRank)) }

// String is the form that files record.
func (o Options) String() string {
	text := string(o.Method)
	if o.Method == ReciprocalRank {
		text += fmt.Sprintf(" %g", o.K)
	}
	if len(o.Weights) > 0 {
		text += fmt.Sprintf(", weights %g", o.Weights)
	}
	return text
}

// Fuse makes one ranking of what the sources keep of a query. A passage has nothing of a source that does not keep it
// among its hits, and that goes for positives too, however deep their rank is known: so all are treated alike. The
// passages that no source keeps come behind, in the order of passages, and have no score but 0. A source of weight 0
// has no part.
func Fuse(sources []ranking.Ranked, depth int, order ranking.Order, positives []int32, o Options) ranking.Ranked {
	sums := map[int32]float64{}
	for i, source := range sources {
		weight := 1.0
		if len(o.Weights) > 0 {
			weight = o.Weights[i]
		}
		if weight == 0 {
			continue
		}
		for rank, h := range source.Hits {
			sums[h.Passage] += float64(weight * o.part(source.Hits, rank)) // in the order of the sources
		}
	}
	scored := make([]ranking.Hit, 0, len(sums))
	for passage, sum := range sums { // in any order
		scored = append(scored, ranking.Hit{Passage: passage, Score: float32(sum)})
	}
	return ranking.Partial(scored, depth, order, positives)
}

// part is what a hit has of one source, before its weight.
func (o Options) part(hits ranking.Ranking, rank int) float64 {
	if o.Method == ReciprocalRank {
		return 1 / (o.K + float64(rank) + 1)
	}
	best, worst := float64(hits[0].Score), float64(hits[len(hits)-1].Score)
	if best == worst {
		return 1
	}
	return (float64(hits[rank].Score) - worst) / (best - worst)
}
