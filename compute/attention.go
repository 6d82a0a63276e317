package compute

import (
	"github.com/quarry-ml/quarry/compute/kernel"
)

// attention is softmax(factor·q·kᵀ)·v, a task for each sequence and head. Nothing of one sequence meets another, so
// no padding exists. Rows of scores are taken a block at a time; the gradient computes them again from q and k.
type attention struct {
	common
	heads []headWork // of each worker
}

// scoreRows is the query rows of a block of scores. It is fixed: the gradients of k and v are sums over these blocks.
const scoreRows = 112

func (o *attention) forward() {
	o.phase = phaseForward
	o.w.engine.team.run(o, o.w.batch.Sequences()*o.op.Heads)
}

func (o *attention) backward() {
	o.phase = phaseInput
	o.w.engine.team.run(o, o.w.batch.Sequences()*o.op.Heads)
}

func (o *attention) run(worker, task int) {
	sequence, head := task/o.op.Heads, task%o.op.Heads
	first, last := int(o.w.batch.Offsets[sequence]), int(o.w.batch.Offsets[sequence+1])
	if first == last {
		return
	}
	h := &o.heads[worker]
	*h = headWork{attention: o, s: o.w.engine.kernels, layout: o.w.engine.layout, sequence: sequence, head: head, first: first, length: last - first}
	h.stride = o.columns(o.op.Out)
	h.dim = h.stride / o.op.Heads
	h.at = first*h.stride + head*h.dim
	h.take(o.w.engine.team, worker, o.phase == phaseInput)
	if o.phase == phaseForward {
		h.forward()
		return
	}
	h.backward()
}

// headWork is the work on one head of one sequence: rows [length, dim] at offset at, stride apart.
type headWork struct {
	*attention
	s                            *kernel.Set
	layout                       layout
	sequence, head               int
	first, length                int
	stride, dim, at              int
	product                      product
	keys, values                 []float32 // right operands kᵀ [dim, length] and v [length, dim]
	keyRows, valueColumns        []float32 // gradient: right operands k [length, dim] and vᵀ [dim, length]
	scores, dropped, pull, right []float32
	scratch                      []float32
}

// headSizes is the words of a head's buffers.
type headSizes struct{ across, along, block, scratch, right int }

func newHeadSizes(l layout, length, dim int) headSizes {
	rows := min(scoreRows, length)
	return headSizes{
		across: packedSize(l, dim, length), along: packedSize(l, length, dim), block: rows * length,
		scratch: max(scratchWords(l, rows, max(dim, length)), scratchWords(l, length, rows)),
		right:   packedSize(l, rows, dim),
	}
}

// total is the words of all buffers, forward and backward.
func (s headSizes) total() int {
	n := 0
	for _, words := range [...]int{s.across, s.along, s.block, s.block, s.scratch, s.along, s.across, s.block, s.right} {
		n += wholeLines(words)
	}
	return n
}

// take cuts the worker's memory into the buffers of a head.
func (h *headWork) take(t *team, worker int, gradient bool) {
	sizes := newHeadSizes(h.layout, h.length, h.dim)
	across, along, block := sizes.across, sizes.along, sizes.block
	m := t.memory(worker, sizes.total())
	next := func(n int) []float32 {
		part := m[:n:n]
		m = m[wholeLines(n):]
		return part
	}
	h.keys, h.values, h.scores, h.dropped, h.scratch = next(across), next(along), next(block), next(block), next(sizes.scratch)
	if gradient {
		h.keyRows, h.valueColumns, h.pull, h.right = next(along), next(across), next(block), next(sizes.right)
	}
}

// wholeLines is n words rounded up to whole cache lines of 16: a panel that straddles lines loads at half the speed.
func wholeLines(n int) int { return ceil(n, 16) * 16 }

// rowsOf is the operand of this head's rows [from, …) in a [tokens, stride] buffer.
func (h *headWork) rowsOf(buffer []float32, from int, transposed bool) operand {
	return operand{values: buffer[h.at+from*h.stride:], stride: h.stride, transposed: transposed}
}

func (h *headWork) packAll(dst []float32, b operand, k, n int) {
	for task := range h.layout.rightTasks(b, k, n) {
		h.layout.packRight(dst, b, k, n, task)
	}
}

func (h *headWork) multiply(c []float32, ldc int, a operand, b []float32, m, n, k int, accumulate bool) {
	h.product = product{layout: h.layout, m: m, n: n, k: k, a: a, b: b, c: c, ldc: ldc}
	h.product.accumulate(accumulate)
	h.product.rows(0, m, 0, ceil(n, h.layout.width()), h.scratch)
}

func (h *headWork) forward() {
	q, k, v := h.w.value(h.op.In[0]), h.w.value(h.op.In[1]), h.w.value(h.op.In[2])
	out := h.w.value(h.op.Out)
	h.packAll(h.keys, h.rowsOf(k, 0, true), h.dim, h.length)
	h.packAll(h.values, h.rowsOf(v, 0, false), h.length, h.dim)
	for from := 0; from < h.length; from += scoreRows {
		rows := min(scoreRows, h.length-from)
		h.probabilities(q, from, rows)
		p := h.drop(h.scores[:rows*h.length], from, rows)
		h.multiply(out[h.at+from*h.stride:], h.stride, operand{values: p, stride: h.length}, h.values, rows, h.dim, h.length, false)
	}
}

// probabilities fills scores [rows, length] with the softmax of a block of query rows.
func (h *headWork) probabilities(q []float32, from, rows int) {
	h.multiply(h.scores, h.length, h.rowsOf(q, from, false), h.keys, rows, h.length, h.dim, false)
	for r := range rows {
		row := h.scores[r*h.length : (r+1)*h.length]
		seen := h.seen(from + r)
		h.s.Softmax(row[:seen], row[:seen], h.op.Factor)
		clear(row[seen:])
	}
}

// seen is how many tokens of the sequence the token at a place attends to.
func (h *headWork) seen(place int) int {
	if h.op.Causal {
		return place + 1
	}
	return h.length
}

// drop returns the block after dropout, in a buffer of its own so that the probabilities stay.
func (h *headWork) drop(p []float32, from, rows int) []float32 {
	if !h.drops() {
		return p
	}
	for r := range rows {
		h.s.Dropout(h.dropped[r*h.length:(r+1)*h.length], p[r*h.length:(r+1)*h.length], h.dropOf(from+r))
	}
	return h.dropped[:rows*h.length]
}

func (h *headWork) drops() bool { return h.op.Rate > 0 && h.w.batch.DropoutKeys != nil }

func (h *headWork) dropOf(place int) kernel.Drop {
	return dropOf(h.w.batch.DropoutKeys[h.sequence], h.op, h.head+1, place)
}

func (h *headWork) backward() {
	q, k, v := h.w.value(h.op.In[0]), h.w.value(h.op.In[1]), h.w.value(h.op.In[2])
	dout := h.w.gradient(h.op.Out)
	h.packAll(h.keys, h.rowsOf(k, 0, true), h.dim, h.length)
	h.packAll(h.keyRows, h.rowsOf(k, 0, false), h.length, h.dim)
	h.packAll(h.valueColumns, h.rowsOf(v, 0, true), h.dim, h.length)
	for from := 0; from < h.length; from += scoreRows {
		rows := min(scoreRows, h.length-from)
		h.probabilities(q, from, rows)
		p := h.drop(h.scores[:rows*h.length], from, rows)
		if h.wants(2) {
			h.packAll(h.right, h.rowsOf(dout, from, false), rows, h.dim)
			h.into(2, 0, operand{values: p, stride: h.length, transposed: true}, h.right, h.length, rows, from > 0)
		}
		if !h.wants(0) && !h.wants(1) {
			continue
		}
		h.multiply(h.pull, h.length, h.rowsOf(dout, from, false), h.valueColumns, rows, h.length, h.dim, false)
		h.pullScores(from, rows)
		pull := h.pull[:rows*h.length]
		if h.wants(0) {
			h.into(0, from, operand{values: pull, stride: h.length}, h.keyRows, rows, h.length, false)
		}
		if h.wants(1) {
			h.packAll(h.right, h.rowsOf(q, from, false), rows, h.dim)
			h.into(1, 0, operand{values: pull, stride: h.length, transposed: true}, h.right, h.length, rows, from > 0)
		}
	}
}

// into adds a·b to the gradient of an operand's rows from the given place on, or sets it where nothing is there yet.
func (h *headWork) into(operandIndex, from int, a operand, b []float32, m, k int, again bool) {
	c := h.w.gradient(h.op.In[operandIndex])[h.at+from*h.stride:]
	h.multiply(c, h.stride, a, b, m, h.dim, k, again || h.adds(operandIndex))
}

// pullScores takes the gradient of a block of (dropped) probabilities to that of the scores, in place.
func (h *headWork) pullScores(from, rows int) {
	for r := range rows {
		seen := h.seen(from + r)
		row := h.pull[r*h.length : (r+1)*h.length]
		if h.drops() {
			h.s.Dropout(row, row, h.dropOf(from+r))
		}
		h.s.SoftmaxGradient(row[:seen], row[:seen], h.scores[r*h.length:r*h.length+seen], h.op.Factor)
		clear(row[seen:])
	}
}
