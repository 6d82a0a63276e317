package compute

import "math"

// layerNorm normalises rows; the gradients of gamma and beta are sums over rows in order, a stripe of columns a task.
type layerNorm struct {
	common
	beta []float32 // of a norm without one, zeros
}

func newLayerNorm(c common) *layerNorm {
	o := &layerNorm{common: c}
	if o.weight(1) == nil {
		o.beta = make([]float32, o.columns(o.op.Out))
	}
	return o
}

func (o *layerNorm) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *layerNorm) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.w.rows(o.op.Out))
	}
	o.gather()
}

func (o *layerNorm) gather() {
	if o.weight(0).Trainable() {
		o.runColumns(o, phaseWeights, o.columns(o.op.Out))
	}
}

func (o *layerNorm) run(worker, task int) {
	switch o.phase {
	case phaseForward:
		o.pass(o.window(worker, task))
	case phaseInput:
		o.pull(o.window(worker, task))
	case phaseWeights:
		o.weigh(worker, task)
	}
}

func (o *layerNorm) pass(v *window) {
	s, h := o.w.engine.kernels, o.columns(o.op.Out)
	x, y, stats, shift := v.value(o.op.In[0]), v.value(o.op.Out), v.value(o.op.Saved), o.beta
	if beta := o.weight(1); beta != nil {
		shift = beta.Values
	}
	for r := range v.last - v.first {
		s.LayerNorm(y[r*h:(r+1)*h], x[r*h:(r+1)*h], o.weight(0).Values, shift, stats[2*r:2*r+2], o.op.Epsilon)
	}
}

func (o *layerNorm) pull(v *window) {
	if !o.wants(0) {
		return
	}
	s, h, gamma := o.w.engine.kernels, o.columns(o.op.Out), o.weight(0)
	x, stats := v.value(o.op.In[0]), v.value(o.op.Saved)
	dy, dx, row := v.gradient(o.op.Out), v.gradient(o.op.In[0]), v.memory(h)
	for r := range v.last - v.first {
		into := dx[r*h : (r+1)*h]
		if o.adds(0) {
			s.LayerNormGradient(row, dy[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[2*r:2*r+2])
			s.Add(into, into, row)
			continue
		}
		s.LayerNormGradient(into, dy[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[2*r:2*r+2])
	}
}

// weigh sums the gradients of a stripe of gamma and beta.
func (o *layerNorm) weigh(worker, task int) {
	h, gamma, beta := o.columns(o.op.Out), o.weight(0), o.weight(1)
	x, stats, dy := o.w.value(o.op.In[0]), o.w.value(o.op.Saved), o.w.gradient(o.op.Out)
	from, to := span(task, columnsPerTask, h)
	shift := o.w.engine.team.memory(worker, to-from) // of no use to a norm without beta
	if beta != nil {
		shift = beta.Gradient[from:to]
	}
	for r := range o.w.rows(o.op.Out) {
		o.w.engine.kernels.LayerNormWeights(gamma.Gradient[from:to], shift, dy[r*h+from:r*h+to], x[r*h+from:r*h+to], stats[2*r:2*r+2])
	}
}

// normalize scales rows to unit length.
type normalize struct{ common }

// shortest is the least length that a row is divided by, as in torch.nn.functional.normalize.
const shortest = 1e-12

func (o *normalize) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *normalize) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.w.rows(o.op.Out))
	}
}

func (o *normalize) run(_, task int) {
	s, h, rows := o.w.engine.kernels, o.columns(o.op.Out), o.w.rows(o.op.Out)
	x, y := o.w.value(o.op.In[0]), o.w.value(o.op.Out)
	for r, to := span(task, rowsPerTask, rows); r < to; r++ {
		in, out := x[r*h:(r+1)*h], y[r*h:(r+1)*h]
		inverse := 1 / max(float32(math.Sqrt(squares(in))), shortest)
		if o.phase == phaseForward {
			s.Scale(out, in, inverse)
			continue
		}
		// d|x|⁻¹x = (dy - y·(y·dy)) / |x|
		dy, dx := o.w.gradient(o.op.Out)[r*h:(r+1)*h], o.w.gradient(o.op.In[0])[r*h:(r+1)*h]
		var along float64
		for i, v := range out {
			along += float64(v) * float64(dy[i])
		}
		if !o.adds(0) {
			clear(dx)
		}
		s.AddScaled(dx, dy, inverse)
		s.AddScaled(dx, out, -inverse*float32(along))
	}
}

func squares(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
