package compute

// lookup sums table rows; its gradient scatters into the tables, a stripe of columns a task, tokens in order.
type lookup struct{ common }

func (o *lookup) forward() { o.runRows(o, phaseForward, o.w.tokens) }

func (o *lookup) backward() { o.runColumns(o, phaseWeights, o.columns(o.op.Out)) }

func (o *lookup) run(_, task int) {
	if o.phase == phaseForward {
		o.sum(span(task, rowsPerTask, o.w.tokens))
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

func (o *lookup) sum(from, to int) {
	h, out, add := o.columns(o.op.Out), o.w.value(o.op.Out), o.w.engine.kernels.Add
	word := o.weight(0)
	for t := from; t < to; t++ {
		y := out[t*h : (t+1)*h]
		copy(y, word.Values[o.row(0, t)*h:])
		for i := 1; i < 3; i++ {
			if table := o.weight(i); table != nil {
				r := o.row(i, t)
				add(y, y, table.Values[r*h:(r+1)*h])
			}
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
