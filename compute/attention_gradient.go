package compute

// backward is what query rows [from, to) and keys [firstKey, lastKey) of a head give the gradients: of k, v and the bias
// where the rows are all, of q where the keys are.
func (h *headWork) backward(from, to, firstKey, lastKey int) {
	q, k, v := h.w.value(h.op.In[0]), h.w.value(h.op.In[1]), h.w.value(h.op.In[2])
	wantsQ := h.wants(0) && h.phase != phaseKeys
	wantsK, wantsV := h.wants(1) && h.phase != phaseQueries, h.wants(2) && h.phase != phaseQueries
	wantsBias := h.trainsBias() && h.phase != phaseQueries
	for at := firstKey; at < lastKey; at += h.block {
		h.moveTo(at)
		h.packAll(h.keys, h.shared.from(k, at, true), h.dim, h.width)
		if wantsQ {
			h.packAll(h.keyRows, h.shared.from(k, at, false), h.width, h.dim)
		}
		if wantsQ || wantsK || wantsBias {
			h.packAll(h.valueColumns, h.shared.from(v, at, true), h.dim, h.width)
		}
		again := false
		for member := range h.group {
			h.choose(member)
			h.layBias()
			for from := from; from < to; from += scoreRows {
				rows := min(scoreRows, h.length-from)
				seen, first := h.sees(from, rows)
				if !seen {
					continue
				}
				h.probabilitiesAgain(q, from, rows)
				if wantsV {
					h.pullValues(from, rows, again)
				}
				if wantsQ || wantsK || wantsBias {
					pull := h.pullScores(from, rows)
					if wantsQ {
						c := h.w.gradient(h.op.In[0])[h.queries.at+from*h.queries.stride:]
						h.multiply(c, h.queries.stride, pull, h.keyRows, rows, h.dim, h.width, !first || h.adds(0))
					}
					if wantsK {
						h.packAll(h.right, h.queries.from(q, from, false), rows, h.dim)
						h.intoShared(1, pull, rows, again)
					}
					if wantsBias {
						h.gatherBias(from, rows)
					}
				}
				again = true
			}
			if wantsBias {
				h.leaveBias()
			}
		}
	}
}

// probabilitiesAgain fills scores [rows, width] with the probabilities of the forward pass.
func (h *headWork) probabilitiesAgain(q []float32, from, rows int) {
	h.score(q, from, rows)
	if !h.parts() {
		h.probabilities(from, rows)
		return
	}
	for r := range rows {
		row, stats := h.row(h.scores, r), h.stats(from+r)
		first, last := h.seenHere(from + r)
		h.again[0] = stats[0]
		factor := h.capped(row[first:last], r, first)
		h.s.SoftmaxPart(row[first:last], row[first:last], h.again[:], factor) // none is larger than the largest
		h.s.Scale(row[first:last], row[first:last], 1/stats[1])
		h.hide(row, first, last)
	}
}

// pullValues gives v the gradient of a block of query rows.
func (h *headWork) pullValues(from, rows int, again bool) {
	h.packAll(h.right, h.queries.from(h.w.gradient(h.op.Out), from, false), rows, h.dim)
	h.intoShared(2, operand{values: h.drop(from, rows), stride: h.pitch}, rows, again)
}

// intoShared adds what a block of query rows, packed in right, gives the gradient of k or v, or sets it where nothing is there yet.
func (h *headWork) intoShared(operandIndex int, a operand, rows int, again bool) {
	a.transposed = true
	c := h.w.gradient(h.op.In[operandIndex])[h.shared.at+h.at*h.shared.stride:]
	h.multiply(c, h.shared.stride, a, h.right, h.width, h.dim, rows, again || h.adds(operandIndex))
}

// pullScores is the gradient of a block of scores [rows, width].
func (h *headWork) pullScores(from, rows int) operand {
	dout := h.w.gradient(h.op.Out)
	h.multiply(h.pull, h.pitch, h.queries.from(dout, from, false), h.valueColumns, rows, h.width, h.dim, false)
	for r := range rows {
		first, last := h.seenHere(from + r)
		row := h.row(h.pull, r)
		if h.drops() {
			h.s.Dropout(row, row, h.dropOf(from+r))
		}
		p := h.row(h.scores, r)[first:last]
		if h.parts() {
			h.pullPart(row[first:last], p, h.row(h.dropped, r)[first:last], from+r)
		} else {
			h.s.SoftmaxGradient(row[first:last], row[first:last], p, h.op.Factor)
		}
		if h.op.Cap > 0 {
			h.s.Tanh.Gradient(row[first:last], row[first:last], h.row(h.uncapped, r)[first:last])
		}
		h.hide(row, first, last)
	}
	return operand{values: h.pull, stride: h.pitch}
}

// pullPart takes the gradient of a part of a row of probabilities p to that of its scores, factor·p·(dp - Σ p·dp), in
// place. The sum over the whole row is that of the output by its gradient: both are Σ p·dp with the order of sums changed.
func (h *headWork) pullPart(dp, p, spare []float32, place int) {
	at := h.queries.at + place*h.queries.stride
	out, dout := h.w.value(h.op.Out)[at:at+h.dim], h.w.gradient(h.op.Out)[at:at+h.dim]
	sum := h.again[1:]
	h.s.Dot(sum, out, dout)
	h.s.Scale(spare, p, -h.op.Factor*sum[0])
	h.s.Scale(dp, dp, h.op.Factor)
	h.s.MulAdd(spare, p, dp)
	copy(dp, spare)
}
