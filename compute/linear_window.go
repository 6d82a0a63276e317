package compute

import "github.com/quarry-ml/quarry/compute/tensor"

// pass does a window's product, and the next one's where the plan says that it feeds it: the two of a transformer's
// feed-forward part.
func (o *linear) pass(v *window) {
	l, w, rows := o.w.engine.layout, o.weight(0), v.last-v.first
	memory := v.scratch
	part := func(n int) []float32 { p := memory[:n:n]; memory = memory[n:]; return p }
	left := part(ceil(rows, l.height()) * l.leftWords(w.Columns))
	// Products in a row that have one operand, as those of queries, keys and values, pack it once.
	if x := o.op.In[0]; v.packed != x {
		l.packLeft(left, operand{values: v.value(x), stride: w.Columns}, 0, rows, w.Columns)
		v.packed = x
	}
	if !o.w.plan.Feeds[o.index] {
		o.finish(v, left, memory)
		return
	}
	next := o.w.operations[o.index+1].(*linear)
	between, strip := part(ceil(rows, l.height())*l.leftWords(w.Rows)), part(rows*l.width())
	o.feed(v, left, between, strip, memory)
	v.packed = tensor.None
	next.finish(v, between, memory)
}

// feed does a product whose result is never in memory as a matrix: a strip of columns at a time goes through the activation
// into the packed operand of the next product.
func (o *linear) feed(v *window, left, between, strip, tile []float32) {
	l, w, bias, rows := o.w.engine.layout, o.weight(0), o.weight(1), v.last-v.first
	x := &o.windows[v.worker]
	for p := range ceil(w.Rows, l.width()) {
		from, to := span(p, l.width(), w.Rows)
		sums := strip[:rows*(to-from)]
		*x = product{layout: l, m: rows, n: to - from, k: w.Columns, b: o.right[p*l.rightWords(w.Columns):], c: sums, ldc: to - from}
		if bias != nil {
			x.bias = bias.Values[from:to]
		}
		l.multiply(x, left, tile, 0, rows, 0, 1)
		if o.op.Activation != tensor.Identity {
			activation(o.w.engine.kernels, o.op.Activation).Apply(sums, sums)
		}
		l.packPart(between, sums, rows, from, to, w.Rows)
	}
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
