package compute

// slice takes columns out of rows. Its gradient goes where they came from; the columns beside take none from it.
type slice struct{ common }

func (o *slice) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *slice) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.w.rows(o.op.Out))
	}
}

func (o *slice) run(_, task int) {
	wide, n := o.columns(o.op.In[0]), o.columns(o.op.Out)
	from, to := span(task, rowsPerTask, o.w.rows(o.op.Out))
	if o.phase == phaseForward {
		x, y := o.w.value(o.op.In[0]), o.w.value(o.op.Out)
		for r := from; r < to; r++ {
			copy(y[r*n:(r+1)*n], x[r*wide+o.op.From:])
		}
		return
	}
	dy, dx := o.w.gradient(o.op.Out), o.w.gradient(o.op.In[0])
	for r := from; r < to; r++ {
		row := dx[r*wide : (r+1)*wide]
		if !o.adds(0) {
			clear(row)
		}
		into := row[o.op.From:][:n]
		o.w.engine.kernels.Add(into, into, dy[r*n:(r+1)*n])
	}
}
