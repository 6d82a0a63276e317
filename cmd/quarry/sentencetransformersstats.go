package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

// stTally gathers what mine_hard_negatives prints when it is done.
type stTally struct {
	o     *stMine
	skips mine.Skips
	rows  int
	most  int // rows that there would be, had every query all its negatives

	positive, negative, difference []float64
}

// add counts a query, and the rows that it gave.
func (t *stTally) add(positives []ranking.Positive, negatives []ranking.Hit, rows int) {
	t.rows += rows
	n := t.o.mine.Negatives
	switch t.o.format {
	case sentencetransformers.Triplet:
		t.most += len(positives) * n
	case sentencetransformers.LabeledPair:
		t.most += len(positives) + n
	default:
		t.most += len(positives)
	}
	for _, p := range positives {
		t.positive = append(t.positive, float64(p.Score))
	}
	if t.o.format == sentencetransformers.NTuple && rows == 0 {
		return
	}
	for _, p := range positives {
		for _, n := range negatives {
			t.negative = append(t.negative, float64(n.Score))
			t.difference = append(t.difference, float64(p.Score-n.Score))
		}
	}
}

// table is the table of scores, and what limits took out, as there.
func (t *stTally) table() string {
	var b strings.Builder
	line := func(name, positive, negative, difference string) {
		fmt.Fprintf(&b, "%-6s %14s %14s %14s\n", name, positive, negative, difference)
	}
	line("Metric", "Positive", "Negative", "Difference")
	line("Count", fmt.Sprint(len(t.positive)), fmt.Sprint(len(t.negative)), "")
	columns := [3]summary{summed(t.positive), summed(t.negative), summed(t.difference)}
	for i, name := range summaryNames {
		line(name, fmt.Sprintf("%.4f", columns[0][i]), fmt.Sprintf("%.4f", columns[1][i]), fmt.Sprintf("%.4f", columns[2][i]))
	}
	for _, limit := range []struct {
		name    string
		value   *float64
		skipped int
	}{
		{"absolute_margin", t.o.mine.AbsoluteMargin, t.skips.AbsoluteMargin}, {"relative_margin", t.o.mine.RelativeMargin, t.skips.RelativeMargin},
		{"max_score", t.o.mine.MaxScore, t.skips.MaxScore}, {"min_score", t.o.mine.MinScore, t.skips.MinScore},
	} {
		if limit.skipped > 0 {
			fmt.Fprintf(&b, "Skipped %d potential negatives due to the %s of %g.\n", limit.skipped, limit.name, *limit.value)
		}
	}
	if missing := t.most - t.rows; missing > 0 {
		fmt.Fprintf(&b, "Could not find enough negatives for %d samples (%.2f%%): widen --range_max, or loosen the limits.\n", missing, 100*float64(missing)/float64(t.most))
	}
	return b.String()
}

// summary is numbers in short, in the order of summaryNames.
type summary [8]float64

var summaryNames = [8]string{"Mean", "Median", "Std", "Min", "25%", "50%", "75%", "Max"}

// summed are mean, lower median, deviation of a sample, and quantiles between neighbours, as torch takes them; of no numbers
// they are not numbers.
func summed(values []float64) summary {
	n := len(values)
	if n == 0 {
		nan := math.NaN()
		return summary{nan, nan, nan, nan, nan, nan, nan, nan}
	}
	sorted := slices.Sorted(slices.Values(values))
	var sum, squares float64
	for _, v := range sorted {
		sum += v
	}
	mean := sum / float64(n)
	for _, v := range sorted {
		squares += float64((v - mean) * (v - mean))
	}
	quantile := func(q float64) float64 {
		at := q * float64(n-1)
		low := int(at)
		if low == n-1 {
			return sorted[low]
		}
		return sorted[low] + float64((at-float64(low))*(sorted[low+1]-sorted[low]))
	}
	return summary{mean, sorted[(n-1)/2], math.Sqrt(squares / float64(n-1)), sorted[0], quantile(0.25), quantile(0.5), quantile(0.75), sorted[n-1]}
}
