// Package search finds, for every query, the passages with the highest scores, exactly: set and order are those of the
// canonical dot product (Score) of every pair, so what is found depends on the vectors alone, not on blocks, workers or
// processor. Pairs that a bounded estimate rules out are not scored.
package search

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
)

// Algorithm is raised when the same vectors give another ranking: what is kept by the old number is made again.
const Algorithm = 2

// passBytes bounds what a pass over the passages holds in packed query vectors and kept hits: 64 MiB serve 20,000
// queries of dimension 384 at depth 200 in one pass, so re-reading a large vector file stays rare.
const passBytes = 64 << 20

// pass is the queries of a pass over the passages. It gets a quarter of a limited memory: hits are kept in slices that
// double, and what the last pass left may still lie about.
func (in Input) pass() int {
	bytes := passBytes
	if in.Memory > 0 {
		bytes = int(min(passBytes, in.Memory/4))
	}
	return max(1, bytes/(4*in.Dim+8*min(in.Depth, 1<<20)))
}

// Exact searches all passages for every query and hands each query's candidates to sink, in query order, on the calling
// goroutine: the top hits, and every positive with its score and its rank in the whole corpus. An error names the query
// or passage row at fault; an error of sink ends the search and is returned as it is.
func Exact(ctx context.Context, in Input, sink func(query int, c ranking.Candidates) error) error {
	if err := in.validate(); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	queries := len(in.Queries) / in.Dim
	kernels, err := in.kernels()
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	positives, err := scorePositives(ctx, in, kernels)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	pass := in.pass()
	for first := 0; first < queries; first += pass {
		s := newScan(in, kernels, positives, first, min(first+pass, queries))
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

// kernels resolves the path.
func (in Input) kernels() (*kernel.Set, error) {
	if in.Kernels == nil {
		return kernel.New("")
	}
	return in.Kernels, nil
}

// errNoPassages is not a fault of the vectors: a corpus must hold something.
var errNoPassages = errors.New("there are no passages")
