package compute

import (
	"github.com/quarry-ml/quarry/compute/kernel"
)

// attention is softmax(factor·q·kᵀ)·v, a task for each sequence and head of k and v. A task takes the heads of q that share
// its keys one after the other, so their gradients are summed in that order. Nothing of one sequence meets another, so
// no padding exists. Rows of scores are taken a block at a time; the gradient computes them again from q and k.
type attention struct {
	common
	heads []headWork // of each worker
}

// scoreRows is the query rows of a block of scores. It is fixed: the gradients of k and v are sums over these blocks.
const scoreRows = 112

func (o *attention) forward() {
	o.phase = phaseForward
	o.w.engine.team.run(o, o.w.batch.Sequences()*o.op.KVHeads)
}

func (o *attention) backward() {
	o.phase = phaseInput
	o.w.engine.team.run(o, o.w.batch.Sequences()*o.op.KVHeads)
}

func (o *attention) run(worker, task int) {
	sequence, shared := task/o.op.KVHeads, task%o.op.KVHeads
	first, last := int(o.w.batch.Offsets[sequence]), int(o.w.batch.Offsets[sequence+1])
	if first == last {
		return
	}
	h := &o.heads[worker]
	*h = headWork{attention: o, s: o.w.engine.kernels, layout: o.w.engine.layout, sequence: sequence, first: first, length: last - first}
	h.group = o.op.Heads / o.op.KVHeads
	h.queries.stride, h.shared.stride = o.columns(o.op.In[0]), o.columns(o.op.In[1])
	h.dim = h.queries.stride / o.op.Heads
	h.shared.at = first*h.shared.stride + shared*h.dim
	h.take(o.w.engine.team, worker, o.phase == phaseInput)
	h.pack(o.phase == phaseInput)
	for h.member = range h.group {
		h.head = shared*h.group + h.member
		h.queries.at = first*h.queries.stride + h.head*h.dim
		if o.phase == phaseForward {
			h.forward()
		} else {
			h.backward()
		}
	}
}

// headWork is the work on one head of k and v of one sequence, and on the heads of q that share it, one at a time.
type headWork struct {
	*attention
	s                            *kernel.Set
	layout                       layout
	sequence, head               int
	group, member                int // heads of q that share k and v; which of them this is
	first, length, dim           int
	queries, shared              headRows // this head's in q and the output; in k and v
	product                      product
	keys, values                 []float32 // right operands kᵀ [dim, length] and v [length, dim]
	keyRows, valueColumns        []float32 // gradient: right operands k [length, dim] and vᵀ [dim, length]
	scores, dropped, pull, right []float32
	scratch                      []float32
}

// headRows is where the rows [length, dim] of a head lie in a buffer: at an offset, stride apart.
type headRows struct{ at, stride int }

// from is the operand of a buffer's rows from a place on.
func (r headRows) from(buffer []float32, place int, transposed bool) operand {
	return operand{values: buffer[r.at+place*r.stride:], stride: r.stride, transposed: transposed}
}

// take cuts the worker's memory into the buffers of a head.
func (h *headWork) take(t *team, worker int, gradient bool) {
	l := h.layout
	across, along := packedSize(l, h.dim, h.length), packedSize(l, h.length, h.dim)
	rows := min(scoreRows, h.length)
	block := rows * h.length
	scratch := max(scratchWords(l, rows, max(h.dim, h.length)), scratchWords(l, h.length, rows))
	right := packedSize(l, rows, h.dim)
	total := 0
	for _, n := range [...]int{across, along, block, block, scratch, along, across, block, right} {
		total += wholeLines(n)
	}
	m := t.memory(worker, total)
	next := func(n int) []float32 {
		part := m[:n:n]
		m = m[wholeLines(n):]
		return part
	}
	h.keys, h.values, h.scores, h.dropped, h.scratch = next(across), next(along), next(block), next(block), next(scratch)
	if gradient {
		h.keyRows, h.valueColumns, h.pull, h.right = next(along), next(across), next(block), next(right)
	}
}

// wholeLines is n words rounded up to whole cache lines of 16: a panel that straddles lines loads at half the speed.
func wholeLines(n int) int { return ceil(n, 16) * 16 }

// pack makes right operands of k and v, for all heads of q that share them.
func (h *headWork) pack(gradient bool) {
	k, v := h.w.value(h.op.In[1]), h.w.value(h.op.In[2])
	h.packAll(h.keys, h.shared.from(k, 0, true), h.dim, h.length)
	if !gradient {
		h.packAll(h.values, h.shared.from(v, 0, false), h.length, h.dim)
		return
	}
	h.packAll(h.keyRows, h.shared.from(k, 0, false), h.length, h.dim)
	h.packAll(h.valueColumns, h.shared.from(v, 0, true), h.dim, h.length)
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
	q, out := h.w.value(h.op.In[0]), h.w.value(h.op.Out)
	for from := 0; from < h.length; from += scoreRows {
		rows := min(scoreRows, h.length-from)
		h.probabilities(q, from, rows)
		p := h.drop(h.scores[:rows*h.length], from, rows)
		h.multiply(out[h.queries.at+from*h.queries.stride:], h.queries.stride, operand{values: p, stride: h.length}, h.values, rows, h.dim, h.length, false)
	}
}

// probabilities fills scores [rows, length] with the softmax of a block of query rows.
func (h *headWork) probabilities(q []float32, from, rows int) {
	h.multiply(h.scores, h.length, h.queries.from(q, from, false), h.keys, rows, h.length, h.dim, false)
	for r := range rows {
		row := h.scores[r*h.length : (r+1)*h.length]
		first, last := h.seen(from + r)
		h.s.Softmax(row[first:last], row[first:last], h.op.Factor)
		clear(row[:first])
		clear(row[last:])
	}
}

// seen is which tokens [first, last) of the sequence the token at a place attends to.
func (h *headWork) seen(place int) (first, last int) {
	if !h.op.Causal {
		return 0, h.length
	}
	if h.op.Window > 0 {
		first = max(0, place+1-h.op.Window)
	}
	return first, place + 1
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
	q, dout := h.w.value(h.op.In[0]), h.w.gradient(h.op.Out)
	for from := 0; from < h.length; from += scoreRows {
		rows := min(scoreRows, h.length-from)
		h.probabilities(q, from, rows)
		p := h.drop(h.scores[:rows*h.length], from, rows)
		if h.wants(2) {
			h.packAll(h.right, h.queries.from(dout, from, false), rows, h.dim)
			h.intoShared(2, operand{values: p, stride: h.length, transposed: true}, rows, from)
		}
		if !h.wants(0) && !h.wants(1) {
			continue
		}
		h.multiply(h.pull, h.length, h.queries.from(dout, from, false), h.valueColumns, rows, h.length, h.dim, false)
		h.pullScores(from, rows)
		pull := h.pull[:rows*h.length]
		if h.wants(0) {
			h.multiply(h.w.gradient(h.op.In[0])[h.queries.at+from*h.queries.stride:], h.queries.stride, operand{values: pull, stride: h.length}, h.keyRows, rows, h.dim, h.length, h.adds(0))
		}
		if h.wants(1) {
			h.packAll(h.right, h.queries.from(q, from, false), rows, h.dim)
			h.intoShared(1, operand{values: pull, stride: h.length, transposed: true}, rows, from)
		}
	}
}

// intoShared adds what a block of query rows, packed in right, gives the gradient of k or v, or sets it where nothing is there yet.
func (h *headWork) intoShared(operandIndex int, a operand, rows, from int) {
	c := h.w.gradient(h.op.In[operandIndex])[h.shared.at:]
	again := from > 0 || h.member > 0 || h.adds(operandIndex)
	h.multiply(c, h.shared.stride, a, h.right, h.length, h.dim, rows, again)
}

// pullScores takes the gradient of a block of (dropped) probabilities to that of the scores, in place.
func (h *headWork) pullScores(from, rows int) {
	for r := range rows {
		first, last := h.seen(from + r)
		row := h.pull[r*h.length : (r+1)*h.length]
		if h.drops() {
			h.s.Dropout(row, row, h.dropOf(from+r))
		}
		h.s.SoftmaxGradient(row[first:last], row[first:last], h.scores[r*h.length+first:r*h.length+last], h.op.Factor)
		clear(row[:first])
		clear(row[last:])
	}
}
