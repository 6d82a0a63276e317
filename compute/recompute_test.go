package compute

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// stack is an encoder of some layers, with norms before or after them.
func stack(layers int, before bool) *tensor.Graph {
	const hidden, heads = 16, 2
	g := &tensor.Graph{}
	x := g.Lookup(g.Param("word", testVocabulary, hidden), g.Param("position", testPositions, hidden), tensor.None)
	for l := range layers {
		linear := func(x tensor.Value, name string, n int, act tensor.Activation) tensor.Value {
			name = fmt.Sprint(name, l)
			return g.Linear(x, g.Param(name, n, g.Values[x].Columns), g.Param(name+"bias", 1, n), act, tensor.None)
		}
		norm := func(x tensor.Value, name string) tensor.Value {
			return g.LayerNorm(x, g.Param(fmt.Sprint("gamma", name, l), 1, hidden), g.Param(fmt.Sprint("beta", name, l), 1, hidden), 1e-5)
		}
		block := func(x tensor.Value, name string, do func(x tensor.Value) tensor.Value) tensor.Value {
			if before {
				return g.Add(g.Dropout(do(norm(x, name)), 0.1), x)
			}
			return norm(g.Add(g.Dropout(do(x), 0.1), x), name)
		}
		x = block(x, "attention", func(x tensor.Value) tensor.Value {
			q, k, v := linear(x, "q", hidden, tensor.Identity), linear(x, "k", hidden/heads, tensor.Identity), linear(x, "v", hidden/heads, tensor.Identity)
			return linear(g.Attention(q, k, v, heads, before, 0.4, 0.1), "o", hidden, tensor.Identity)
		})
		x = block(x, "up", func(x tensor.Value) tensor.Value {
			return linear(linear(x, "up", 40, tensor.GELU), "down", hidden, tensor.Identity)
		})
	}
	g.Normalize(g.Pool(x, tensor.Mean, false))
	return g
}

// TestLayersComputedAgainChangeNoBit compares outputs and gradients with those of activations that are kept, for two
// batches in turn.
func TestLayersComputedAgainChangeNoBit(t *testing.T) {
	for _, before := range []bool{false, true} {
		for _, frozen := range []string{"", "word", "q1"} { // the last parameter that is not trained
			for _, a := range arithmetics() {
				t.Run(fmt.Sprintf("norms before %t/frozen to %q/%s", before, frozen, a), func(t *testing.T) {
					g := stack(3, before)
					run := func(plan func(g *tensor.Graph, trainable []bool, tokens, sequences int) *tensor.Plan) (all [][]float32, size int) {
						weights := testWeights(t, g, true)
						trainable := make([]bool, len(weights))
						last := slices.IndexFunc(weights, func(w *Weight) bool { return w.Name == frozen })
						for i, w := range weights {
							if trainable[i] = i > last; !trainable[i] {
								w.Gradient = nil
							}
						}
						p := plan(g, trainable, 200, 5)
						w, err := testEngine(t, a, 2, 0).NewWorkspace(p, weights)
						if err != nil {
							t.Fatal(err)
						}
						for _, b := range []Batch{testBatch(40, 3, 120), testBatch(150, 1)} {
							out := forward(t, w, b)
							_, direction := loss(out)
							if err := w.Backward(context.Background(), direction); err != nil {
								t.Fatal(err)
							}
							all = append(all, out)
						}
						for _, weight := range weights {
							all = append(all, weight.Gradient)
						}
						return all, p.Size
					}
					want, kept := run(tensor.NewPlan)
					got, again := run(tensor.NewRecomputingPlan)
					if again >= kept {
						t.Errorf("computing again takes %d, keeping %d", again, kept)
					}
					for i := range want {
						if !slices.Equal(got[i], want[i]) {
							t.Fatalf("part %d differs", i)
						}
					}
				})
			}
		}
	}
}
