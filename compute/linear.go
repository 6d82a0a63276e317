package compute

import (
	"github.com/quarry-ml/quarry/compute/tensor"
)

// linear is act(x·Wᵀ + bias) + residual. The activation runs on the block that is still in cache.
type linear struct {
	common
	product product
	blocks  blocks
	packing struct {
		operand operand
		dst     []float32
		k, n    int
	}
	right   []float32 // the packed weight of the forward pass
	windows []product // of a chain, one a worker
}

// blocks cuts a product into tasks: runs of rows by runs of panels.
type blocks struct{ rows, panels, across int }

func (o *linear) forward() {
	o.prepare()
	o.bind(&o.product, &window{w: o.w, last: o.w.rows(o.op.Out)})
	o.product.a = operand{values: o.w.value(o.op.In[0]), stride: o.weight(0).Columns}
	o.multiply(phaseForward)
}

func (o *linear) keep() bool {
	w := o.weight(0)
	return o.room(w, true) != nil && (!o.wants(0) || o.room(w, false) != nil)
}

func (o *linear) prepare() { o.right = o.packWeight(o.weight(0), true) }

func (o *linear) prepareBack() {
	if o.wants(0) {
		o.right = o.packWeight(o.weight(0), false)
	}
}

// bind makes the product of a window's rows, up to the sums before the activation; its left operand is left open.
func (o *linear) bind(x *product, v *window) {
	w := o.weight(0)
	*x = product{
		layout: o.w.engine.layout, m: v.last - v.first, n: w.Rows, k: w.Columns,
		b: o.right, c: v.value(o.before()), ldc: w.Rows,
	}
	if bias := o.weight(1); bias != nil {
		x.bias = bias.Values
	}
	if o.op.In[1] != tensor.None {
		x.addend, x.ldAddend = v.value(o.op.In[1]), w.Rows
	}
}

// before is the value that holds the sums before the activation: one of its own when the gradient will want it.
func (o *linear) before() tensor.Value {
	if o.op.Saved != tensor.None && o.w.plan.Apart.Values[o.op.Saved] >= 0 {
		return o.op.Saved
	}
	return o.op.Out
}

func (o *linear) backward() {
	rows := o.w.rows(o.op.Out)
	if o.op.Activation != tensor.Identity || o.wants(1) {
		o.runRows(o, phaseInput, rows)
	}
	o.gather()
	if o.wants(0) {
		o.prepareBack()
		o.bindBack(&o.product, &window{w: o.w, last: rows})
		o.product.a = operand{values: o.w.gradient(o.op.Out), stride: o.weight(0).Rows}
		o.multiply(phaseWeights)
	}
}

// gather sums the gradients of the weight and the bias over the rows.
func (o *linear) gather() {
	e, w, bias := o.w.engine, o.weight(0), o.weight(1)
	if w.Trainable() {
		rows := o.w.rows(o.op.Out)
		right := e.borrow(packedSize(e.layout, rows, w.Columns))
		o.pack(right, operand{values: o.w.value(o.op.In[0]), stride: w.Columns}, rows, w.Columns)
		o.product = product{layout: e.layout, m: w.Rows, n: w.Columns, k: rows, a: operand{values: o.w.gradient(o.op.Out), stride: w.Rows, transposed: true}, b: right, c: w.Gradient, ldc: w.Columns}
		o.product.accumulate(true)
		o.multiply(phaseWeights)
	}
	if bias != nil && bias.Trainable() {
		o.runColumns(o, phaseBias, w.Rows)
	}
}

// bindBack makes the product of a window's gradients of x; its left operand is left open.
func (o *linear) bindBack(x *product, v *window) {
	w := o.weight(0)
	*x = product{
		layout: o.w.engine.layout, m: v.last - v.first, n: w.Columns, k: w.Rows,
		b: o.right, c: v.gradient(o.op.In[0]), ldc: w.Columns,
	}
	x.accumulate(o.adds(0))
}

// packWeight returns the panels of a weight: its rows as columns of the right operand (x·Wᵀ), or as they stand (dy·W).
// Where the memory has no room for lasting ones they hold until something else is packed.
func (o *linear) packWeight(w *Weight, transposed bool) []float32 {
	k, n := w.Rows, w.Columns
	if transposed {
		k, n = n, k
	}
	l, kept := o.w.engine.layout, o.room(w, transposed)
	if kept == nil {
		dst := o.w.engine.borrow(packedSize(l, k, n))
		o.pack(dst, w.operand(transposed), k, n)
		return dst
	}
	if !kept.holds(w, l) {
		kept.version, kept.precision, kept.width = w.version, l.precision(), l.width()
		o.pack(kept.values, w.operand(transposed), k, n)
	}
	return kept.values
}

// room returns the lasting panels of a weight, packed or yet to be, or nil where the memory has no room for them.
func (o *linear) room(w *Weight, transposed bool) *panels {
	k, n, kept := w.Rows, w.Columns, w.panels(transposed)
	if transposed {
		k, n = n, k
	}
	if size := packedSize(o.w.engine.layout, k, n); len(kept.values) != size {
		values := o.w.engine.reserve(w, size)
		if values == nil {
			return nil
		}
		*kept = panels{values: values}
	}
	return kept
}

func (o *linear) pack(dst []float32, b operand, k, n int) {
	o.packing.operand, o.packing.dst, o.packing.k, o.packing.n = b, dst, k, n
	o.phase = phasePack
	o.w.engine.team.run(o, o.w.engine.layout.rightTasks(b, k, n))
}

func (o *linear) multiply(p phase) {
	o.phase = p
	o.blocks = cut(&o.product, o.w.engine.team.size)
	o.w.engine.team.run(o, ceil(o.product.m, o.blocks.rows)*o.blocks.across)
}

// cut gives each task as many rows as fit the cache, and splits columns too where that leaves workers idle.
func cut(x *product, workers int) blocks {
	l := x.layout
	tall := min(max(1, panelBudget/max(1, l.leftWords(x.k))), 16, max(1, ceil(x.m, l.height())))
	b := blocks{rows: tall * l.height(), across: 1}
	panels := ceil(x.n, l.width())
	if down := ceil(x.m, b.rows); down < 4*workers {
		b.across = min(panels, ceil(4*workers, max(1, down)))
	}
	b.panels = ceil(panels, b.across)
	b.across = ceil(panels, b.panels)
	return b
}

func (o *linear) run(worker, task int) {
	switch o.phase {
	case phasePack:
		l := o.w.engine.layout
		l.packRight(o.packing.dst, o.packing.operand, o.packing.k, o.packing.n, task, o.w.engine.team.memory(worker, wideWords(l)))
	case phaseInput:
		o.pullRows(o.window(worker, task))
	case phaseBias:
		o.sumBias(span(task, columnsPerTask, o.weight(0).Rows))
	default:
		o.block(worker, task)
	}
}

// block is one task of a product, with the activation that follows in the forward pass.
func (o *linear) block(worker, task int) {
	x := &o.product
	width := x.layout.width()
	first, last := span(task/o.blocks.across, o.blocks.rows, x.m)
	firstPanel, lastPanel := span(task%o.blocks.across, o.blocks.panels, ceil(x.n, width))
	from, to := firstPanel*width, min(x.n, lastPanel*width)
	x.rows(first, last, firstPanel, lastPanel, o.w.engine.team.memory(worker, x.scratchSize(last-first)))
	if o.phase == phaseForward && o.op.Activation != tensor.Identity {
		y, act := o.w.value(o.op.Out), activation(o.w.engine.kernels, o.op.Activation)
		for r := first; r < last; r++ {
			act.Apply(y[r*x.n+from:r*x.n+to], x.c[r*x.n+from:r*x.n+to])
		}
	}
}

// pullRows takes the gradient of the output through the activation, in place, and hands it to the residual.
func (o *linear) pullRows(v *window) {
	s := o.w.engine.kernels
	dy := v.gradient(o.op.Out)
	if o.op.Activation != tensor.Identity {
		activation(s, o.op.Activation).Gradient(dy, dy, v.value(o.op.Saved))
	}
	if o.wants(1) {
		into := v.gradient(o.op.In[1])
		if o.adds(1) {
			s.Add(into, into, dy)
		} else {
			copy(into, dy)
		}
	}
}

func (o *linear) sumBias(from, to int) {
	n, dy := o.weight(0).Rows, o.w.gradient(o.op.Out)
	o.w.engine.kernels.AddRows(o.weight(1).Gradient[from:to], dy[from:], o.w.rows(o.op.Out), n)
}
