package compute

import (
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// headWork is the work on one head of k and v of one sequence, and on the heads of q that share it, one at a time. Scores
// come in blocks of some query rows by some keys. A sequence whose keys are one block has its softmax at once. Of a longer
// one each block gives exp(score - largest so far) to the output, what earlier blocks gave is scaled down as the largest
// grows, and the sum divides the output at the end (Milakov and Gimelshein, 2018; Dao et al., 2022). The gradient takes
// probabilities again from the largest and the sum of each row, which the forward pass leaves.
type headWork struct {
	*attention
	s                            *kernel.Set
	layout                       layout
	sequence, kv, head           int
	group, member                int // heads of q that share k and v; which of them this is
	first, length, dim           int
	queries, shared              headRows // this head's in q and the output; in k and v
	at, width, pitch             int      // the block of keys; floats from row to row of its scores
	product                      product
	keys, values                 []float32 // right operands kᵀ [dim, width] and v [width, dim]
	keyRows, valueColumns        []float32 // gradient: right operands k [width, dim] and vᵀ [dim, width]
	scores, dropped, pull, right []float32
	uncapped                     []float32 // gradient: scores over the cap, before the tanh
	bias, diagonals              []float32 // by distance of a key of the block from its query, and its gradient's sums
	scratch                      []float32
	again                        [2]float32 // a row's largest and sum in the gradient
}

// headRows is where the rows [length, dim] of a head lie in a buffer: at an offset, stride apart.
type headRows struct{ at, stride int }

// from is the operand of a buffer's rows from a place on.
func (r headRows) from(buffer []float32, place int, transposed bool) operand {
	return operand{values: buffer[r.at+place*r.stride:], stride: r.stride, transposed: transposed}
}

// start makes the worker ready for the heads of a sequence.
func (h *headWork) start(o *attention, worker, sequence int) {
	h.attention, h.s, h.layout = o, o.w.engine.kernels, o.w.engine.layout
	h.sequence, h.first, h.length = sequence, int(o.w.batch.Offsets[sequence]), o.length(sequence)
	h.group = o.op.Heads / o.op.KVHeads
	h.queries.stride, h.shared.stride = o.columns(o.op.In[0]), o.columns(o.op.In[1])
	h.dim = h.queries.stride / o.op.Heads
	h.take(o.w.engine.team, worker)
}

// headSizes is the words of a head's buffers.
type headSizes struct{ across, along, block, uncapped, scratch, right, bias int }

// newHeadSizes is the buffers of a sequence of so many tokens: beyond a block of keys only those of a bias grow.
func newHeadSizes(l layout, op *tensor.Op, length, dim int) headSizes {
	rows, width := min(scoreRows, length), min(keyBlock, length)
	s := headSizes{
		across: packedSize(l, dim, width), along: packedSize(l, width, dim), block: rows * wholeLines(width),
		scratch: max(scratchWords(l, rows, max(dim, width)), scratchWords(l, width, rows)),
		right:   packedSize(l, rows, dim),
	}
	if op.Cap > 0 {
		s.uncapped = s.block
	}
	if op.Buckets != nil {
		s.bias = length + width
	}
	return s
}

// total is the words of all buffers, forward and backward.
func (s headSizes) total() int {
	return 2*wholeLines(s.across) + 2*wholeLines(s.along) + 3*wholeLines(s.block) + wholeLines(s.uncapped) +
		wholeLines(s.scratch) + wholeLines(s.right) + 2*wholeLines(s.bias)
}

// take cuts the worker's memory into the buffers of a head.
func (h *headWork) take(t *team, worker int) {
	sizes := newHeadSizes(h.layout, h.op, h.length, h.dim)
	across, along, block := sizes.across, sizes.along, sizes.block
	m := t.memory(worker, sizes.total())
	next := func(n int) []float32 {
		part := m[:n:n]
		m = m[wholeLines(n):]
		return part
	}
	h.keys, h.values, h.scores, h.dropped, h.scratch, h.bias = next(across), next(along), next(block), next(block), next(sizes.scratch), next(sizes.bias)
	if h.phase != phaseForward {
		h.keyRows, h.valueColumns, h.pull, h.right = next(along), next(across), next(block), next(sizes.right)
		h.uncapped, h.diagonals = next(sizes.uncapped), next(sizes.bias)
	}
}

// wholeLines is n words rounded up to whole cache lines of 16: a panel that straddles lines loads at half the speed.
func wholeLines(n int) int { return ceil(n, 16) * 16 }

// choose makes one of the heads of q that share k and v the one at work.
func (h *headWork) choose(member int) {
	h.member, h.head = member, h.kv*h.group+member
	h.queries.at = h.first*h.queries.stride + h.head*h.dim
}

// moveTo makes the block of keys from a place on the one at work. Rows of scores are whole cache lines apart: a row that
// shares one with the row before waits for that to be stored.
func (h *headWork) moveTo(at int) {
	h.at, h.width = at, min(h.block, h.length-at)
	h.pitch = wholeLines(h.width)
}

// row is row r of a block of scores.
func (h *headWork) row(block []float32, r int) []float32 {
	return block[r*h.pitch:][:h.width:h.width]
}

// parts says whether the softmax of a row comes in parts.
func (h *headWork) parts() bool { return h.length > h.block }

func (h *headWork) packAll(dst []float32, b operand, k, n int) {
	for task := range h.layout.rightTasks(b, k, n) {
		h.layout.packRight(dst, b, k, n, task, nil)
	}
}

func (h *headWork) multiply(c []float32, ldc int, a operand, b []float32, m, n, k int, accumulate bool) {
	h.product = product{layout: h.layout, m: m, n: n, k: k, a: a, b: b, c: c, ldc: ldc}
	h.product.accumulate(accumulate)
	h.product.rows(0, m, 0, ceil(n, h.layout.width()), h.scratch)
}

// forward is the output of rows [from, to).
func (h *headWork) forward(from, to int) {
	q, k, v, out := h.w.value(h.op.In[0]), h.w.value(h.op.In[1]), h.w.value(h.op.In[2]), h.w.value(h.op.Out)
	for at := 0; at < h.length; at += h.block {
		h.moveTo(at)
		h.packAll(h.keys, h.shared.from(k, at, true), h.dim, h.width)
		h.packAll(h.values, h.shared.from(v, at, false), h.width, h.dim)
		for member := range h.group {
			h.choose(member)
			h.layBias()
			for from := from; from < to; from += scoreRows {
				rows := min(scoreRows, h.length-from)
				seen, first := h.sees(from, rows)
				if !seen {
					continue
				}
				y := out[h.queries.at+from*h.queries.stride:]
				h.score(q, from, rows)
				if h.parts() {
					h.exponentials(y, from, rows, first)
				} else {
					h.probabilities(from, rows)
				}
				p := operand{values: h.drop(from, rows), stride: h.pitch}
				h.multiply(y, h.queries.stride, p, h.values, rows, h.dim, h.width, !first)
			}
		}
	}
	if h.parts() {
		h.divide(out, from, to)
	}
}

// score fills scores [rows, width], the bias among them, before they are multiplied by the factor.
func (h *headWork) score(q []float32, from, rows int) {
	h.multiply(h.scores, h.pitch, h.queries.from(q, from, false), h.keys, rows, h.width, h.dim, false)
	if h.biased() {
		for r := range rows {
			row := h.row(h.scores, r)
			h.s.Add(row, row, h.ofPlace(h.bias, from+r))
		}
	}
}

// sees says whether a row of a block sees a key of the block, and whether it is the first such block.
func (h *headWork) sees(from, rows int) (any, first bool) {
	lowest, _ := h.seen(from, h.length)
	_, beyond := h.seen(from+rows-1, h.length)
	return h.at < beyond && lowest < h.at+h.width, h.at <= lowest
}

// seenHere is which keys [first, last) of the block the token at a place attends to.
func (h *headWork) seenHere(place int) (first, last int) {
	first, last = h.seen(place, h.length)
	return min(max(first-h.at, 0), h.width), min(max(last-h.at, 0), h.width)
}

// hide clears what a row does not see.
func (h *headWork) hide(row []float32, first, last int) {
	clear(row[:first])
	clear(row[last:])
}

// probabilities makes the softmax of scores [rows, width] that are whole rows.
func (h *headWork) probabilities(from, rows int) {
	for r := range rows {
		row := h.row(h.scores, r)
		first, last := h.seenHere(from + r)
		factor := h.capped(row[first:last], r, first)
		h.s.Softmax(row[first:last], row[first:last], factor)
		h.hide(row, first, last)
	}
}

// capped caps scores of row r of a block from a key on, in place, and returns the factor that the softmax is to take them
// by. For the gradient it keeps what went into the tanh.
func (h *headWork) capped(scores []float32, r, first int) float32 {
	if h.op.Cap == 0 {
		return h.op.Factor
	}
	h.s.Scale(scores, scores, h.op.Factor/h.op.Cap)
	if h.phase != phaseForward {
		copy(h.row(h.uncapped, r)[first:], scores)
	}
	h.s.Tanh.Apply(scores, scores)
	return h.op.Cap
}

// exponentials takes scores [rows, width] that are parts of rows to exp(score - largest so far), and scales down what rows
// of the output y have of earlier blocks.
func (h *headWork) exponentials(y []float32, from, rows int, begins bool) {
	for r := range rows {
		row, stats := h.row(h.scores, r), h.stats(from+r)
		if begins {
			stats[0], stats[1] = float32(math.Inf(-1)), 0
		}
		first, last := h.seenHere(from + r)
		factor := h.s.SoftmaxPart(row[first:last], row[first:last], stats, h.capped(row[first:last], r, first))
		h.hide(row, first, last)
		if !begins && factor != 1 {
			sums := y[r*h.queries.stride:][:h.dim]
			h.s.Scale(sums, sums, factor)
		}
	}
}

// divide ends the softmax in parts of rows [from, to) of all heads.
func (h *headWork) divide(out []float32, from, to int) {
	for member := range h.group {
		h.choose(member)
		for place := from; place < to; place++ {
			y := out[h.queries.at+place*h.queries.stride:][:h.dim]
			h.s.Scale(y, y, 1/h.stats(place)[1])
		}
	}
}

// stats is the largest score, unscaled, and the sum of exponentials of a row whose softmax comes in parts.
func (h *headWork) stats(place int) []float32 {
	return h.w.value(h.op.Saved)[2*((h.first+place)*h.op.Heads+h.head):][:2]
}

// drop returns the block after dropout, in a buffer of its own so that the probabilities stay.
func (h *headWork) drop(from, rows int) []float32 {
	if !h.drops() {
		return h.scores
	}
	for r := range rows {
		h.s.Dropout(h.row(h.dropped, r), h.row(h.scores, r), h.dropOf(from+r))
	}
	return h.dropped
}

func (h *headWork) drops() bool { return h.op.Rate > 0 && h.w.batch.DropoutKeys != nil }

// dropOf is the dropout of a row's keys in the block.
func (h *headWork) dropOf(place int) kernel.Drop {
	return dropOf(h.w.batch.DropoutKeys[h.sequence], h.op, h.head+1, place).From(h.at)
}
