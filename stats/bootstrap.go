// Package stats says how far a mean, or a difference of two means over the same queries, may be off: bootstrap
// intervals, paired tests (randomisation, t, sign), and what several of them at once are worth. Queries that share a question (a group) are resampled
// together. The variance between training seeds is not in any of it.
package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/draw"
)

// Options say how resampling is done.
type Options struct {
	Level     float64 // of an interval, such as 0.95
	Resamples int     // of the bootstrap and of a randomisation test that is not exact
	Seed      uint64
}

// DefaultOptions are 95 % intervals from 10,000 resamples, which fix an end of the interval to about 1 % of its width.
func DefaultOptions() Options { return Options{Level: 0.95, Resamples: 10_000, Seed: 42} }

// The purposes of this package's draws.
const (
	bootstrap     draw.Purpose = "bootstrap"
	randomisation draw.Purpose = "randomisation"
)

// Interval is a mean and where it may lie.
type Interval struct {
	Mean  float64
	Low   float64
	High  float64
	Level float64
	Units int // what was resampled: groups, and values without a group
}

// MeanIntervals are the percentile bootstrap intervals of the means of columns of values of the same queries, such as one a
// measure (Efron, 1979). Groups names the group of each value, "" where it has none; nil is no groups at all. Whole groups
// are resampled, each mean weighing values alike. Values come in a fixed order, that of query keys: the draws refer to
// positions.
func MeanIntervals(columns [][]float64, groups []string, o Options) ([]Interval, error) {
	if len(columns) == 0 {
		return nil, errors.New("stats: no values")
	}
	all := make([]units, len(columns))
	for c, values := range columns {
		var err error
		if len(values) != len(columns[0]) {
			return nil, fmt.Errorf("stats: columns of %d and %d values", len(columns[0]), len(values))
		}
		if all[c], err = gather(values, groups, o); err != nil {
			return nil, err
		}
	}
	return intervals(all, o), nil
}

// unit is what is resampled as one: a group's values, or a value without a group.
type unit struct {
	sum float64
	n   int
}

type units []unit

// gather checks the input and adds up each group's values, groups standing in the order of their first value.
func gather(values []float64, groups []string, o Options) (units, error) {
	switch {
	case len(values) == 0:
		return nil, errors.New("stats: no values")
	case groups != nil && len(groups) != len(values):
		return nil, fmt.Errorf("stats: %d values, but groups of %d", len(values), len(groups))
	case !(o.Level > 0 && o.Level < 1):
		return nil, fmt.Errorf("stats: level %v is not between 0 and 1", o.Level)
	case o.Resamples < 1:
		return nil, fmt.Errorf("stats: %d resamples", o.Resamples)
	}
	var all units
	place := map[string]int{} // of a group among the units; looked up, never ranged over
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("stats: value %d is %v", i, v)
		}
		at, known := len(all), false
		if groups != nil && groups[i] != "" {
			if at, known = place[groups[i]]; !known {
				at = len(all)
				place[groups[i]] = at
			}
		}
		if !known {
			all = append(all, unit{})
		}
		all[at].sum += v
		all[at].n++
	}
	return all, nil
}

func (u units) interval(o Options) Interval { return intervals([]units{u}, o)[0] }

// intervals resamples columns of the same units together: each draw serves all of them.
func intervals(columns []units, o Options) []Interval {
	means := make([][]float64, len(columns))
	for c := range means {
		means[c] = make([]float64, o.Resamples)
	}
	sums := make([]float64, len(columns))
	for b := range o.Resamples {
		source := draw.New(o.Seed, bootstrap, 0, 0, strconv.Itoa(b))
		clear(sums)
		n := 0
		for range columns[0] {
			chosen := source.IntN(len(columns[0]))
			n += columns[0][chosen].n
			for c, u := range columns {
				sums[c] += u[chosen].sum
			}
		}
		for c, sum := range sums {
			means[c][b] = sum / float64(n)
		}
	}
	tail := (1 - o.Level) / 2
	found := make([]Interval, len(columns))
	for c, u := range columns {
		slices.Sort(means[c])
		found[c] = Interval{Mean: u.mean(), Low: quantile(means[c], tail), High: quantile(means[c], 1-tail), Level: o.Level, Units: len(u)}
	}
	return found
}

func (u units) mean() float64 {
	var all unit
	for _, one := range u {
		all.sum += one.sum
		all.n += one.n
	}
	return all.sum / float64(all.n)
}

// quantile interpolates between order statistics: position q*(n-1), numpy's default (type 7 of Hyndman and Fan, 1996).
func quantile(sorted []float64, q float64) float64 {
	position := q * float64(len(sorted)-1)
	below := int(position)
	above := min(below+1, len(sorted)-1)
	part := position - float64(below)
	return sorted[below] + float64(part*(sorted[above]-sorted[below]))
}
