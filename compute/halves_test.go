package compute

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/draw"
)

var halfTypes = []struct {
	name string
	of   half.Type
	bits func(float32) uint16
}{{"bf16", half.BF16, half.F32ToBF16}, {"f16", half.F16, half.F32ToF16}}

// TestPackedHalvesAreThosePackedOfFloats packs operands of 16 bits both ways, and the same numbers as floats.
func TestPackedHalvesAreThosePackedOfFloats(t *testing.T) {
	for _, a := range arithmetics() {
		l := testEngine(t, a, 1, 0).layout
		for _, kind := range halfTypes {
			for _, k := range []int{1, 31, 40, 256, 257, 600} {
				for _, n := range []int{1, 16, 33, 70} {
					for _, transposed := range []bool{true, false} {
						t.Run(fmt.Sprintf("%s/%s/k=%d/n=%d/transposed=%t", a, kind.name, k, n, transposed), func(t *testing.T) {
							source := draw.New(3, "compute test", k, n, "halves")
							s := half.Slice{Type: kind.of, Bits: make([]uint16, k*n)}
							for i := range s.Bits {
								s.Bits[i] = kind.bits(float32(source.Float64() - 0.5))
							}
							values := make([]float32, k*n)
							s.Widen(values, 0)
							b := operand{stride: n, transposed: transposed}
							if transposed {
								b.stride = k
							}
							pack := func(b operand) []float32 {
								dst := slices.Repeat([]float32{7}, packedSize(l, k, n))
								for task := range l.rightTasks(b, k, n) {
									l.packRight(dst, b, k, n, task, make([]float32, wideWords(l)))
								}
								return dst
							}
							got, want := b, b
							got.halves, want.values = s, values
							packed := pack(got)
							for i, w := range pack(want) {
								if g := packed[i]; math.Float32bits(g) != math.Float32bits(w) {
									t.Fatalf("word %d is %#08x, want %#08x", i, math.Float32bits(g), math.Float32bits(w))
								}
							}
						})
					}
				}
			}
		}
	}
}

// halfWeights are a graph's: matrices in 16 bits, some of them denormal, but for the one to be trained; and the same as
// floats.
func halfWeights(t *testing.T, g *tensor.Graph, of half.Type, round func(float32) uint16, trained string) (halves, floats []*Weight) {
	t.Helper()
	floats = testWeights(t, g, false)
	for _, w := range floats {
		h := w
		if w.Rows > 1 && w.Name != trained {
			s := half.Slice{Type: of, Bits: make([]uint16, len(w.Values))}
			for i, v := range w.Values {
				s.Bits[i] = round(v)
				if i%50 == 0 {
					s.Bits[i] = uint16(1 + i%64) // of either type a denormal
				}
			}
			s.Widen(w.Values, 0)
			var err error
			if h, err = NewHalfWeight(w.Name, w.Rows, w.Columns, s); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(h.Float32s(), w.Values) {
				t.Fatalf("%s: other values", w.Name)
			}
		} else {
			h = &Weight{Name: w.Name, Rows: w.Rows, Columns: w.Columns, Values: w.Values}
		}
		if w.Name == trained {
			h.Gradient, w.Gradient = make([]float32, len(w.Values)), make([]float32, len(w.Values))
		}
		halves = append(halves, h)
	}
	return halves, floats
}

// TestHalfWeightsGiveTheBitsOfTheirFloats runs networks forward and backward with matrices of 16 bits and with the same
// numbers as floats, keeping all packed weights, some, or none.
func TestHalfWeightsGiveTheBitsOfTheirFloats(t *testing.T) {
	for _, a := range arithmetics() {
		for name, n := range map[string]network{
			"encoder": {act: tensor.GELU, pooling: tensor.Mean, rate: 0.1},
			"decoder": {act: tensor.SiLU, pooling: tensor.LastToken, causal: true, kvHeads: 1, decoder: true},
			"bias":    {act: tensor.GELU, pooling: tensor.Mean, bias: true, padded: true},
		} {
			for _, kind := range halfTypes {
				t.Run(fmt.Sprintf("%s/%s/%s", a, name, kind.name), func(t *testing.T) {
					g := n.graph()
					// The first projection is trained: the gradient passes through all matrices behind it.
					trained := "q"
					halves, floats := halfWeights(t, g, kind.of, kind.bits, trained)
					b := testBatch(5, 70, 1, 130, 33)
					pass := func(weights []*Weight, packed int64) (out, gradient []float32) {
						e := testEngine(t, a, 2, 0)
						e.packed = packed
						w := testWorkspace(t, e, g, weights, true)
						out = forward(t, w, b)
						_, direction := loss(out)
						if err := w.Backward(t.Context(), direction); err != nil {
							t.Fatal(err)
						}
						if kept := e.kept.Load(); kept > packed || packed == 10_000 && kept == 0 {
							t.Errorf("%d bytes of packed weights are kept, the limit is %d", kept, packed)
						}
						for i, spec := range g.Params {
							if spec.Name == trained {
								gradient = slices.Clone(weights[i].Gradient)
								clear(weights[i].Gradient)
							}
							weights[i].rowPanels, weights[i].colPanel = panels{}, panels{} // they belong to the engine
						}
						return out, gradient
					}
					want, wantGradient := pass(floats, math.MaxInt64)
					if !slices.ContainsFunc(wantGradient, func(v float32) bool { return v != 0 }) {
						t.Fatal("the gradient is zero")
					}
					for _, packed := range []int64{math.MaxInt64, 10_000, 0} {
						got, gotGradient := pass(halves, packed)
						if !slices.Equal(got, want) || !slices.Equal(gotGradient, wantGradient) {
							t.Errorf("with %d bytes for packed weights: other bits", packed)
						}
					}
				})
			}
		}
	}
}

func TestHalfWeightsAreRefusedWhereTheyAreNotRead(t *testing.T) {
	g := network{act: tensor.GELU, pooling: tensor.Mean}.graph()
	for _, tc := range []struct {
		name, of string
		trained  bool
		fails    bool
	}{
		{"a product's matrix", "o", false, false},
		{"a table", "word", false, false},
		{"a bias", "qbias", false, true},
		{"a norm", "gamma0", false, true},
		{"a trained matrix", "o", true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			weights := testWeights(t, g, false)
			for i, w := range weights {
				if w.Name != tc.of {
					continue
				}
				h, err := NewHalfWeight(w.Name, w.Rows, w.Columns, half.Slice{Type: half.BF16, Bits: make([]uint16, len(w.Values))})
				if err != nil {
					t.Fatal(err)
				}
				if weights[i] = h; tc.trained {
					h.Gradient = make([]float32, len(w.Values))
				}
			}
			_, err := testEngine(t, arithmetics()[0], 1, 0).NewWorkspace(tensor.NewPlan(g, nil, 10, 1), weights)
			if (err != nil) != tc.fails {
				t.Error(err)
			}
		})
	}
	if _, err := NewHalfWeight("w", 2, 3, half.Slice{Type: half.BF16, Bits: make([]uint16, 5)}); err == nil {
		t.Error("five values were taken for a shape of [2, 3]")
	}
	w, err := NewHalfWeight("w", 1, 2, half.Slice{Type: half.F16, Bits: make([]uint16, 2)})
	if err != nil {
		t.Fatal(err)
	}
	if w.Replace([]float32{3, 4}); w.isHalf() || w.at(1) != 4 || w.version == 0 {
		t.Errorf("after other values: %+v", w)
	}
}

func TestPackedWeightsHaveALimit(t *testing.T) {
	for _, tc := range []struct {
		name                  string
		memory, machine, want int64
	}{
		{"a quarter of the limit", 1000, 1 << 40, 250},
		{"without one, of the machine's", 0, 1 << 35, 1 << 33},
		{"of which nothing is known", 0, 0, 2 << 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := packedLimit(tc.memory, tc.machine); got != tc.want {
				t.Errorf("%d bytes, want %d", got, tc.want)
			}
		})
	}
	if got := testEngine(t, arithmetics()[0], 1, 0).packed; got <= 0 {
		t.Errorf("an engine without a limit keeps %d bytes of packed weights", got)
	}
}
