package compute

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestChainsChangeNoBit compares the outputs and gradients of chains with those of operations done one after the other.
func TestChainsChangeNoBit(t *testing.T) {
	for _, before := range []bool{false, true} {
		for _, training := range []bool{false, true} {
			for _, a := range arithmetics() {
				t.Run(fmt.Sprintf("norms before %t/training %t/%s", before, training, a), func(t *testing.T) {
					g := stack(2, before)
					run := func(chains bool, workers int, b Batch) (all [][]float32) {
						weights := testWeights(t, g, training)
						var trainable []bool
						if training {
							trainable = slices.Repeat([]bool{true}, len(weights))
						}
						p := tensor.NewPlan(g, trainable, 700, 9)
						if len(p.Chains) != 3 || (len(p.Feeds) > 0) == training || training && len(p.Pulls) != 3 {
							t.Fatalf("%d chains, %d back, feeds %v", len(p.Chains), len(p.Pulls), p.Feeds)
						}
						if !chains {
							p.Chains = nil
						}
						w, err := testEngine(t, a, workers, 0).NewWorkspace(p, weights)
						if err != nil {
							t.Fatal(err)
						}
						all = append(all, slices.Clone(forward(t, w, b)))
						if training {
							_, direction := loss(all[0])
							if err := w.Backward(t.Context(), direction); err != nil {
								t.Fatal(err)
							}
							for _, weight := range weights {
								all = append(all, weight.Gradient)
							}
						}
						if chains {
							checkChainsRan(t, w, workers == 1 || len(b.IDs) >= workers*leastRows, training)
						}
						return all
					}
					batches, teams := []Batch{testBatch(150, 1), testBatch(1), testBatch(40, 3, 120), testBatch(200, 199, 157, 63, 64)}, []int{2, 1, 3}
					if testing.Short() {
						batches, teams = batches[:1], teams[:1]
					}
					for _, b := range batches {
						want := run(false, 1, b)
						for _, workers := range teams {
							for i, got := range run(true, workers, b) {
								if !slices.Equal(got, want[i]) {
									t.Errorf("%d tokens, %d workers: chains change bits of part %d", len(b.IDs), workers, i)
								}
							}
						}
					}
				})
			}
		}
	}
}

// TestAFillingBatchGoesByChainsOnAnyWorkers counts the windows that each of many workers finds.
func TestAFillingBatchGoesByChainsOnAnyWorkers(t *testing.T) {
	for _, workers := range []int{2, 33, 64, 128} {
		e := testEngine(t, arithmetic{kernel.Portable, F32}, workers, 0)
		w, err := e.NewWorkspace(tensor.NewPlan(stack(1, false), nil, e.Filling(), 9), testWeights(t, stack(1, false), false))
		if err != nil {
			t.Fatal(err)
		}
		w.tokens = e.Filling()
		if !w.together() {
			t.Errorf("%d workers: a batch of %d tokens does one operation after the other", workers, w.tokens)
		}
		if windows := ceil(w.tokens, windowRows(e.layout, workers, w.tokens)); windows < windowsPerWorker*workers-windowsPerWorker {
			t.Errorf("%d workers find %d windows", workers, windows)
		}
	}
}

// checkChainsRan looks that the chains of a workspace that is used for the first time did its passes, where they are wanted, and
// none did where they are not.
func checkChainsRan(t *testing.T, w *Workspace, wanted, training bool) {
	t.Helper()
	for _, all := range []struct {
		name   string
		chains []*chain
		wanted bool
	}{{"forward", w.chains, wanted}, {"backward", w.pulls, wanted && training}} {
		for _, c := range all.chains {
			if c == nil {
				continue
			}
			if ran := c.height > 0; ran != all.wanted { // a pass settles the height of its windows
				t.Errorf("%d tokens, %d workers, %s: the chain of operations %d to %d ran: %t, want %t", w.tokens, w.engine.team.size, all.name, c.plan.From, c.plan.To, ran, all.wanted)
			}
		}
	}
}
