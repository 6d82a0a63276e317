package compute

import (
	"fmt"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestBesideBoundsWhatIsTaken runs batches up to a plan's capacity, keeping every packed weight or none, and measures what
// the engine then holds beside the workspace.
func TestBesideBoundsWhatIsTaken(t *testing.T) {
	networks := map[string]network{
		"encoder": {act: tensor.GELU, pooling: tensor.Mean, rate: 0.1},
		"decoder": {act: tensor.SiLU, pooling: tensor.Mean, causal: true, kvHeads: 1, rate: 0.1, decoder: true},
		"bias":    {act: tensor.GELU, pooling: tensor.Mean, bias: true},
	}
	for _, a := range arithmetics() {
		for name, workers := range map[string]int{"encoder": 3, "decoder": 1, "bias": 2} {
			for i := range 4 {
				training, memory := i%2 == 1, int64(i/2)
				if testing.Short() && training == (memory == 0) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/workers %d/training %t/memory %d", a, name, workers, training, memory), func(t *testing.T) {
					g := networks[name].graph()
					e := testEngine(t, a, workers, memory)
					w := testWorkspace(t, e, g, testWeights(t, g, training), training)
					longest := 0
					for _, lengths := range [][]int{{1}, {3, 64, 1, 37}, {120, 150, 150, 150, 150, 150, 130}} {
						for _, n := range lengths {
							longest = max(longest, n)
						}
						_, direction := loss(forward(t, w, testBatch(lengths...)))
						if training {
							if err := w.Backward(t.Context(), direction); err != nil {
								t.Fatal(err)
							}
						}
						taken := 4 * int64(len(e.shared))
						for _, scratch := range e.team.scratch {
							taken += 4 * int64(len(scratch))
						}
						bound := e.Beside(w.plan, longest)
						if taken > bound {
							t.Errorf("texts of %v take %d bytes, more than %d", lengths, taken, bound)
						}
						if longest == 150 && memory == 1 && bound > 8*taken {
							t.Errorf("a full plan takes %d bytes, far less than %d", taken, bound)
						}
					}
				})
			}
		}
	}
}

func TestRestLeavesThePackedWeightsTheirQuarter(t *testing.T) {
	for _, tc := range []struct {
		name                string
		memory, taken, want int64
	}{
		{"no limit stays none", 0, 50, 0},
		{"nothing is taken", 1000, 0, 750},
		{"something is", 1000, 700, 50},
		{"all is: no less than a byte", 1000, 800, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := testEngine(t, arithmetics()[0], 1, tc.memory).Rest(tc.taken); got != tc.want {
				t.Errorf("%d bytes rest, want %d", got, tc.want)
			}
		})
	}
}
