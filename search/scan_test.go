package search

import (
	"context"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
)

// TestEstimatesRuleMostPairsOut counts canonical scores: estimates whose bound rules nothing out find the same, and are of
// no use.
func TestEstimatesRuleMostPairsOut(t *testing.T) {
	const queries, passages, dim, depth = 40, 20_000, 64, 20
	in := Input{
		Queries: unitVectors("queries", queries, dim), Dim: dim, Depth: depth,
		Passages: Rows(unitVectors("passages", passages, dim), dim, 1024), Positives: make([][]int32, queries),
	}
	for q := range in.Positives {
		in.Positives[q] = []int32{int32(q * 400)}
	}
	standings, err := scorePositives(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range kernel.Available() {
		kernels, err := kernel.New(path)
		if err != nil {
			t.Fatal(err)
		}
		s := newScan(in, kernels, standings, 0, queries)
		if err := s.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		scored := 0
		for _, n := range s.scored {
			scored += n
		}
		if scored < queries*depth || scored > queries*passages/10 {
			t.Errorf("%s: %d of %d pairs were scored", path, scored, queries*passages)
		}
	}
}

func unitVectors(key string, rows, dim int) []float32 {
	source := draw.New(43, "search test", 0, 0, key)
	v := make([]float32, rows*dim)
	for row := v; len(row) > 0; row = row[dim:] {
		sum := 0.0
		for i := range row[:dim] {
			row[i] = float32(2*source.Float64() - 1)
			sum += float64(row[i]) * float64(row[i])
		}
		for i := range row[:dim] {
			row[i] = float32(float64(row[i]) / math.Sqrt(sum))
		}
	}
	return v
}
