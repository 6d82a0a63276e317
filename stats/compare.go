package stats

import (
	"fmt"
	"math"
	"strconv"

	"github.com/quarry-ml/quarry/draw"
)

// exactUnits is up to how many units the randomisation test goes through all sign patterns: 2^16 take milliseconds.
const exactUnits = 16

// Comparison is how a second set of values differs from a first one over the same queries.
type Comparison struct {
	Difference    Interval // of the mean of second - first
	Randomisation float64  // two-sided p of the paired randomisation test
	Exact         bool     // it went through all sign patterns, not a sample
	Student       float64  // two-sided p of the paired t test
	Sign          float64  // two-sided p of the sign test
	Better, Worse int      // units whose second values are higher, or lower, in sum
	Equal         int      // units where they are equal; the sign test leaves them out
}

// Compare sets second against first, value by value: the bootstrap interval of the mean difference, the randomisation
// test (Fisher; for retrieval Smucker, Allan and Carterette, 2007), which asks how often a random exchange of the two
// within units gives a difference at least as large, the t test and the sign test. Groups and order are those of MeanIntervals.
func Compare(first, second []float64, groups []string, o Options) (Comparison, error) {
	if len(first) != len(second) {
		return Comparison{}, fmt.Errorf("stats: %d values against %d: a paired test needs the same queries", len(first), len(second))
	}
	differences := make([]float64, len(first))
	for i := range first {
		differences[i] = second[i] - first[i]
	}
	all, err := gather(differences, groups, o)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Difference: all.interval(o), Exact: len(all) <= exactUnits}
	slack := all.slack()
	for _, one := range all {
		switch {
		case one.sum > slack:
			c.Better++
		case one.sum < -slack:
			c.Worse++
		default:
			c.Equal++
		}
	}
	c.Student = all.studentTest()
	c.Sign = signTest(c.Better, c.Worse)
	if c.Exact {
		c.Randomisation = all.exchangeAll(slack)
	} else {
		c.Randomisation = all.exchangeSome(slack, o)
	}
	return c, nil
}

// slack is the rounding error of a sum of the units: sums that differ by less count as equal.
func (u units) slack() float64 {
	size := 0.0
	for _, one := range u {
		size += math.Abs(one.sum)
	}
	return size * 1e-12
}

// exchangeAll is the share of all sign patterns whose sum is at least as far from zero as the observed one.
func (u units) exchangeAll(slack float64) float64 {
	observed := math.Abs(u.signed(func(int) bool { return false }))
	extreme, patterns := 0, 1<<len(u)
	for pattern := range patterns {
		if math.Abs(u.signed(func(i int) bool { return pattern>>i&1 == 1 })) >= observed-slack {
			extreme++
		}
	}
	return float64(extreme) / float64(patterns)
}

// exchangeSome samples sign patterns. The observed one counts as drawn, so p is never 0 (Phipson and Smyth, 2010).
func (u units) exchangeSome(slack float64, o Options) float64 {
	observed := math.Abs(u.signed(func(int) bool { return false }))
	extreme := 1
	for b := range o.Resamples {
		source := draw.New(o.Seed, randomisation, 0, 0, strconv.Itoa(b))
		var bits uint64
		sum := u.signed(func(i int) bool {
			if i%64 == 0 {
				bits = source.Uint64()
			}
			return bits>>(i%64)&1 == 1
		})
		if math.Abs(sum) >= observed-slack {
			extreme++
		}
	}
	return float64(extreme) / float64(1+o.Resamples)
}

// signed adds the units in order, those that are exchanged with the opposite sign.
func (u units) signed(exchanged func(i int) bool) float64 {
	sum := 0.0
	for i, one := range u {
		if exchanged(i) {
			sum -= one.sum
		} else {
			sum += one.sum
		}
	}
	return sum
}

// signTest is the two-sided p of so uneven a split under a fair coin: twice the binomial tail, at most 1.
func signTest(better, worse int) float64 {
	n, k := better+worse, min(better, worse)
	logOf := func(x int) float64 { // log x!
		v, _ := math.Lgamma(float64(x + 1))
		return v
	}
	tail := 0.0
	for i := range k + 1 {
		tail += math.Exp(logOf(n) - logOf(i) - logOf(n-i) - float64(n)*math.Ln2)
	}
	return min(1, 2*tail)
}
