package tensor

import (
	"reflect"
	"slices"
	"testing"
)

// TestFeeds says which operations of a chain are done together. Operation 0 is a lookup, 1 the first of the chain.
func TestFeeds(t *testing.T) {
	const hidden, wide = 16, 64
	linear := func(g *Graph, x Value, columns int, act Activation, residual Value) Value {
		return g.Linear(x, g.Param("w", columns, g.columns(x)), None, act, residual)
	}
	up := func(g *Graph, x Value) Value { return linear(g, x, wide, Identity, None) }
	down := func(g *Graph, x, residual Value) { linear(g, x, hidden, Identity, residual) }
	one, two := []Sums{{Op: 1}}, []Sums{{Op: 1}, {Op: 2}}
	for _, tc := range []struct {
		name  string
		build func(g *Graph, x Value)
		want  []Feed
	}{
		{"activation", func(g *Graph, x Value) { down(g, linear(g, x, wide, GELU, None), x) }, []Feed{{1, 3, one}}},
		{"no activation", func(g *Graph, x Value) { down(g, up(g, x), None) }, []Feed{{1, 3, one}}},
		{"one after the other", func(g *Graph, x Value) { down(g, up(g, linear(g, up(g, x), hidden, Identity, x)), x) }, []Feed{{1, 3, one}, {3, 5, []Sums{{Op: 3}}}}},
		{"gate first", func(g *Graph, x Value) { a, b := up(g, x), up(g, x); down(g, g.Gate(a, b, SiLU), x) }, []Feed{{1, 5, two}}},
		{"up first", func(g *Graph, x Value) { a, b := up(g, x), up(g, x); down(g, g.Gate(b, a, GELU), x) }, []Feed{{1, 5, []Sums{{Op: 2}, {Op: 1}}}}},
		{"slices", func(g *Graph, x Value) {
			all := linear(g, x, 2*wide, Identity, None)
			a, b := g.Slice(all, 0, wide), g.Slice(all, wide, 2*wide)
			down(g, g.Gate(b, a, SiLU), x)
		}, []Feed{{1, 6, []Sums{{1, wide}, {1, 0}}}}},
		{"slices in the midst of a panel", func(g *Graph, x Value) {
			all := linear(g, x, wide, Identity, None)
			down(g, g.Gate(g.Slice(all, 0, wide/2), g.Slice(all, wide/2, wide), SiLU), x)
		}, nil},
		{"gate of itself", func(g *Graph, x Value) { a := up(g, x); down(g, g.Gate(a, a, SiLU), x) }, []Feed{{1, 4, []Sums{{Op: 1}, {Op: 1}}}}},
		{"products of different values", func(g *Graph, x Value) {
			a, b := up(g, x), up(g, g.Scale(x, 2))
			down(g, g.Gate(a, b, SiLU), x)
		}, nil},
		{"an adapter on up", func(g *Graph, x Value) {
			a, b := up(g, x), up(g, x)
			b = linear(g, linear(g, x, 4, Identity, None), wide, Identity, b)
			down(g, g.Gate(a, b, SiLU), x)
		}, []Feed{{3, 5, []Sums{{Op: 3}}}}},
		{"an adapter on down", func(g *Graph, x Value) {
			y := g.Gate(up(g, x), up(g, x), SiLU)
			a := linear(g, y, hidden, Identity, x)
			linear(g, linear(g, y, 4, Identity, None), hidden, Identity, a)
		}, []Feed{{5, 7, []Sums{{Op: 5}}}}},
		{"what the gate reads is read once more", func(g *Graph, x Value) {
			a, b := up(g, x), up(g, x)
			linear(g, g.Gate(a, b, SiLU), wide, Identity, a)
		}, nil},
		{"dropout behind the gate", func(g *Graph, x Value) {
			down(g, g.Dropout(g.Gate(up(g, x), up(g, x), SiLU), 0.1), x)
		}, nil},
		{"the output ends it", func(g *Graph, x Value) { g.Gate(up(g, x), up(g, x), SiLU) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := &Graph{}
			tc.build(g, g.Lookup(g.Param("word", 100, hidden), None, None))
			p := NewPlan(g, nil, 8, 2)
			if len(p.Feeds) != len(tc.want) || len(tc.want) > 0 && !reflect.DeepEqual(p.Feeds, tc.want) {
				t.Errorf("got %v, want %v", p.Feeds, tc.want)
			}
			for _, f := range p.Feeds {
				for _, op := range g.Ops[f.From : f.To-1] {
					if p.Own[op.Out] >= 0 || p.Together.Values[op.Out] >= 0 {
						t.Errorf("value %d has a place", op.Out)
					}
				}
			}
			walk(t, p, nil)
			trainable := slices.Repeat([]bool{true}, len(g.Params))
			walk(t, NewPlan(g, trainable, 8, 2), trainable)
		})
	}
}
