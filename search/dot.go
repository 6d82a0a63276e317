package search

import "math"

// lanes is the number of partial sums of the canonical score. It is part of the meaning of a score: changing it changes
// candidates.
const lanes = 8

// Lowest is the score of a passage whose vector is zero: the text left nothing to compare, so it ranks below whatever
// points away from the query, and in the order of passages among its like. No other score comes near it: vectors that
// could are refused.
const Lowest float32 = -math.MaxFloat32

// Score is the canonical score of a query and a passage: their dot product in float64, rounded once to float32, or Lowest
// for a zero passage.
//
// Lane j of 8 adds the products at positions j, j+8, j+16, … in that order; the lanes are then added as
// ((0+4)+(2+6)) + ((1+5)+(3+7)), which is how a vector register folds in halves. The product of two float32 is exact in
// float64, so a fused multiply-add gives the same bits, and every processor agrees. Both vectors have the same length.
func Score(query, passage []float32) float32 {
	if len(query) != len(passage) {
		panic("search: Score of vectors of different lengths")
	}
	var sum [lanes]float64
	for i, q := range query {
		sum[i%lanes] += float64(q) * float64(passage[i])
	}
	score := fold(sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7])
	if score == 0 && isZero(passage) {
		return Lowest
	}
	return float32(score)
}

func isZero[T float32 | float64](v []T) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}

// dot is Score before rounding, of vectors widened beforehand and padded with zeros to a multiple of 8, which add nothing.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float64
	for len(a) >= lanes && len(b) >= lanes {
		x, y := (*[lanes]float64)(a), (*[lanes]float64)(b)
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		s4 += x[4] * y[4]
		s5 += x[5] * y[5]
		s6 += x[6] * y[6]
		s7 += x[7] * y[7]
		a, b = a[lanes:], b[lanes:]
	}
	return fold(s0, s1, s2, s3, s4, s5, s6, s7)
}

func fold(s0, s1, s2, s3, s4, s5, s6, s7 float64) float64 {
	return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}
