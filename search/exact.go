// Package search finds, for every query, the passages with the highest scores, exactly: every pair is scored by the
// canonical dot product (Score), so what is found depends on the vectors alone, not on blocks, workers or processor.
package search

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/quarry-ml/quarry/ranking"
)

// scratchBytes bounds what a pass over the passages holds in widened query vectors and kept hits: 64 MiB serve 14,000
// queries of dimension 384 at depth 200 in one pass, so re-reading a large vector file stays rare.
const scratchBytes = 64 << 20

// Exact searches all passages for every query and hands each query's candidates to sink, in query order, on the calling
// goroutine: the top hits, and every positive with its score and its rank in the whole corpus. An error names the query
// or passage row at fault; an error of sink ends the search and is returned as it is.
func Exact(ctx context.Context, in Input, sink func(query int, c ranking.Candidates) error) error {
	if err := in.validate(); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	queries := len(in.Queries) / in.Dim
	positives, err := scorePositives(ctx, in)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	pass := max(1, scratchBytes/(8*padded(in.Dim)+8*min(in.Depth, 1<<20)))
	for first := 0; first < queries; first += pass {
		s := newScan(in, positives, first, min(first+pass, queries))
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("search: %w", err)
		}
		for i := range s.tops {
			if err := sink(first+i, s.candidates(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// All is Exact for results that fit in memory.
func All(ctx context.Context, in Input) ([]ranking.Candidates, error) {
	var all []ranking.Candidates
	err := Exact(ctx, in, func(_ int, c ranking.Candidates) error {
		all = append(all, c)
		return nil
	})
	return all, err
}

// workers resolves the number of goroutines.
func (in Input) workers() int {
	if in.Workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return in.Workers
}

// padded is a dimension rounded up to whole lanes.
func padded(dim int) int { return (dim + lanes - 1) / lanes * lanes }

// errNoPassages is not a fault of the vectors: a corpus must hold something.
var errNoPassages = errors.New("there are no passages")

// widen writes the rows of src [rows, dim] to dst [rows, padded(dim)] in float64; the padding of dst is zero already.
func widen(dst []float64, src []float32, dim int) {
	wide := padded(dim)
	for row := 0; row*dim < len(src); row++ {
		to := dst[row*wide : row*wide+dim]
		for i, x := range src[row*dim : (row+1)*dim] {
			to[i] = float64(x)
		}
	}
}
