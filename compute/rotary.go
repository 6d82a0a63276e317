package compute

import (
	"cmp"
	"math"
)

// rotary is the angles of every token of the batch: they depend on its place in its sequence, and on the sequence's length
// where frequencies do.
type rotary struct{ common }

func (o *rotary) forward() { o.runRows(o, phaseForward, o.w.tokens) }

func (o *rotary) backward() {} // nothing that learns comes before

func (o *rotary) run(worker, task int) {
	angles, n := o.w.value(o.op.Out), len(o.op.Frequencies)
	scale := cmp.Or(o.op.Stretch.Scale, 1)
	var frequencies []float32
	sequence := int32(-1)
	for t, to := span(task, rowsPerTask, o.w.tokens); t < to; t++ {
		if owner := o.w.owner[t]; owner != sequence {
			sequence, frequencies = owner, o.frequencies(worker, int(owner))
		}
		row := angles[t*2*n : (t+1)*2*n]
		for i, f := range frequencies {
			cos, sin := cosSin(float32(o.w.place[t]) * f)
			row[i], row[n+i] = cos*scale, sin*scale
		}
	}
}

// frequencies are those of a sequence. They depend on no other sequence, unlike transformers', where the longest of a batch
// decides.
func (o *rotary) frequencies(worker, sequence int) []float32 {
	s := o.op.Stretch
	length := int(o.w.batch.Offsets[sequence+1] - o.w.batch.Offsets[sequence])
	if s.Positions == 0 || length <= s.Positions {
		return o.op.Frequencies
	}
	stretched := o.w.engine.team.memory(worker, len(o.op.Frequencies))
	n := float64(len(stretched))
	base := s.Base * math.Pow(s.Factor*float64(length)/float64(s.Positions)-(s.Factor-1), n/(n-1))
	for i := range stretched {
		stretched[i] = 1 / float32(math.Pow(base, float64(float32(float64(i)/n))))
	}
	return stretched
}

// rotate turns every head of a token by the token's angles; its gradient turns back.
type rotate struct{ common }

func (o *rotate) forward() { o.runRows(o, phaseForward, o.w.tokens) }

func (o *rotate) backward() {
	if o.wants(0) {
		o.runRows(o, phaseInput, o.w.tokens)
	}
}

func (o *rotate) run(worker, task int) {
	if o.phase == phaseForward {
		o.pass(o.window(worker, task))
		return
	}
	o.pull(o.window(worker, task))
}

func (o *rotate) pass(v *window) {
	h := o.columns(o.op.Out)
	x, y := v.value(o.op.In[0]), v.value(o.op.Out)
	for r := range v.last - v.first {
		o.turn(o.w.engine.kernels.Rotate, y[r*h:(r+1)*h], x[r*h:(r+1)*h], v.first+r)
	}
}

func (o *rotate) pull(v *window) {
	if !o.wants(0) {
		return
	}
	h := o.columns(o.op.Out)
	dy, dx, row := v.gradient(o.op.Out), v.gradient(o.op.In[0]), v.memory(h)
	for r := range v.last - v.first {
		into := dx[r*h : (r+1)*h]
		if !o.adds(0) {
			o.turn(o.w.engine.kernels.RotateBack, into, dy[r*h:(r+1)*h], v.first+r)
			continue
		}
		o.turn(o.w.engine.kernels.RotateBack, row, dy[r*h:(r+1)*h], v.first+r)
		o.w.engine.kernels.Add(into, into, row)
	}
}

// turn sets the heads of a row to those of another, turned by a token's angles.
func (o *rotate) turn(how func(dst, x, cos, sin []float32), dst, x []float32, token int) {
	turned, dim := o.columns(o.op.In[1]), len(dst)/o.op.Heads
	angles := o.w.value(o.op.In[1])[token*turned : (token+1)*turned]
	cos, sin := angles[:turned/2], angles[turned/2:]
	for at := 0; at < len(dst); at += dim {
		how(dst[at:at+turned], x[at:at+turned], cos, sin)
		copy(dst[at+turned:at+dim], x[at+turned:at+dim])
	}
}

// The float64 parts of π/2, the first short enough that its products with whole numbers below 2^21 are exact.
const (
	halfPiHigh = 3373259426.0 / (1 << 31)
	halfPiLow  = math.Pi/2 - halfPiHigh
)

// The Taylor series of sin(r)/r and of cos(r) in r²; on |r| ≤ π/4 their ends are below float64's precision.
var (
	sinSeries = [...]float64{1, -1. / 6, 1. / 120, -1. / 5040, 1. / 362880, -1. / 39916800, 1. / 6227020800, -1. / 1307674368000}
	cosSeries = [...]float64{1, -1. / 2, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800, 1. / 479001600, -1. / 87178291200, 1. / 20922789888000}
)

// cosSin is the cosine and sine of an angle, rounded once from float64. The standard library's are fused on some processors,
// so their bits differ.
func cosSin(angle float32) (cos, sin float32) {
	x := float64(angle)
	quarter := math.RoundToEven(x * (2 / math.Pi))
	r := x - float64(quarter*halfPiHigh)
	r -= float64(quarter * halfPiLow)
	z := float64(r * r)
	c, s := float32(series(cosSeries[:], z)), float32(r*series(sinSeries[:], z))
	switch int64(quarter) & 3 {
	case 1:
		return -s, c
	case 2:
		return -c, -s
	case 3:
		return s, -c
	}
	return c, s
}

func series(terms []float64, z float64) float64 {
	p := terms[len(terms)-1]
	for i := len(terms) - 2; i >= 0; i-- {
		p = float64(p*z) + terms[i]
	}
	return p
}
