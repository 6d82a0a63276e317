package tensor

import (
	"fmt"
	"slices"
	"testing"
)

// encoder is a graph of some depth with a residual that stays alive across a layer.
func encoder(layers int) *Graph {
	g := &Graph{}
	x := g.Lookup(g.Param("word", 100, 16), None, None)
	for l := range layers {
		name := func(s string) string { return fmt.Sprintf("%d.%s", l, s) }
		linear := func(in Value, s string, n int, act Activation, residual Value) Value {
			return g.Linear(in, g.Param(name(s), n, g.Values[in].Columns), None, act, residual)
		}
		a := g.Attention(linear(x, "q", 16, Identity, None), linear(x, "k", 16, Identity, None), linear(x, "v", 16, Identity, None), 2, false, 1, 0)
		a = g.LayerNorm(linear(a, "o", 16, Identity, x), g.Param(name("gamma"), 1, 16), g.Param(name("beta"), 1, 16), 1e-5)
		x = linear(linear(a, "up", 40, GELU, None), "down", 16, Identity, a)
	}
	g.Normalize(g.Pool(x, Mean, false))
	return g
}

// TestNoTwoLivingBuffersOverlap checks the layout against the lifetimes it was made from.
func TestNoTwoLivingBuffersOverlap(t *testing.T) {
	for _, layers := range []int{1, 3, 7} {
		for _, how := range []string{"inference", "training", "recomputing"} {
			t.Run(fmt.Sprintf("layers=%d/%s", layers, how), func(t *testing.T) {
				g := encoder(layers)
				var trainable []bool
				if how != "inference" {
					trainable = slices.Repeat([]bool{true}, len(g.Params))
				}
				p := newPlan(g, trainable, 33, 5, how == "recomputing")
				lives := p.lifetimes(trainable)
				offset := func(l life) int {
					if l.gradient {
						return p.Gradients[l.value]
					}
					return p.Values[l.value]
				}
				for i, a := range lives {
					if offset(a) < 0 || offset(a)+p.size(a) > p.Size {
						t.Fatalf("buffer %+v lies outside the arena", a)
					}
					for _, b := range lives[:i] {
						apart := offset(a)+p.size(a) <= offset(b) || offset(b)+p.size(b) <= offset(a)
						if a.meets(b) && !apart {
							t.Fatalf("%+v and %+v live at once and overlap", a, b)
						}
					}
				}
			})
		}
	}
}

// TestContentsAreThereWhenTheyAreRead walks the passes over an arena in which each step writes its name and looks whose
// name stands where it reads.
func TestContentsAreThereWhenTheyAreRead(t *testing.T) {
	for _, layers := range []int{1, 2, 5} {
		for _, frozen := range []string{"nothing", "all but the last layer", "all but the first layer"} {
			t.Run(fmt.Sprintf("layers=%d/frozen=%s", layers, frozen), func(t *testing.T) {
				g := encoder(layers)
				trainable := make([]bool, len(g.Params))
				for i, p := range g.Params {
					first, last := p.Name[0] == '0', p.Name[0] == byte('0'+layers-1)
					trainable[i] = frozen == "nothing" || frozen == "all but the last layer" && last || frozen == "all but the first layer" && first
				}
				for _, recomputes := range []bool{false, true} {
					walk(t, newPlan(g, trainable, 10, 3, recomputes), trainable)
				}
			})
		}
	}
}

func walk(t *testing.T, p *Plan, trainable []bool) {
	t.Helper()
	g := p.Graph
	arena := make([]string, p.Size)
	write := func(kind string, offset int, v Value) {
		for i := range p.size(life{value: v}) {
			arena[offset+i] = fmt.Sprint(kind, v)
		}
	}
	read := func(kind string, offset int, v Value, op int) {
		for i := range p.size(life{value: v}) {
			if got := arena[offset+i]; got != fmt.Sprint(kind, v) {
				t.Fatalf("recomputing %t: operation %d reads %s of %s %d", p.recomputes, op, got, kind, v)
			}
		}
	}
	forward := func(i int) {
		op := g.Ops[i]
		for _, v := range op.In {
			if v != None {
				read("value", p.Values[v], v, i)
			}
		}
		write("value", p.Values[op.Out], op.Out)
		if op.Saved != None {
			write("value", p.Values[op.Saved], op.Saved)
		}
	}
	for i := range g.Ops {
		forward(i)
	}
	read("value", p.Values[g.Output], g.Output, len(g.Ops))
	write("gradient", p.Gradients[g.Output], g.Output)
	for _, step := range p.Backward {
		if step.Again {
			forward(step.Op)
			continue
		}
		op := g.Ops[step.Op]
		read("gradient", p.Gradients[op.Out], op.Out, step.Op)
		for _, v := range Saves(op, p.Needs, trainable) {
			read("value", p.Values[v], v, step.Op)
		}
		for j, v := range op.In {
			if v == None || !p.Needs[v] {
				continue
			}
			if p.Adds[step.Op][j] {
				read("gradient", p.Gradients[v], v, step.Op)
			}
			write("gradient", p.Gradients[v], v)
		}
	}
	read("value", p.Values[g.Output], g.Output, len(g.Ops))
}

// TestRecomputingKeepsOneValueALayer compares what another layer adds to the arena with the value that enters it, and its
// statistics.
func TestRecomputingKeepsOneValueALayer(t *testing.T) {
	size := func(layers int, recomputes bool) int {
		g := encoder(layers)
		return newPlan(g, slices.Repeat([]bool{true}, len(g.Params)), 64, 4, recomputes).Size
	}
	const entering = 64 * 16
	if more := (size(9, true) - size(4, true)) / 5; more != entering {
		t.Errorf("a layer more takes %d, want %d", more, entering)
	}
	if kept, again := size(9, false), size(9, true); 3*again > kept {
		t.Errorf("nine layers take %d, and %d computed again", kept, again)
	}
}

// TestLayersBeginBetweenThem looks at the first operation of each, also where all of them read a value made of places alone.
func TestLayersBeginBetweenThem(t *testing.T) {
	for _, shared := range []bool{false, true} {
		g := &Graph{}
		angles := Value(None)
		if shared {
			angles = g.op(Op{In: [3]Value{None, None, None}, Out: g.value(Tokens, 16), Saved: None, Params: noParams})
		}
		x := values(g, 16)
		var want []int
		for range 3 {
			want = append(want, len(g.Ops))
			linear := func(x Value) Value { return g.Linear(x, g.Param("w", 16, 16), None, Identity, None) }
			q, k := linear(x), linear(x)
			if shared {
				q, k = g.Add(q, angles), g.Add(k, angles)
			}
			x = g.Add(g.Attention(q, k, linear(x), 2, false, 1, 0), x)
			x = g.Add(linear(linear(x)), x)
		}
		trainable := slices.Repeat([]bool{true}, len(g.Params))
		p := NewRecomputingPlan(g, trainable, 10, 2)
		var got []int
		for i, layer := range p.layers() {
			if i > 0 && layer != p.layers()[i-1] {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("shared %t: layers begin at %v, want %v", shared, got, want)
		}
		walk(t, p, trainable)
	}
}

func TestInferenceNeedsLessAsLayersShare(t *testing.T) {
	one, many := NewPlan(encoder(1), nil, 64, 4).Size, NewPlan(encoder(9), nil, 64, 4).Size
	if many > one*5/4 {
		t.Errorf("nine layers take %d, one takes %d: layers do not share their buffers", many, one)
	}
}

// TestFrozenBaseNeedsNoGradientBelowTheFirstTrainedWeight trains the last layer alone.
func TestFrozenBaseNeedsNoGradientBelowTheFirstTrainedWeight(t *testing.T) {
	g := encoder(3)
	trainable := make([]bool, len(g.Params))
	for i, p := range g.Params {
		trainable[i] = p.Name == "2.down"
	}
	p := NewPlan(g, trainable, 10, 2)
	for _, op := range g.Ops {
		isLast := op.Kind == Linear && g.Params[op.Params[0]].Name == "2.down"
		if isLast {
			break
		}
		if p.Needs[op.Out] {
			t.Fatalf("%v needs a gradient, and nothing before it is trained", op)
		}
	}
}

func TestShapesThatDoNotFitPanic(t *testing.T) {
	for _, tc := range []struct {
		name  string
		build func(g *Graph)
	}{
		{"linear", func(g *Graph) {
			g.Linear(g.Lookup(g.Param("w", 4, 8), None, None), g.Param("l", 3, 7), None, Identity, None)
		}},
		{"norm", func(g *Graph) {
			g.LayerNorm(g.Lookup(g.Param("w", 4, 8), None, None), g.Param("g", 1, 7), g.Param("b", 1, 8), 0)
		}},
		{"norm of parts that leave some over", func(g *Graph) { g.RMSNorm(values(g, 8), g.Param("g", 1, 3), 0, 0) }},
		{"gate", func(g *Graph) { g.Gate(values(g, 8), values(g, 7), SiLU) }},
		{"gate of an activation without one", func(g *Graph) { g.Gate(values(g, 8), values(g, 8), ReLU) }},
		{"rotary", func(g *Graph) { g.Rotary(nil) }},
		{"rotate", func(g *Graph) { g.Rotate(values(g, 6), g.Rotary([]float32{1, 0.5}), 2) }},
		{"heads", func(g *Graph) { g.Attention(values(g, 8), values(g, 8), values(g, 8), 3, false, 1, 0) }},
		{"shared heads that leave some over", func(g *Graph) { g.Attention(values(g, 24), values(g, 16), values(g, 16), 3, false, 1, 0) }},
		{"keys of a part of a head", func(g *Graph) { g.Attention(values(g, 8), values(g, 6), values(g, 6), 2, false, 1, 0) }},
		{"keys wider than queries", func(g *Graph) { g.Attention(values(g, 8), values(g, 16), values(g, 16), 2, false, 1, 0) }},
		{"keys and values of one value", func(g *Graph) { x := values(g, 8); g.Attention(values(g, 8), x, x, 2, false, 1, 0) }},
		{"window of less than no token", func(g *Graph) { g.Attend(values(g, 8), values(g, 8), values(g, 8), Attending{Heads: 2, Window: -1}) }},
		{"cap below 0", func(g *Graph) { g.Attend(values(g, 8), values(g, 8), values(g, 8), Attending{Heads: 2, Cap: -1}) }},
		{"bias of other heads", func(g *Graph) {
			g.BiasedAttention(values(g, 8), values(g, 8), values(g, 8), g.Param("b", 4, 3), []int32{0, 1, 2}, Attending{Heads: 2})
		}},
		{"bias of an even number of buckets", func(g *Graph) {
			g.BiasedAttention(values(g, 8), values(g, 8), values(g, 8), g.Param("b", 4, 2), []int32{0, 1}, Attending{Heads: 2})
		}},
		{"bias of a bucket that the table has not", func(g *Graph) {
			g.BiasedAttention(values(g, 8), values(g, 8), values(g, 8), g.Param("b", 4, 2), []int32{4}, Attending{Heads: 2})
		}},
		{"bias of capped scores", func(g *Graph) {
			g.BiasedAttention(values(g, 8), values(g, 8), values(g, 8), g.Param("b", 4, 2), []int32{0}, Attending{Heads: 2, Cap: 1})
		}},
		{"slice beyond the columns", func(g *Graph) { g.Slice(values(g, 8), 4, 9) }},
		{"slice of nothing", func(g *Graph) { g.Slice(values(g, 8), 4, 4) }},
		{"padding beyond the words", func(g *Graph) { g.PaddedLookup(g.Param("w", 4, 8), None, None, 4) }},
		{"padding that leaves no position", func(g *Graph) { g.PaddedLookup(g.Param("w", 9, 8), g.Param("p", 4, 8), None, 3) }},
		{"pool twice", func(g *Graph) { g.Pool(g.Pool(g.Lookup(g.Param("w", 4, 8), None, None), Mean, false), Mean, false) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("want a panic")
				}
			}()
			tc.build(&Graph{})
		})
	}
}

// values is a value of so many columns for each token.
func values(g *Graph, columns int) Value {
	return g.Lookup(g.Param("w", 4, columns), None, None)
}
