package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Correction adjusts p values of several tests, so that "below 0.05" keeps its meaning over all of them.
type Correction string

// The corrections.
const (
	// Holm bounds the chance of any false finding (Holm, 1979).
	Holm Correction = "holm"
	// BenjaminiHochberg bounds the expected share of false findings among those made (Benjamini and Hochberg, 1995), for
	// tests that are independent or positively dependent, as those of several measures of one pair of runs are.
	BenjaminiHochberg Correction = "bh"
)

// Adjust returns adjusted p values, in the order of p. A value that is no probability is an error.
func (c Correction) Adjust(p []float64) ([]float64, error) {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("stats: p value %d is %v, not from 0 to 1", i, v)
		}
	}
	order := make([]int, len(p)) // by p, ascending
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	m := float64(len(p))
	switch c {
	case Holm: // the largest so far of p times the tests that are left
		largest := 0.0
		for rank, i := range order {
			largest = math.Max(largest, math.Min(1, (m-float64(rank))*p[i]))
			adjusted[i] = largest
		}
	case BenjaminiHochberg: // the least from here on of p times m over its rank
		least := 1.0
		for rank := len(order) - 1; rank >= 0; rank-- {
			i := order[rank]
			least = math.Min(least, m/float64(rank+1)*p[i])
			adjusted[i] = least
		}
	default:
		return nil, fmt.Errorf("stats: correction %q is unknown: use %s or %s", c, Holm, BenjaminiHochberg)
	}
	return adjusted, nil
}
