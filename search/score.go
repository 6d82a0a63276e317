package search

import (
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
)

// Lowest is the score of a passage whose vector is zero: the text left nothing to compare, so it ranks below whatever
// points away from the query, and in the order of passages among its like. No other score comes near it: vectors that
// could are refused.
const Lowest float32 = -math.MaxFloat32

// Score is the canonical score of a query and a passage: their dot product in float64 as kernel.Dot64 sums it, rounded once
// to float32, or Lowest for a zero passage. Every processor agrees on it. Both vectors have the same length.
func Score(query, passage []float32) float32 {
	if len(query) != len(passage) {
		panic("search: Score of vectors of different lengths")
	}
	return scoreOf(kernel.Dot64(query, passage), passage)
}

// scoreOf is the score of a passage whose dot product is known.
func scoreOf(product float64, passage []float32) float32 {
	if product == 0 && isZero(passage) {
		return Lowest
	}
	return float32(product)
}

func isZero(v []float32) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}
