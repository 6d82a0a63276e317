package compute

// slice takes columns out of rows. Its gradient goes where they came from; the columns beside take none from it.
type slice struct{ common }

func (o *slice) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *slice) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.w.rows(o.op.Out))
	}
}

func (o *slice) run(worker, task int) {
	if o.phase == phaseForward {
		o.pass(o.window(worker, task))
		return
	}
	o.pull(o.window(worker, task))
}

func (o *slice) pass(v *window) {
	wide, n := o.columns(o.op.In[0]), o.columns(o.op.Out)
	x, y := v.value(o.op.In[0]), v.value(o.op.Out)
	for r := range v.last - v.first {
		copy(y[r*n:(r+1)*n], x[r*wide+o.op.From:])
	}
}

func (o *slice) pull(v *window) {
	if !o.wants(0) {
		return
	}
	wide, n := o.columns(o.op.In[0]), o.columns(o.op.Out)
	dy, dx := v.gradient(o.op.Out), v.gradient(o.op.In[0])
	for r := range v.last - v.first {
		row := dx[r*wide : (r+1)*wide]
		if !o.adds(0) {
			clear(row)
		}
		into := row[o.op.From:][:n]
		o.w.engine.kernels.Add(into, into, dy[r*n:(r+1)*n])
	}
}
