package finetune

import (
	"fmt"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
)

// TestTheNormDependsOnTheGradientsAlone compares it on any workers, to the bit, with sums of blocks that are added one after the
// other, and sees that all gradients are cleared.
func TestTheNormDependsOnTheGradientsAlone(t *testing.T) {
	sizes := []int{1, normBlock, 3*normBlock + 7, partBlocks * normBlock, 2*partBlocks*normBlock + 1, 5}
	for _, path := range kernel.Available() {
		for _, workers := range []int{1, 2, 7} {
			t.Run(fmt.Sprintf("%s/workers=%d", path, workers), func(t *testing.T) {
				e, err := compute.New(compute.Options{Path: path, Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				defer e.Close()
				source := draw.New(5, "gradients test", 0, 0, "values")
				var parameters []*parameter
				want := 0.25
				out := make([]float32, 1)
				for i, n := range sizes {
					w, err := compute.NewWeight(fmt.Sprint(i), 1, n, make([]float32, n))
					if err != nil {
						t.Fatal(err)
					}
					w.Gradient = make([]float32, n)
					for j := range w.Gradient {
						w.Gradient[j] = float32(source.Float64() - 0.5)
					}
					for from := 0; from < n; from += normBlock {
						block := w.Gradient[from:min(n, from+normBlock)]
						e.Kernels().Dot(out, block, block)
						want += float64(out[0])
					}
					parameters = append(parameters, newParameter(w, false))
				}
				g := newGradients(e, parameters)
				if got := g.norm(0.5); got != math.Sqrt(want) {
					t.Errorf("norm %v, want %v", got, math.Sqrt(want))
				}
				if n := testing.AllocsPerRun(3, func() { g.norm(0); g.clear() }); n > 2 { // Each makes a job of a function
					t.Errorf("%v allocations", n)
				}
				if got := g.norm(0.5); got != 0.5 {
					t.Errorf("norm of cleared gradients %v", got)
				}
			})
		}
	}
}
