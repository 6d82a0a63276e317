package compute

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// unit is a gated feed-forward part: its two first products have a weight each, or share one.
type unit struct {
	name         string
	hidden, wide int
	act          tensor.Activation
	shared       bool // one weight makes gate and up
	upFirst      bool
	bias         bool
}

var units = []unit{
	{name: "a column", hidden: 1, wide: 1, act: tensor.SiLU},
	{name: "less than a panel", hidden: 7, wide: 3, act: tensor.GELU, bias: true},
	{name: "tails", hidden: 19, wide: 101, act: tensor.SiLU, upFirst: true},
	{name: "whole panels", hidden: 32, wide: 96, act: tensor.GELUTanh, bias: true},
	{name: "one weight", hidden: 21, wide: 128, act: tensor.GELU, shared: true, bias: true},
	{name: "one weight, up first", hidden: 8, wide: 64, act: tensor.SiLU, shared: true, upFirst: true},
}

// graph is such parts in a row, as Llama has them.
func (u unit) graph(layers int) *tensor.Graph {
	g := &tensor.Graph{}
	x := g.Lookup(g.Param("word", testVocabulary, u.hidden), tensor.None, tensor.None)
	for layer := range layers {
		linear := func(x tensor.Value, name string, columns int, residual tensor.Value) tensor.Value {
			name = fmt.Sprint(name, layer)
			bias := tensor.Param(tensor.None)
			if u.bias {
				bias = g.Param(name+"bias", 1, columns)
			}
			return g.Linear(x, g.Param(name, columns, g.Values[x].Columns), bias, tensor.Identity, residual)
		}
		y := g.RMSNorm(x, g.Param(fmt.Sprint("gamma", layer), 1, u.hidden), 1e-6, 0)
		var first, second tensor.Value
		if u.shared {
			all := linear(y, "both", 2*u.wide, tensor.None)
			first, second = g.Slice(all, 0, u.wide), g.Slice(all, u.wide, 2*u.wide)
		} else {
			first, second = linear(y, "first", u.wide, tensor.None), linear(y, "second", u.wide, tensor.None)
		}
		if u.upFirst {
			first, second = second, first
		}
		x = linear(g.Gate(first, second, u.act), "down", u.hidden, x)
	}
	return g
}

// TestGatedUnitsInStripsChangeNoBit compares gated units whose products go from one into the other with the same operations
// one by one. That they do go so, shows in the plan: what is between the products has no place where it could be whole.
func TestGatedUnitsInStripsChangeNoBit(t *testing.T) {
	for _, u := range units {
		for _, a := range append(arithmetics(), arithmetic{kernel.Portable, slow}) {
			if a.precision == slow && u.hidden > 20 {
				continue // it would take too long
			}
			t.Run(fmt.Sprintf("%s/%s", u.name, a), func(t *testing.T) {
				engine := func(workers int) *Engine {
					if a.precision != slow {
						return testEngine(t, a, workers, 0)
					}
					e := testEngine(t, arithmetic{a.path, F32}, workers, 0)
					e.layout = slowBF16{bf16Layout{e.kernels}}
					return e
				}
				g := u.graph(2)
				weights := testWeights(t, g, false)
				apart := tensor.NewPlan(g, nil, 700, 1)
				apart.Chains = nil
				one, err := engine(1).NewWorkspace(apart, weights)
				if err != nil {
					t.Fatal(err)
				}
				want := map[int][]float32{}
				lengths := []int{1, 2, 13, 16, 17, 33, 64, 129, 192, 223, 641}
				if testing.Short() {
					lengths = []int{17, 129}
				}
				for _, workers := range []int{1, 2, 3} {
					p := tensor.NewPlan(g, nil, 700, 1)
					if len(p.Chains) != 1 || len(p.Feeds) != 2 {
						t.Fatalf("%d chains, fed %v", len(p.Chains), p.Feeds)
					}
					between := 0
					for _, f := range p.Feeds {
						for _, op := range g.Ops[f.From : f.To-1] {
							between++
							if p.Own[op.Out] >= 0 || p.Together.Values[op.Out] >= 0 {
								t.Errorf("value %d of operation %v has a place", op.Out, op.Kind)
							}
						}
					}
					if each := between / 2; each != 3 && !u.shared || each != 4 && u.shared {
						t.Errorf("%d values between the products", each)
					}
					w, err := engine(workers).NewWorkspace(p, weights)
					if err != nil {
						t.Fatal(err)
					}
					for _, tokens := range lengths {
						if tokens < workers*leastRows && workers > 1 || tokens > 600 && u.hidden > 10 {
							continue // each operation by itself; or the highest windows, which narrow networks have quickly
						}
						b := testBatch(tokens)
						if want[tokens] == nil {
							want[tokens] = slices.Clone(forward(t, one, b))
						}
						got := forward(t, w, b)
						if w.layout != &p.Together {
							t.Errorf("%d tokens, %d workers: operations ran one by one", tokens, workers)
						}
						if !slices.Equal(got, want[tokens]) {
							t.Errorf("%d tokens, %d workers: strips change bits", tokens, workers)
						}
					}
				}
			})
		}
	}
}

// TestWholePanels holds the number of columns that plans take for whole panels to every layout.
func TestWholePanels(t *testing.T) {
	for _, a := range arithmetics() {
		if width := testEngine(t, a, 1, 0).layout.width(); tensor.WholePanels%width != 0 {
			t.Errorf("%s: %d columns are no whole panels of %d", a, tensor.WholePanels, width)
		}
	}
}
