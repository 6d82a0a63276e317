package compute

import (
	"errors"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// TestPlacesAreCountedWithoutPadding reads off a table whose rows are their numbers which of them each token takes.
func TestPlacesAreCountedWithoutPadding(t *testing.T) {
	const words, positions, padding = 10, 9, 2
	g := &tensor.Graph{}
	g.PaddedLookup(g.Param("word", words, 1), g.Param("position", positions, 1), tensor.None, padding)
	weights := testWeights(t, g, true)
	clear(weights[0].Values)
	for i := range weights[1].Values {
		weights[1].Values[i] = float32(i)
	}
	w := testWorkspace(t, testEngine(t, arithmetics()[0], 2, 0), g, weights, true)
	b := Batch{IDs: []int32{5, padding, 9, padding, 0, 4}, Offsets: []int32{0, 4, 6}}
	if got, want := forward(t, w, b), []float32{3, 2, 4, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("positions %v, want %v", got, want)
	}
	if err := w.Backward(t.Context(), []float32{1, 1, 1, 1, 1, 1}); err != nil {
		t.Fatal(err)
	}
	if got, want := weights[1].Gradient, []float32{0, 0, 0, 2, 2, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("gradient of the positions %v, want %v", got, want)
	}
	if got := weights[0].Gradient[padding]; got != 0 {
		t.Errorf("gradient of the padding token %v, want none", got)
	}

	longest := positions - padding - 1
	for _, n := range []int{longest, longest + 1} {
		_, err := w.Forward(t.Context(), Batch{IDs: make([]int32, n), Offsets: []int32{0, int32(n)}})
		if fits := n <= longest; fits != (err == nil) || errors.Is(err, ErrTooLarge) {
			t.Errorf("%d tokens: error %v", n, err)
		}
	}
}
