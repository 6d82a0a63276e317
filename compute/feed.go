package compute

import (
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// feed does a tensor.Feed for a window: the products of a transformer's feed-forward part. What is between them is never in
// memory as a matrix: a strip of columns at a time goes through the activation, or the gate, into the packed operand of the
// last product. Sums and what is made of them are those of the operations one by one, to the bit.
type feed struct {
	plan     tensor.Feed
	products []*linear // of the plan's Sums
	last     *linear
	act      *kernel.Activation // of the product or of the gate; nil where there is none
}

// stripColumns is the columns of a strip: whole panels, few enough that two strips stay in a second-level cache.
const stripColumns = tensor.WholePanels

func (w *Workspace) newFeed(plan tensor.Feed) *feed {
	f := &feed{plan: plan, last: w.operations[plan.To-1].(*linear)}
	for _, s := range plan.Sums {
		f.products = append(f.products, w.operations[s.Op].(*linear))
	}
	if act := w.plan.Graph.Ops[plan.To-2].Activation; act != tensor.Identity {
		f.act = activation(w.engine.kernels, act)
	}
	return f
}

// feedWords is the float32s that a feed needs of a window's memory beside what its products do.
func feedWords(l layout, g *tensor.Graph, f tensor.Feed, rows int) int {
	fed := g.Params[g.Ops[f.To-1].Params[0]].Columns
	return ceil(rows, l.height())*l.leftWords(fed) + len(f.Sums)*rows*stripColumns
}

func (f *feed) pass(v *window) {
	l, columns, rows := v.w.engine.layout, f.last.weight(0).Columns, v.last-v.first
	left, memory := f.products[0].packLeft(v)
	part := func(n int) []float32 { p := memory[:n:n]; memory = memory[n:]; return p }
	operand := part(ceil(rows, l.height()) * l.leftWords(columns))
	var strips [2][]float32
	for i := range f.plan.Sums {
		strips[i] = part(rows * stripColumns)
	}
	for from := 0; from < columns; from += stripColumns {
		to := min(from+stripColumns, columns)
		for i, s := range f.plan.Sums {
			strips[i] = strips[i][:rows*(to-from)]
			f.products[i].strip(v, strips[i], left, memory, s.First+from, s.First+to)
		}
		switch sums := strips[0]; {
		case len(f.plan.Sums) == 2:
			f.act.Gate(sums, sums, strips[1])
		case f.act != nil:
			f.act.Apply(sums, sums)
		}
		l.packPart(operand, strips[0], rows, from, to, columns)
	}
	v.packed = tensor.None
	f.last.finish(v, operand, memory)
}

// strip sets sums to columns [from, to) of a window's product, before the activation, of its packed rows. from is a whole width.
func (o *linear) strip(v *window, sums, left, tile []float32, from, to int) {
	l, w, rows := o.w.engine.layout, o.weight(0), v.last-v.first
	x := &o.windows[v.worker]
	*x = product{layout: l, m: rows, n: to - from, k: w.Columns, b: o.right[from/l.width()*l.rightWords(w.Columns):], c: sums, ldc: to - from}
	if bias := o.weight(1); bias != nil {
		x.bias = bias.Values[from:to]
	}
	l.multiply(x, left, tile, 0, rows, 0, ceil(x.n, l.width()))
}
