package compute

// rmsNorm divides rows, or equal parts of them, by their root mean square. Parts lie one after the other, so they are rows
// of a narrower matrix. The gradient of gamma is a sum over them in order, a stripe of columns a task.
type rmsNorm struct{ common }

func (o *rmsNorm) forward() { o.runRows(o, phaseForward, o.parts()) }

func (o *rmsNorm) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.parts())
	}
	if o.weight(0).Trainable() {
		o.runColumns(o, phaseWeights, o.weight(0).Columns)
	}
}

func (o *rmsNorm) parts() int {
	return o.w.rows(o.op.Out) * o.columns(o.op.Out) / o.weight(0).Columns
}

func (o *rmsNorm) run(worker, task int) {
	s, gamma, parts := o.w.engine.kernels, o.weight(0), o.parts()
	h := gamma.Columns
	x, stats := o.w.value(o.op.In[0]), o.w.value(o.op.Saved)
	switch o.phase {
	case phaseForward:
		y := o.w.value(o.op.Out)
		for r, to := span(task, rowsPerTask, parts); r < to; r++ {
			s.RMSNorm(y[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[r:r+1], o.op.Epsilon, o.op.Offset)
		}
	case phaseInput:
		dy, dx := o.w.gradient(o.op.Out), o.w.gradient(o.op.In[0])
		row := o.w.engine.team.memory(worker, h)
		for r, to := span(task, rowsPerTask, parts); r < to; r++ {
			into := dx[r*h : (r+1)*h]
			if o.adds(0) {
				s.RMSNormGradient(row, dy[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[r:r+1], o.op.Offset)
				s.Add(into, into, row)
				continue
			}
			s.RMSNormGradient(into, dy[r*h:(r+1)*h], x[r*h:(r+1)*h], gamma.Values, stats[r:r+1], o.op.Offset)
		}
	case phaseWeights:
		dy := o.w.gradient(o.op.Out)
		from, to := span(task, columnsPerTask, h)
		for r := range parts {
			s.RMSNormWeights(gamma.Gradient[from:to], dy[r*h+from:r*h+to], x[r*h+from:r*h+to], stats[r:r+1])
		}
	}
}
