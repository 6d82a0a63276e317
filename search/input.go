package search

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
)

// Block is a run of passage vectors, row-major: row i is passage First+i.
type Block struct {
	First   int
	Vectors []float32 // [rows, dim]
}

// Input is what a search runs on.
type Input struct {
	Queries   []float32               // [queries, Dim], row-major
	Dim       int                     // length of a vector
	Passages  iter.Seq2[Block, error] // all passages in order, without gaps; ranged over more than once
	Depth     int                     // hits to keep per query; fewer where there are fewer passages
	Order     ranking.Order           // breaks ties; nil is corpus order
	Keys      []string                // the key of each query; nil leaves Candidates.Query empty
	Positives [][]int32               // the positives of each query, distinct; nil where none are known
	Kernels   *kernel.Set             // the path that estimates and scores; nil is the best there is. The result does not depend on it
	Workers   int                     // goroutines; 0 is one per processor. The result does not depend on it
	Memory    int64                   // bytes that the search may take; 0 is what is fast. Little means more passes over the passages, never another result

	// Progress is told, on the calling goroutine, how many passages a pass over them has held against its queries, those from
	// first to last, which is not one of them. May be nil. A pass hands on its queries' candidates at its end.
	Progress func(first, last, passages int)
}

// BlockRows is a good number of passages for a block: so many that what is packed beside the scan is most of it.
const BlockRows = 16 << 10

// Rows cuts vectors held in one slice (a mapped file, say) into blocks of at most the given number of rows.
func Rows(vectors []float32, dim, rows int) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		if dim < 1 || rows < 1 || len(vectors)%dim != 0 {
			yield(Block{}, fmt.Errorf("%d numbers are no rows of dimension %d", len(vectors), dim))
			return
		}
		for first := 0; first*dim < len(vectors); first += rows {
			end := min((first+rows)*dim, len(vectors))
			if !yield(Block{First: first, Vectors: vectors[first*dim : end]}, nil) {
				return
			}
		}
	}
}

// validate checks everything that can be checked before the passages are read.
func (in Input) validate() error {
	switch {
	case in.Dim < 1:
		return fmt.Errorf("dimension %d is not positive", in.Dim)
	case len(in.Queries)%in.Dim != 0:
		return fmt.Errorf("%d numbers are no query vectors of dimension %d", len(in.Queries), in.Dim)
	case in.Depth < 1:
		return fmt.Errorf("depth %d is not positive", in.Depth)
	case in.Passages == nil:
		return errors.New("no passages are given")
	case in.Workers < 0:
		return fmt.Errorf("%d workers", in.Workers)
	case in.Memory < 0:
		return fmt.Errorf("%d bytes of memory", in.Memory)
	}
	queries := len(in.Queries) / in.Dim
	if in.Keys != nil && len(in.Keys) != queries {
		return fmt.Errorf("%d query vectors, but %d query keys", queries, len(in.Keys))
	}
	if in.Positives != nil && len(in.Positives) != queries {
		return fmt.Errorf("%d query vectors, but positives of %d queries", queries, len(in.Positives))
	}
	for q := range queries {
		if err := checkVector(in.query(q)); err != nil {
			return fmt.Errorf("query vector of row %d%s: %w", q, in.keyNote(q), err)
		}
	}
	return nil
}

func (in Input) query(q int) []float32 { return in.Queries[q*in.Dim : (q+1)*in.Dim] }

// keyNote names a query's key in an error, where it has one.
func (in Input) keyNote(q int) string {
	if in.Keys == nil {
		return ""
	}
	return fmt.Sprintf(" (%q)", in.Keys[q])
}

// blocks ranges over the passages and checks that they come in order, whole, and as many as the order knows.
func (in Input) blocks(visit func(Block) error) error {
	next := 0
	for block, err := range in.Passages {
		if err != nil {
			return fmt.Errorf("passage vectors from row %d: %w", next, err)
		}
		if block.First != next || len(block.Vectors)%in.Dim != 0 {
			return fmt.Errorf("passage vectors: a block of %d numbers begins at row %d, want whole rows of dimension %d from row %d", len(block.Vectors), block.First, in.Dim, next)
		}
		next += len(block.Vectors) / in.Dim
		if in.Order != nil && next > len(in.Order) || next > math.MaxInt32 {
			return fmt.Errorf("passage vectors: there are %d rows and more, but %d passages", next, len(in.Order))
		}
		if err := visit(block); err != nil {
			return err
		}
	}
	if in.Order != nil && next != len(in.Order) {
		return fmt.Errorf("passage vectors: there are %d rows, but %d passages", next, len(in.Order))
	}
	return nil
}

// maxNorm is the largest length of a vector: products of two such lengths, so all scores, are far inside float32.
const maxNorm = 1e18

// checkVector refuses what has no score: NaN, infinity, and lengths whose scores would overflow.
func checkVector(v []float32) error {
	square := 0.0
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square <= maxNorm*maxNorm {
		return nil
	}
	for i, x := range v {
		if x != x || math.IsInf(float64(x), 0) {
			return fmt.Errorf("%v at dimension %d", x, i)
		}
	}
	return fmt.Errorf("its length %.3g is beyond %g, scores would overflow; normalise the vectors", math.Sqrt(square), float64(maxNorm))
}
