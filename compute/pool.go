package compute

import (
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// pool makes one vector of the tokens of a sequence, a sequence a task. A sequence with no tokens gives a zero vector.
type pool struct{ common }

func (o *pool) forward() {
	o.phase = phaseForward
	o.w.engine.team.run(o, o.w.batch.Sequences())
}

func (o *pool) backward() {
	o.phase = phaseInput
	o.w.engine.team.run(o, o.w.batch.Sequences())
}

func (o *pool) run(_, sequence int) {
	first, last := int(o.w.batch.Offsets[sequence]), int(o.w.batch.Offsets[sequence+1])
	start := first
	if o.op.Skip == 1 && o.w.batch.Skip != nil {
		first = min(first+int(o.w.batch.Skip[sequence]), last)
	}
	h := o.columns(o.op.Out)
	if o.phase == phaseForward {
		o.gather(o.w.value(o.op.Out)[sequence*h:(sequence+1)*h], start, first, last)
		return
	}
	if !o.adds(0) {
		clear(o.w.gradient(o.op.In[0])[start*h : last*h])
	}
	o.spread(o.w.gradient(o.op.Out)[sequence*h:(sequence+1)*h], start, first, last)
}

// gather pools tokens [first, last) of the sequence that begins at start.
func (o *pool) gather(y []float32, start, first, last int) {
	clear(y)
	if first == last {
		return
	}
	s, h, x := o.w.engine.kernels, len(y), o.w.value(o.op.In[0])
	switch o.op.Pooling {
	case tensor.CLS:
		copy(y, x[first*h:])
	case tensor.LastToken:
		copy(y, x[(last-1)*h:])
	case tensor.Max:
		copy(y, x[first*h:])
		for t := first + 1; t < last; t++ {
			for j, v := range x[t*h : (t+1)*h] {
				y[j] = max(y[j], v)
			}
		}
	default:
		for t := first; t < last; t++ {
			s.AddScaled(y, x[t*h:(t+1)*h], o.share(t-start, first-start, last-start))
		}
	}
}

// share is the weight of the token at a place in a mean over places [first, last) of its sequence. Weights of a weighted
// mean count from the sequence's beginning, also where its prompt is left out, as in sentence-transformers.
func (o *pool) share(place, first, last int) float32 {
	n := float64(last - first)
	if o.op.Pooling == tensor.WeightedMean {
		return float32(2 * float64(place+1) / (n * float64(first+1+last)))
	}
	return float32(1 / n)
}

func (o *pool) spread(dy []float32, start, first, last int) {
	if first == last {
		return
	}
	s, h, dx := o.w.engine.kernels, len(dy), o.w.gradient(o.op.In[0])
	switch o.op.Pooling {
	case tensor.CLS:
		s.Add(dx[first*h:(first+1)*h], dx[first*h:], dy)
	case tensor.LastToken:
		s.Add(dx[(last-1)*h:last*h], dx[(last-1)*h:], dy)
	case tensor.Max:
		o.spreadMax(dx, dy, first, last)
	default:
		for t := first; t < last; t++ {
			s.AddScaled(dx[t*h:(t+1)*h], dy, o.share(t-start, first-start, last-start))
		}
	}
}

// spreadMax gives each column's gradient to the first token that holds its largest value, as torch.max does.
func (o *pool) spreadMax(dx, dy []float32, first, last int) {
	h, x := len(dy), o.w.value(o.op.In[0])
	for j, g := range dy {
		best, at := float32(math.Inf(-1)), first
		for t := first; t < last; t++ {
			if v := x[t*h+j]; v > best {
				best, at = v, t
			}
		}
		dx[at*h+j] += g
	}
}
