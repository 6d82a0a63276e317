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
	for _, path := range kernel.Available() {
		kernels, err := kernel.New(path)
		if err != nil {
			t.Fatal(err)
		}
		standings, err := scorePositives(context.Background(), in, kernels)
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

// TestAStretchHasGroupsForAllWorkers counts what is packed at once, and holds it within a limit.
func TestAStretchHasGroupsForAllWorkers(t *testing.T) {
	for _, c := range []struct {
		workers int
		memory  int64
		want    int // panels
	}{{1, 0, 1}, {2, 0, 1}, {16, 0, 4}, {64, 0, 16}, {200, 0, 16}, {64, 1, 1}, {64, 8 << 20, 4}} {
		in := Input{Queries: make([]float32, 64), Dim: 64, Depth: 1, Workers: c.workers, Memory: c.memory}
		kernels, err := kernel.New(kernel.Portable)
		if err != nil {
			t.Fatal(err)
		}
		s := newScan(in, kernels, make([]standing, 1), 0, 1)
		if len(s.now) != c.want || len(s.next) != c.want {
			t.Errorf("%d workers in %d bytes: stretches of %d and %d panels, want %d", c.workers, c.memory, len(s.now), len(s.next), c.want)
		}
	}
}

// TestOneTurnScansAndPacks looks at what a turn in the middle of a block has done.
func TestOneTurnScansAndPacks(t *testing.T) {
	const dim = 16
	in := Input{Queries: unitVectors("queries", 8, dim), Dim: dim, Depth: 4, Workers: 2}
	kernels, err := kernel.New(kernel.Portable)
	if err != nil {
		t.Fatal(err)
	}
	s := newScan(in, kernels, make([]standing, 8), 0, 8)
	b := Block{Vectors: unitVectors("passages", 2*panelPassages, dim)}
	s.take(s.next, b, 0)
	if err := s.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.scored[0] != 0 || s.next[0].largest.Length == 0 {
		t.Fatalf("the first turn has scored %d pairs and packed passages of length %g", s.scored[0], s.next[0].largest.Length)
	}
	s.now, s.next = s.next, s.now
	s.take(s.next, b, panelPassages)
	if err := s.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.scored[0] == 0 || s.next[0].largest.Length == 0 {
		t.Errorf("the second turn has scored %d pairs and packed passages of length %g", s.scored[0], s.next[0].largest.Length)
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
