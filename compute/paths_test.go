package compute

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestPathsAgreeOnGradients compares the gradient of every parameter on every path with the portable one's, as TestPathsAgree
// does the outputs. Finite differences, which hold each path by itself, tell no error below two in a hundred.
//
// The bound, of a gradient's norm: it is the work of some 40 operations, forward and back, whose sums have up to 200 terms (the
// tokens). Rounding errors of a sum in float32 add up at random, to √200·2^-24 of its norm, and so do those of 40 operations on
// two paths: √80·√200·2^-24 = 7.5e-6. Gradients of queries and keys are differences of which a part cancels: twice that.
func TestPathsAgreeOnGradients(t *testing.T) {
	share := 2 * math.Sqrt(2*40) * math.Sqrt(200) / (1 << 24)
	for name, n := range networks {
		t.Run(name, func(t *testing.T) {
			g, b := n.graph(), testBatch(150, 1, 33, 7)
			allowed := share
			if n.act == tensor.ReLU || n.pooling == tensor.Max {
				allowed = 0.1 // close elements may change places
			}
			var want []*Weight
			all := exact()
			slices.Reverse(all)
			for _, a := range all {
				got := testWeights(t, g, true)
				w := testWorkspace(t, testEngine(t, a, 2, 0), g, got, true)
				_, direction := loss(forward(t, w, b))
				if err := w.Backward(context.Background(), direction); err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				for i, weight := range got {
					norm := magnitude(want[i].Gradient)
					if of := strings.TrimSuffix(weight.Name, "bias"); of != weight.Name {
						// Softmax does not see a bias of keys: its gradient is the rounding of terms that sum to 0, and these
						// are of the size of its matrix's.
						if at := slices.IndexFunc(want, func(w *Weight) bool { return w.Name == of }); at >= 0 {
							norm = max(norm, magnitude(want[at].Gradient))
						}
					}
					if d := difference(weight.Gradient, want[i].Gradient); !(d <= allowed*norm) {
						t.Errorf("%s: the gradient of %s is off by %.2g of its norm, %.2g are allowed", a, weight.Name, d/norm, allowed)
					}
				}
			}
		})
	}
}

func magnitude(x []float32) float64 { return difference(x, make([]float32, len(x))) }

// difference is the Euclidean norm of x - y.
func difference(x, y []float32) float64 {
	var sum float64
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
