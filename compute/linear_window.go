package compute

import "github.com/quarry-ml/quarry/compute/tensor"

// pass does a window's product.
func (o *linear) pass(v *window) {
	left, tile := o.packLeft(v)
	o.finish(v, left, tile)
}

// packLeft returns a window's rows of x, packed at the beginning of its scratch, and the rest of that. Products in a row that
// have one operand, as those of queries, keys and values, pack it once.
func (o *linear) packLeft(v *window) (left, rest []float32) {
	l, k, rows := o.w.engine.layout, o.weight(0).Columns, v.last-v.first
	words := ceil(rows, l.height()) * l.leftWords(k)
	left, rest = v.scratch[:words:words], v.scratch[words:]
	if x := o.op.In[0]; v.packed != x {
		l.packLeft(left, operand{values: v.value(x), stride: k}, 0, rows, k)
		v.packed = x
	}
	return left, rest
}

// finish does a window's product from its packed rows, and the activation.
func (o *linear) finish(v *window, left, tile []float32) {
	x := &o.windows[v.worker]
	o.bind(x, v)
	x.layout.multiply(x, left, tile, 0, x.m, 0, ceil(x.n, x.layout.width()))
	if o.op.Activation != tensor.Identity {
		activation(o.w.engine.kernels, o.op.Activation).Apply(v.value(o.op.Out), x.c)
	}
}

// pull does what pullRows does, and the gradient of x.
func (o *linear) pull(v *window) {
	o.pullRows(v)
	if !o.wants(0) {
		return
	}
	l, w, rows := o.w.engine.layout, o.weight(0), v.last-v.first
	words := ceil(rows, l.height()) * l.leftWords(w.Rows)
	left, tile := v.scratch[:words], v.scratch[words:]
	l.packLeft(left, operand{values: v.gradient(o.op.Out), stride: w.Rows}, 0, rows, w.Rows)
	x := &o.windows[v.worker]
	o.bindBack(x, v)
	l.multiply(x, left, tile, 0, rows, 0, ceil(x.n, l.width()))
}
