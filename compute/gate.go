package compute

// gate is act(gate)·up by rows, both gradients in one pass.
type gate struct{ common }

func (o *gate) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *gate) backward() { o.runRows(o, phaseInput, o.w.rows(o.op.Out)) }

func (o *gate) run(worker, task int) {
	if o.phase == phaseForward {
		o.pass(o.window(worker, task))
		return
	}
	o.pull(o.window(worker, task))
}

func (o *gate) pass(v *window) {
	h, act := o.columns(o.op.Out), activation(o.w.engine.kernels, o.op.Activation)
	y, left, right := v.value(o.op.Out), v.value(o.op.In[0]), v.value(o.op.In[1])
	for r := range v.last - v.first {
		act.Gate(y[r*h:(r+1)*h], left[r*h:(r+1)*h], right[r*h:(r+1)*h])
	}
}

func (o *gate) pull(v *window) {
	s, h := o.w.engine.kernels, o.columns(o.op.Out)
	act := activation(s, o.op.Activation)
	left, right := v.value(o.op.In[0]), v.value(o.op.In[1])
	dy, scratch := v.gradient(o.op.Out), v.memory(2*h)
	for r := range v.last - v.first {
		var into [2][]float32 // where a gradient goes at once: to its place, or to scratch
		for i := range into {
			into[i] = scratch[i*h : (i+1)*h]
			if o.wants(i) && !o.adds(i) {
				into[i] = v.gradient(o.op.In[i])[r*h : (r+1)*h]
			}
		}
		act.GateGradient(into[0], into[1], dy[r*h:(r+1)*h], left[r*h:(r+1)*h], right[r*h:(r+1)*h])
		for i := range into {
			if o.wants(i) && o.adds(i) {
				dx := v.gradient(o.op.In[i])[r*h : (r+1)*h]
				s.Add(dx, dx, into[i])
			}
		}
	}
}
