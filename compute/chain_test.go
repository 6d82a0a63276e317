package compute

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestChainsChangeNoBit compares the outputs of chains with those of operations done one after the other.
func TestChainsChangeNoBit(t *testing.T) {
	for _, before := range []bool{false, true} {
		for _, a := range arithmetics() {
			t.Run(fmt.Sprintf("norms before %t/%s", before, a), func(t *testing.T) {
				g := stack(2, before)
				weights := testWeights(t, g, false)
				run := func(chains bool, workers int, b Batch) []float32 {
					p := tensor.NewPlan(g, nil, 700, 9)
					if len(p.Chains) != 3 || !slices.Contains(p.Feeds, true) {
						t.Fatalf("%d chains, feeds %v", len(p.Chains), p.Feeds)
					}
					if !chains {
						p.Chains = nil
					}
					w, err := testEngine(t, a, workers, 0).NewWorkspace(p, weights)
					if err != nil {
						t.Fatal(err)
					}
					return slices.Clone(forward(t, w, b))
				}
				for _, b := range []Batch{testBatch(1), testBatch(40, 3, 120), testBatch(150, 1), testBatch(200, 199, 157, 63, 64)} {
					want := run(false, 1, b)
					for _, workers := range []int{1, 2, 3} {
						if got := run(true, workers, b); !slices.Equal(got, want) {
							t.Errorf("%d tokens, %d workers: chains change bits", len(b.IDs), workers)
						}
					}
				}
			})
		}
	}
}
