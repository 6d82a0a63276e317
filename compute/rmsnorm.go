package compute

// rmsNorm divides rows, or equal parts of them, by their root mean square. Parts lie one after the other, so they are rows
// of a narrower matrix. The gradient of gamma is a sum over them in order, a stripe of columns a task.
type rmsNorm struct{ common }

func (o *rmsNorm) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *rmsNorm) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.w.rows(o.op.Out))
	}
	o.gather()
}

func (o *rmsNorm) gather() {
	if o.weight(0).Trainable() {
		o.runColumns(o, phaseWeights, o.weight(0).Columns)
	}
}

func (o *rmsNorm) run(worker, task int) {
	switch o.phase {
	case phaseForward:
		o.pass(o.window(worker, task))
	case phaseInput:
		o.pull(o.window(worker, task))
	case phaseWeights:
		o.weigh(task)
	}
}

func (o *rmsNorm) pass(v *window) {
	s, gamma := o.w.engine.kernels, o.weight(0)
	h := gamma.Columns
	x, y, stats := v.value(o.op.In[0]), v.value(o.op.Out), v.value(o.op.Saved)
	for r := range stats {
		s.RMSNorm(y[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[r:r+1], o.op.Epsilon, o.op.Offset)
	}
}

func (o *rmsNorm) pull(v *window) {
	if !o.wants(0) {
		return
	}
	s, gamma := o.w.engine.kernels, o.weight(0)
	h := gamma.Columns
	x, stats := v.value(o.op.In[0]), v.value(o.op.Saved)
	dy, dx, row := v.gradient(o.op.Out), v.gradient(o.op.In[0]), v.memory(h)
	for r := range stats {
		into := dx[r*h : (r+1)*h]
		if o.adds(0) {
			s.RMSNormGradient(row, dy[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[r:r+1], o.op.Offset)
			s.Add(into, into, row)
			continue
		}
		s.RMSNormGradient(into, dy[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[r:r+1], o.op.Offset)
	}
}

// weigh sums the gradient of a stripe of gamma.
func (o *rmsNorm) weigh(task int) {
	gamma := o.weight(0)
	h := gamma.Columns
	x, stats, dy := o.w.value(o.op.In[0]), o.w.value(o.op.Saved), o.w.gradient(o.op.Out)
	from, to := span(task, columnsPerTask, h)
	for r := range stats {
		o.w.engine.kernels.RMSNormWeights(gamma.Gradient[from:to], dy[r*h+from:r*h+to], x[r*h+from:r*h+to], stats[r:r+1])
	}
}
