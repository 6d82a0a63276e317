package compute

import "github.com/quarry-ml/quarry/compute/tensor"

// chain does the operations of a tensor.Chain window by window, so that what one leaves is in the cache when the next reads it.
type chain struct {
	w          *Workspace
	plan       tensor.Chain
	operations []rowwise
	windows    []window // one a worker
	height     int      // rows of a window
	own        int      // float32s of a window's memory that hold the values of the chain; the rest is for operations to use
	memory     int      // float32s of a window's memory
}

// rowwise is an operation of a chain.
type rowwise interface {
	operation
	// keep makes room for what all windows share, and says whether there is any.
	keep() bool
	// prepare makes what all windows share.
	prepare()
	// pass does the forward pass of a window.
	pass(v *window)
}

// The rows of a window: more and its values leave the second-level cache, fewer and the weights are fetched too often.
// Measured with the layers of all-MiniLM-L6-v2 on a processor with AMX and 2 MB of that cache a core: 96 to 192 rows are about as
// good, 256 lose half of what chains gain, 384 all of it.
const (
	mostRows  = 160
	leastRows = 64
)

// windowRows is the rows of a window, whole panels: enough windows for all workers to end together.
func windowRows(l layout, workers, tokens int) int {
	return ceil(min(max(ceil(tokens, 4*workers), leastRows), mostRows), l.height()) * l.height()
}

// windowWords is the float32s that a window of so many rows needs: for the values of the chain, and in all.
func windowWords(l layout, p *tensor.Plan, c tensor.Chain, rows int) (own, all int) {
	scratch := 0
	for i := c.From; i < c.To; i++ {
		op := p.Graph.Ops[i]
		if op.Kind != tensor.Linear {
			continue
		}
		w := p.Graph.Params[op.Params[0]]
		words := scratchWords(l, rows, w.Columns)
		if p.Feeds[i] {
			words += ceil(rows, l.height())*l.leftWords(w.Rows) + rows*l.width()
		}
		scratch = max(scratch, words)
	}
	return c.Columns * rows, c.Columns*rows + scratch
}

func newChain(w *Workspace, plan tensor.Chain) *chain {
	c := &chain{w: w, plan: plan, windows: make([]window, w.engine.team.size)}
	for _, o := range w.operations[plan.From:plan.To] {
		if l, ok := o.(*linear); ok {
			l.windows = make([]product, w.engine.team.size)
		}
		c.operations = append(c.operations, o.(rowwise))
	}
	return c
}

func (c *chain) forward() {
	for _, o := range c.operations {
		o.prepare()
	}
	e := c.w.engine
	c.height = windowRows(e.layout, e.team.size, c.w.tokens)
	c.own, c.memory = windowWords(e.layout, c.w.plan, c.plan, c.height)
	e.team.run(c, ceil(c.w.tokens, c.height))
}

func (c *chain) run(worker, task int) {
	memory := c.w.engine.team.memory(worker, c.memory)
	v := &c.windows[worker]
	*v = window{w: c.w, worker: worker, own: memory[:c.own], height: c.height, scratch: memory[c.own:], packed: tensor.None}
	v.first, v.last = span(task, c.height, c.w.tokens)
	for i := 0; i < len(c.operations); i++ {
		c.operations[i].pass(v)
		if c.w.plan.Feeds[c.plan.From+i] {
			i++ // it has done the next one's work
		}
	}
}
