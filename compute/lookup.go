package compute

// lookup sums table rows; its gradient scatters into the tables, a stripe of columns a task, tokens in order.
type lookup struct{ common }

func (o *lookup) forward() { o.runRows(o, phaseForward, o.w.tokens) }

func (o *lookup) backward() { o.runColumns(o, phaseWeights, o.columns(o.op.Out)) }

func (o *lookup) run(worker, task int) {
	if o.phase == phaseForward {
		from, to := span(task, rowsPerTask, o.w.tokens)
		o.sum(from, to, worker)
		return
	}
	o.scatter(span(task, columnsPerTask, o.columns(o.op.Out)))
}

// row is the table row that parameter i gives token t.
func (o *lookup) row(i, t int) int {
	switch i {
	case 0:
		return int(o.w.batch.IDs[t])
	case 1:
		return int(o.w.position[t])
	}
	if types := o.w.batch.Types; types != nil {
		return int(types[t])
	}
	return 0
}

func (o *lookup) sum(from, to, worker int) {
	h, out, add := o.columns(o.op.Out), o.w.value(o.op.Out), o.w.engine.kernels.Add
	word, wide, s := o.weight(0), o.w.engine.team.memory(worker, h), o.w.engine.kernels
	for t := from; t < to; t++ {
		y := out[t*h : (t+1)*h]
		word.read(s, y, o.row(0, t)*h)
		for i := 1; i < 3; i++ {
			table := o.weight(i)
			if table == nil {
				continue
			}
			at := o.row(i, t) * h
			if table.isHalf() {
				table.read(s, wide, at)
				add(y, y, wide)
				continue
			}
			add(y, y, table.Values[at:at+h])
		}
	}
}

func (o *lookup) scatter(from, to int) {
	h, dy, add := o.columns(o.op.Out), o.w.gradient(o.op.Out), o.w.engine.kernels.Add
	for i := range 3 {
		table := o.weight(i)
		if table == nil || !table.Trainable() {
			continue
		}
		for t := range o.w.tokens {
			r := o.row(i, t)
			if i < 2 && r == o.op.Padding {
				continue
			}
			g := table.Gradient[r*h+from : r*h+to]
			add(g, g, dy[t*h+from:t*h+to])
		}
	}
}
