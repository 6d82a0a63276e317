package compute

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// decoderGraph is a layer of a decoder as Llama has it, with the norms of single heads of Qwen 3.
func (n network) decoderGraph() *tensor.Graph {
	const dim = testHidden / testHeads
	g := &tensor.Graph{}
	norm := func(x tensor.Value, name string, columns int) tensor.Value {
		return g.RMSNorm(x, g.Param("gamma"+name, 1, columns), 1e-6, n.offset)
	}
	linear := func(x tensor.Value, name string, columns int, residual tensor.Value) tensor.Value {
		return g.Linear(x, g.Param(name, columns, g.Values[x].Columns), tensor.None, tensor.Identity, residual)
	}
	x := g.Lookup(g.Param("word", testVocabulary, testHidden), tensor.None, tensor.None)
	angles := g.Rotary([]float32{1, 0.3, 0.09, 0.027})
	kvHeads := cmp.Or(n.kvHeads, testHeads)
	y := norm(x, "0", testHidden)
	q := g.Rotate(norm(linear(y, "q", testHidden, tensor.None), "q", dim), angles, testHeads)
	k := g.Rotate(norm(linear(y, "k", kvHeads*dim, tensor.None), "k", dim), angles, kvHeads)
	v := linear(y, "v", kvHeads*dim, tensor.None)
	a := g.Attend(q, k, v, n.attending())
	x = linear(a, "o", testHidden, x)
	y = norm(x, "1", testHidden)
	y = g.Gate(linear(y, "wide", 40, tensor.None), linear(y, "up", 40, tensor.None), n.act)
	x = linear(y, "down", testHidden, x)
	g.Normalize(g.Pool(norm(x, "2", testHidden), n.pooling, false))
	return g
}

// single runs one operation on what two tables give the tokens.
func single(columns int, build func(g *tensor.Graph, x, y tensor.Value)) *tensor.Graph {
	g := &tensor.Graph{}
	x := g.Lookup(g.Param("x", testVocabulary, columns), tensor.None, tensor.None)
	y := g.Lookup(g.Param("y", testVocabulary, columns), tensor.None, tensor.None)
	build(g, x, y)
	return g
}

// TestRotateAgainstFloat64 holds the rotation to rotate_half's formula: element i joins -x[i + F], element i + F joins x[i].
func TestRotateAgainstFloat64(t *testing.T) {
	const heads, half = 3, 5
	frequencies := []float32{1, 0.5, 0.3, 0.01, 0.0007}
	for _, tc := range []struct {
		name    string
		rest    int // columns of a head behind those that turn
		stretch tensor.Stretch
	}{
		{"whole heads", 0, tensor.Stretch{}},
		{"a part of heads", 3, tensor.Stretch{}},
		{"scaled", 0, tensor.Stretch{Scale: 1.25}},
		{"dynamic", 1, tensor.Stretch{Base: 500, Factor: 3, Positions: 40}},
	} {
		for _, a := range exact() {
			t.Run(fmt.Sprintf("%s/%s", tc.name, a.path), func(t *testing.T) {
				dim := 2*half + tc.rest
				g := single(heads*dim, func(g *tensor.Graph, x, _ tensor.Value) {
					g.Rotate(x, g.StretchedRotary(frequencies, tc.stretch), heads)
				})
				weights, b := testWeights(t, g, false), testBatch(150, 1, 40)
				got := forward(t, testWorkspace(t, testEngine(t, a, 2, 0), g, weights, false), b)
				for s := range b.Sequences() {
					length := int(b.Offsets[s+1] - b.Offsets[s])
					for place := range length {
						token := int(b.Offsets[s]) + place
						x := weights[0].Values[int(b.IDs[token])*heads*dim:]
						for i := range heads * dim {
							want := float64(x[i])
							if in := i % dim; in < 2*half {
								partner, sign := i+half, -1.0
								if in >= half {
									partner, sign = i-half, 1
								}
								angle := float64(float32(place) * stretched(frequencies, tc.stretch, length)[in%half])
								scale := float64(cmp.Or(tc.stretch.Scale, 1))
								want = scale * (want*math.Cos(angle) + sign*float64(x[partner])*math.Sin(angle))
							}
							if v := got[token*heads*dim+i]; math.Abs(float64(v)-want) > 2e-7 {
								t.Fatalf("token %d of sequence %d, element %d: got %v, want %v", place, s, i, v, want)
							}
						}
					}
				}
			})
		}
	}
}

// stretched are the frequencies of a sequence by the formula of dynamic NTK scaling, as transformers writes it with the
// dimension 2·F in place of F.
func stretched(frequencies []float32, s tensor.Stretch, length int) []float32 {
	if s.Positions == 0 || length <= s.Positions {
		return frequencies
	}
	dim := float64(2 * len(frequencies))
	base := s.Base * math.Pow(s.Factor*float64(length)/float64(s.Positions)-(s.Factor-1), dim/(dim-2))
	var out []float32
	for i := range frequencies {
		out = append(out, float32(1/float32(math.Pow(base, float64(float32(float64(2*i)/dim))))))
	}
	return out
}

func TestCosSinAgainstFloat64(t *testing.T) {
	angles := []float32{0, 1e-30, math.Pi / 4, math.Pi / 2, math.Pi, 1 << 20}
	for x := float32(1e-6); x < 1<<20; x *= 1.0003 {
		angles = append(angles, x)
	}
	for _, angle := range angles {
		cos, sin := cosSin(angle)
		// Half a unit of a number below 1, and nothing that float64 would show.
		if math.Abs(float64(cos)-math.Cos(float64(angle))) > 3.0e-8 || math.Abs(float64(sin)-math.Sin(float64(angle))) > 3.0e-8 {
			t.Fatalf("at %v: got %v and %v, want %v and %v", angle, cos, sin, math.Cos(float64(angle)), math.Sin(float64(angle)))
		}
	}
}

// TestRMSNormAgainstFloat64 normalises whole rows and runs of columns, with both forms of the weight.
func TestRMSNormAgainstFloat64(t *testing.T) {
	const columns = 12
	for _, group := range []int{12, 4, 1} {
		for _, offset := range []float32{0, 1} {
			for _, a := range exact() {
				t.Run(fmt.Sprintf("%d of %d/offset=%v/%s", group, columns, offset, a.path), func(t *testing.T) {
					g := single(columns, func(g *tensor.Graph, x, _ tensor.Value) { g.RMSNorm(x, g.Param("gamma", 1, group), 1e-3, offset) })
					weights, b := testWeights(t, g, false), testBatch(5, 33)
					got := forward(t, testWorkspace(t, testEngine(t, a, 2, 0), g, weights, false), b)
					for token, id := range b.IDs {
						x := weights[0].Values[int(id)*columns:]
						for i := range columns {
							var squares float64
							for _, v := range x[i/group*group : i/group*group+group] {
								squares += float64(v) * float64(v)
							}
							want := float64(x[i]) / math.Sqrt(squares/float64(group)+1e-3) * float64(weights[2].Values[i%group]+offset)
							if v := got[token*columns+i]; math.Abs(float64(v)-want) > 3e-6 {
								t.Fatalf("token %d, element %d: got %v, want %v", token, i, v, want)
							}
						}
					}
				})
			}
		}
	}
}

// TestGradientsOfDecoderOperations moves the operands of one operation at a time. Operands that are used twice take the sum of two gradients.
func TestGradientsOfDecoderOperations(t *testing.T) {
	const columns = 12
	angles := []float32{1, 0.2}
	cases := []struct {
		name  string
		build func(g *tensor.Graph, x, y tensor.Value)
	}{
		{"gate silu", func(g *tensor.Graph, x, y tensor.Value) { g.Gate(x, y, tensor.SiLU) }},
		{"gate gelu", func(g *tensor.Graph, x, y tensor.Value) { g.Gate(x, y, tensor.GELU) }},
		{"gate gelu tanh", func(g *tensor.Graph, x, y tensor.Value) { g.Gate(x, y, tensor.GELUTanh) }},
		{"gate of itself", func(g *tensor.Graph, x, y tensor.Value) { g.Add(g.Gate(x, x, tensor.SiLU), y) }},
		{"gate and residuals", func(g *tensor.Graph, x, y tensor.Value) {
			z := g.Gate(x, y, tensor.SiLU)
			g.Add(g.Add(z, x), y)
		}},
		{"rms norm", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.RMSNorm(x, g.Param("gamma", 1, columns), 1e-6, 0), y)
		}},
		{"rms norm of parts", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.RMSNorm(x, g.Param("gamma", 1, 4), 1e-6, 1), y)
		}},
		{"rms norm and residual", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.Add(g.RMSNorm(x, g.Param("gamma", 1, columns), 1e-6, 1), x), y)
		}},
		{"rotate", func(g *tensor.Graph, x, y tensor.Value) { g.Add(g.Rotate(x, g.Rotary(angles), 3), y) }},
		{"rotate a part", func(g *tensor.Graph, x, y tensor.Value) { g.Add(g.Rotate(x, g.Rotary(angles), 2), y) }},
		{"rotate a part and residual", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.Add(g.Rotate(x, g.StretchedRotary(angles, tensor.Stretch{Scale: 1.3}), 2), x), y)
		}},
		{"slices", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.Slice(x, 0, 5), g.Add(g.Slice(y, 3, 8), g.Slice(x, 7, 12)))
		}},
		{"slice and residual", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.Gate(g.Slice(x, 1, 7), g.Slice(y, 1, 7), tensor.SiLU), g.Slice(g.Add(x, y), 2, 8))
		}},
		{"layer norm without beta", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.LayerNorm(x, g.Param("gamma", 1, columns), tensor.None, 1e-5), y)
		}},
		{"rotate and residual", func(g *tensor.Graph, x, y tensor.Value) {
			g.Add(g.Add(g.Rotate(x, g.Rotary(angles), 3), x), y)
		}},
	}
	for _, tc := range cases {
		for _, a := range exact() {
			t.Run(fmt.Sprintf("%s/%s", tc.name, a.path), func(t *testing.T) {
				g, b := single(columns, tc.build), testBatch(1, 40, 7)
				weights := testWeights(t, g, true)
				w := testWorkspace(t, testEngine(t, a, 2, 0), g, weights, true)
				_, direction := loss(forward(t, w, b))
				if err := w.Backward(context.Background(), direction); err != nil {
					t.Fatal(err)
				}
				for _, weight := range weights {
					checkDirection(t, w, b, weight, false)
				}
			})
		}
	}
}
