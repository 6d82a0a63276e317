package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/eval"
)

// expectation is a least value of a measure.
type expectation struct {
	measure eval.Measure
	least   float64
}

type expectations []expectation

// parseExpectations reads "map@25>=0.17" and the like; each measure must be among those that are measured.
func parseExpectations(texts []string, measures []eval.Measure) (expectations, error) {
	var all expectations
	for _, text := range texts {
		name, value, ok := strings.Cut(text, ">=")
		if !ok {
			return nil, badInputf("--expect %q: write metric>=value, such as map@25>=0.17", text)
		}
		m, err := eval.ParseMeasure(strings.TrimSpace(name))
		if err != nil {
			return nil, badInputf("--expect %q: %w", text, err)
		}
		least, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || math.IsNaN(least) || math.IsInf(least, 0) {
			return nil, badInputf("--expect %q: %q is no number to compare with", text, strings.TrimSpace(value))
		}
		measured := false
		for _, known := range measures {
			measured = measured || known == m
		}
		if !measured {
			return nil, badInputf("--expect %q: %s is not among --metrics", text, m)
		}
		all = append(all, expectation{m, least})
	}
	return all, nil
}

// check is an error that names every expectation that the scores miss.
func (all expectations) check(s eval.Scores) error {
	var missed []error
	for _, x := range all {
		if got, _ := s.Mean(x.measure); !(got >= x.least) {
			missed = append(missed, fmt.Errorf("expected %s >= %g, got %.6f", x.measure, x.least, got))
		}
	}
	if missed == nil {
		return nil
	}
	return missedError{errors.Join(missed...)}
}
