package compute

import (
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/draw"
)

// elementwise is Scale, Add, Dropout and Activate, by rows.
type elementwise struct{ common }

func (o *elementwise) forward() { o.runRows(o, phaseForward, o.w.rows(o.op.Out)) }

func (o *elementwise) backward() { o.runRows(o, phaseInput, o.w.rows(o.op.Out)) }

func (o *elementwise) run(worker, task int) {
	if o.phase == phaseForward {
		o.pass(o.window(worker, task))
		return
	}
	o.pull(o.window(worker, task))
}

func (o *elementwise) pass(v *window) {
	s, h := o.w.engine.kernels, o.columns(o.op.Out)
	y, x, other := v.value(o.op.Out), v.value(o.op.In[0]), []float32(nil)
	if o.op.Kind == tensor.Add {
		other = v.value(o.op.In[1])
	}
	for from := 0; from < len(y); from += h {
		to := from + h
		switch o.op.Kind {
		case tensor.Scale:
			s.Scale(y[from:to], x[from:to], o.op.Factor)
		case tensor.Add:
			s.Add(y[from:to], x[from:to], other[from:to])
		case tensor.Dropout:
			o.drop(y[from:to], x[from:to], v.first+from/h)
		case tensor.Activate:
			activation(s, o.op.Activation).Apply(y[from:to], x[from:to])
		}
	}
}

func (o *elementwise) pull(v *window) {
	h := o.columns(o.op.Out)
	row := v.memory(h)
	for i := range 2 {
		if !o.wants(i) {
			continue
		}
		dx := v.gradient(o.op.In[i])
		for r := range v.last - v.first {
			into := dx[r*h : (r+1)*h]
			if !o.adds(i) {
				o.pullRow(into, v, r)
				continue
			}
			o.pullRow(row, v, r)
			o.w.engine.kernels.Add(into, into, row)
		}
	}
}

// pullRow sets dx to the gradient of one row of a window.
func (o *elementwise) pullRow(dx []float32, v *window, r int) {
	h := len(dx)
	dy := v.gradient(o.op.Out)[r*h : (r+1)*h]
	switch o.op.Kind {
	case tensor.Scale:
		o.w.engine.kernels.Scale(dx, dy, o.op.Factor)
	case tensor.Add:
		copy(dx, dy)
	case tensor.Dropout:
		o.drop(dx, dy, v.first+r)
	case tensor.Activate:
		activation(o.w.engine.kernels, o.op.Activation).Gradient(dx, dy, v.value(o.op.In[0])[r*h:(r+1)*h])
	}
}

func (o *elementwise) drop(y, x []float32, r int) {
	if o.w.batch.DropoutKeys == nil {
		copy(y, x)
		return
	}
	sequence, place := int32(r), int32(0)
	if o.w.plan.Graph.Values[o.op.Out].Rows == tensor.Tokens {
		sequence, place = o.w.owner[r], o.w.place[r]
	}
	o.w.engine.kernels.Dropout(y, x, dropOf(o.w.batch.DropoutKeys[sequence], o.op, 0, int(place)))
}

// dropOf is the dropout of one row: keyed by the sequence, the site, and the row within the site (head and token).
func dropOf(sequence uint64, op *tensor.Op, head, token int) kernel.Drop {
	key := draw.Mix(sequence ^ draw.Mix(uint64(op.Site)<<48^uint64(head)<<32^uint64(token)))
	return kernel.Drop{Key: key, Threshold: uint32(math.Round(float64(op.Rate) * (1 << 24))), Scale: 1 / (1 - op.Rate)}
}
