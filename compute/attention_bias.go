package compute

// The bias of an attention is a table's row by the distance of a key from its query. Scores meet it before the factor, so
// it is divided by that first. Of a block of keys a head lays its bias out by distance once: a row of scores then takes a
// run of it, and its gradient adds such a run.

// biasSums is where the gradient of the bias gathers before it joins the table's: one table for each block of keys and
// head. How tasks are cut changes none of them, and they are added in order.
type biasSums struct {
	values []float32 // [blocks, heads, rows]
	first  []int     // first block of each sequence, and their number at the end
}

func (o *attention) biased() bool { return o.op.Buckets != nil }

func (o *attention) trainsBias() bool { return o.biased() && o.weight(0).Trainable() }

// bucket is the row of the table for a key so many places after its query.
func (o *attention) bucket(distance int) int {
	n := len(o.op.Buckets) / 2
	return int(o.op.Buckets[n+min(max(distance, -n), n)])
}

// clearBias makes room for the sums of a batch. The products that share the engine's memory are not running.
func (o *attention) clearBias() {
	o.sums.first = o.sums.first[:0]
	blocks := 0
	for s := range o.w.batch.Sequences() {
		o.sums.first = append(o.sums.first, blocks)
		blocks += ceil(o.length(s), o.block)
	}
	o.sums.first = append(o.sums.first, blocks)
	o.sums.values = o.w.engine.borrow(blocks * o.op.Heads * o.weight(0).Rows)
	clear(o.sums.values)
}

// addBias adds the sums of all blocks to the table's gradient, in order.
func (o *attention) addBias() {
	table, heads := o.weight(0), o.op.Heads
	for i, v := range o.sums.values {
		row, head := i%table.Rows, i/table.Rows%heads
		table.Gradient[row*heads+head] += v
	}
}

// layBias lays out the bias of the head at work for every distance of a key of the block.
func (h *headWork) layBias() {
	if !h.biased() {
		return
	}
	table := h.weight(0)
	for i := range h.length + h.width - 1 {
		h.bias[i] = table.at(h.bucket(h.distance(i))*table.Columns+h.head) / h.op.Factor
	}
	if h.phase != phaseForward {
		clear(h.diagonals)
	}
}

// distance is that of element i of what is laid out: from the block's first key seen from the sequence's last token.
func (h *headWork) distance(i int) int { return h.at - (h.length - 1) + i }

// ofPlace is the run that the block's keys have, seen from a place.
func (h *headWork) ofPlace(laid []float32, place int) []float32 {
	return laid[h.length-1-place:][:h.width]
}

// gatherBias adds the gradient of a block of scores by distance.
func (h *headWork) gatherBias(from, rows int) {
	for r := range rows {
		sums := h.ofPlace(h.diagonals, from+r)
		h.s.Add(sums, sums, h.row(h.pull, r))
	}
}

// leaveBias adds up the distances of each bucket.
func (h *headWork) leaveBias() {
	rows := h.weight(0).Rows
	block := h.sums.first[h.sequence] + h.at/h.block
	sums := h.sums.values[(block*h.op.Heads+h.head)*rows:][:rows]
	for i := range h.length + h.width - 1 {
		sums[h.bucket(h.distance(i))] += h.diagonals[i] / h.op.Factor
	}
}
