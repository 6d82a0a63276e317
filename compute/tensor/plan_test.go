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
						return p.Apart.Gradients[l.value]
					}
					return p.Apart.Values[l.value]
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
				walk(t, NewPlan(g, nil, 10, 3), nil)
			})
		}
	}
}

func walk(t *testing.T, p *Plan, trainable []bool) {
	t.Helper()
	for _, together := range []bool{false, true} {
		w := walker{t: t, p: p, layout: &p.Apart, together: together, arena: make([]string, p.Size)}
		if together {
			w.layout = &p.Together
		}
		w.walk(trainable)
	}
}

// TestTheOutputStaysWhereAChainEndsTheGraph walks a graph whose output is a value of every token.
func TestTheOutputStaysWhereAChainEndsTheGraph(t *testing.T) {
	g := encoder(2)
	g.Ops = g.Ops[:len(g.Ops)-2] // pooling and unit length
	g.Output = g.Ops[len(g.Ops)-1].Out
	walk(t, NewPlan(g, nil, 10, 3), nil)
	trainable := slices.Repeat([]bool{true}, len(g.Params))
	walk(t, NewPlan(g, trainable, 10, 3), trainable)
}

// walker is a walk in one of the layouts.
type walker struct {
	t        *testing.T
	p        *Plan
	layout   *Layout
	together bool
	arena    []string
	own      []string // memory of the window in work
	first    int      // its first row
	op       int      // in work
}

func (w *walker) walk(trainable []bool) {
	g := w.p.Graph
	chains := map[int]Chain{}
	if w.together {
		for _, c := range w.p.Chains {
			chains[c.From] = c
		}
	}
	for i := 0; i < len(g.Ops); {
		c, ok := chains[i]
		if !ok {
			w.forward(i, 0, w.p.Tokens)
			i++
			continue
		}
		for _, rows := range [][2]int{{0, 7}, {7, w.p.Tokens}} {
			w.own, w.first = make([]string, c.Columns*w.p.Tokens), rows[0]
			for i := c.From; i < c.To; i++ {
				w.forward(i, rows[0], rows[1])
			}
		}
		w.own, i = nil, c.To
	}
	w.read("value", w.layout.Values[g.Output], g.Output, 0, w.p.Tokens)
	if !w.p.Training {
		return
	}
	w.write("gradient", w.layout.Gradients[g.Output], g.Output, 0, w.p.Tokens)
	pulls := map[int]Chain{}
	if w.together {
		for _, c := range w.p.Pulls {
			pulls[c.From] = c
		}
	}
	for i := 0; i < len(w.p.Backward); {
		if c, ok := pulls[i]; ok {
			steps := w.p.Backward[c.From:c.To]
			for _, rows := range [][2]int{{0, 7}, {7, w.p.Tokens}} {
				for _, step := range steps {
					w.pull(step.Op, trainable, rows[0], rows[1])
				}
			}
			for _, step := range steps { // what gradients of weights read
				w.read("gradient", w.layout.Gradients[g.Ops[step.Op].Out], g.Ops[step.Op].Out, 0, w.p.Tokens)
				for _, v := range Saves(g.Ops[step.Op], w.p.Needs, trainable) {
					w.read("value", w.layout.Values[v], v, 0, w.p.Tokens)
				}
			}
			i = c.To
			continue
		}
		if step := w.p.Backward[i]; step.Again {
			w.forward(step.Op, 0, w.p.Tokens)
		} else {
			w.pull(step.Op, trainable, 0, w.p.Tokens)
		}
		i++
	}
	w.read("value", w.layout.Values[g.Output], g.Output, 0, w.p.Tokens)
}

func (w *walker) pull(i int, trainable []bool, first, last int) {
	op := w.p.Graph.Ops[i]
	w.op = i
	w.read("gradient", w.layout.Gradients[op.Out], op.Out, first, last)
	for _, v := range Saves(op, w.p.Needs, trainable) {
		w.read("value", w.layout.Values[v], v, first, last)
	}
	for j, v := range op.In {
		if v == None || !w.p.Needs[v] {
			continue
		}
		if w.p.Adds[i][j] {
			w.read("gradient", w.layout.Gradients[v], v, first, last)
		}
		w.write("gradient", w.layout.Gradients[v], v, first, last)
	}
}

func (w *walker) forward(i, first, last int) {
	w.op = i
	op := w.p.Graph.Ops[i]
	for _, v := range op.In {
		if v != None && !w.isFed(v) {
			w.value(w.read, v, first, last)
		}
	}
	if !w.isFed(op.Out) {
		w.value(w.write, op.Out, first, last)
	}
	if op.Saved != None && (w.p.Training || op.Kind != Linear) {
		w.value(w.write, op.Saved, first, last)
	}
}

// isFed says that a value goes from one operation into the next without a place.
func (w *walker) isFed(v Value) bool {
	for _, f := range w.p.Feeds {
		for _, op := range w.p.Graph.Ops[f.From : f.To-1] {
			if w.own != nil && op.Out == v {
				return true
			}
		}
	}
	return false
}

// value does something with the rows of a value, wherever they stand.
func (w *walker) value(do func(kind string, offset int, v Value, first, last int), v Value, first, last int) {
	if w.own != nil && w.p.Own[v] >= 0 {
		arena := w.arena
		w.arena = w.own
		do("own", w.p.Own[v]*w.p.Tokens, v, first-w.first, last-w.first)
		w.arena = arena
		return
	}
	do("value", w.layout.Values[v], v, first, last)
}

func (w *walker) cells(offset int, v Value, first, last int) []string {
	s := w.p.Graph.Values[v]
	if s.Rows == Sequences {
		first, last = 0, w.p.Sequences
	}
	if offset < 0 {
		w.t.Fatalf("operation %d, together %t: value %d has no place", w.op, w.together, v)
	}
	return w.arena[offset+first*s.Columns : offset+last*s.Columns]
}

func (w *walker) write(kind string, offset int, v Value, first, last int) {
	for i := range w.cells(offset, v, first, last) {
		w.cells(offset, v, first, last)[i] = fmt.Sprint(kind, v)
	}
}

func (w *walker) read(kind string, offset int, v Value, first, last int) {
	for _, got := range w.cells(offset, v, first, last) {
		if got != fmt.Sprint(kind, v) {
			w.t.Fatalf("recomputing %t, together %t: operation %d reads %s of %s %d", w.p.recomputes, w.together, w.op, got, kind, v)
		}
	}
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
