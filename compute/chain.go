package compute

import "github.com/quarry-ml/quarry/compute/tensor"

// chain does the operations of a tensor.Chain window by window, so that what one leaves is in the cache when the next reads it.
type chain struct {
	w          *Workspace
	plan       tensor.Chain
	operations []rowwise // in the order of the pass
	backward   bool
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
	// prepare makes what all windows of a forward pass share, prepareBack that of a backward pass.
	prepare()
	prepareBack()
	// pass does the forward pass of a window.
	pass(v *window)
	// pull does the gradients of a window's operands.
	pull(v *window)
	// gather does the gradients of weights, when all windows are done.
	gather()
}

// The rows of a window: more and its values leave the second-level cache, fewer and the weights are fetched too often.
// Measured with the layers of all-MiniLM-L6-v2 on a processor with AMX and 2 MB of that cache a core: 96 to 192 rows are about as
// good, 256 lose about half of what chains gain, 384 nearly all.
const (
	mostRows  = 160
	leastRows = 64
)

// windowsPerWorker is how many windows each worker should find.
const windowsPerWorker = 4

// windowRows is the rows of a window, whole panels: enough windows for all workers to end together.
func windowRows(l layout, workers, tokens int) int {
	return ceil(min(max(ceil(tokens, windowsPerWorker*workers), leastRows), mostRows), l.height()) * l.height()
}

// passWords is the float32s that a window of so many rows needs in a forward pass: for the values of the chain, and in all.
func passWords(l layout, p *tensor.Plan, c tensor.Chain, rows int) (own, all int) {
	product := func(i int) int { return scratchWords(l, rows, p.Graph.Params[p.Graph.Ops[i].Params[0]].Columns) }
	scratch := 0
	for i := c.From; i < c.To; i++ {
		if p.Graph.Ops[i].Kind == tensor.Linear {
			scratch = max(scratch, product(i))
		}
	}
	for _, f := range p.Feeds {
		if f.From >= c.From && f.To <= c.To {
			scratch = max(scratch, product(f.From)+feedWords(l, p.Graph, f, rows))
		}
	}
	return c.Columns * rows, c.Columns*rows + scratch
}

// pullWords is the float32s that a window of so many rows needs in a backward pass.
func pullWords(l layout, p *tensor.Plan, c tensor.Chain, rows int) int {
	scratch := 0
	for _, step := range p.Backward[c.From:c.To] {
		op := p.Graph.Ops[step.Op]
		scratch = max(scratch, 2*p.Graph.Values[op.Out].Columns) // a gate's is twice a row
		if op.Kind == tensor.Linear {
			scratch = max(scratch, scratchWords(l, rows, p.Graph.Params[op.Params[0]].Rows))
		}
	}
	return scratch
}

func (w *Workspace) newChain(plan tensor.Chain, operations []operation) *chain {
	c := &chain{w: w, plan: plan, windows: make([]window, w.engine.team.size)}
	for _, o := range operations {
		if l, ok := o.(*linear); ok && l.windows == nil {
			l.windows = make([]product, w.engine.team.size)
		}
		c.operations = append(c.operations, o.(rowwise))
	}
	return c
}

// pass is the chain's forward pass.
func (c *chain) pass() {
	for _, o := range c.operations {
		o.prepare()
	}
	l := c.w.engine.layout
	c.height = windowRows(l, c.w.engine.team.size, c.w.tokens)
	c.own, c.memory = passWords(l, c.w.plan, c.plan, c.height)
	c.backward = false
	c.w.engine.team.run(c, ceil(c.w.tokens, c.height))
}

// pull is the chain's backward pass.
func (c *chain) pull() {
	for _, o := range c.operations {
		o.prepareBack()
	}
	l := c.w.engine.layout
	c.height = windowRows(l, c.w.engine.team.size, c.w.tokens)
	c.own, c.memory = 0, pullWords(l, c.w.plan, c.plan, c.height)
	c.backward = true
	c.w.engine.team.run(c, ceil(c.w.tokens, c.height))
	for _, o := range c.operations {
		o.gather()
	}
}

func (c *chain) run(worker, task int) {
	memory := c.w.engine.team.memory(worker, c.memory)
	v := &c.windows[worker]
	*v = window{w: c.w, worker: worker, height: c.height, scratch: memory[c.own:], packed: tensor.None}
	v.first, v.last = span(task, c.height, c.w.tokens)
	if c.backward {
		for _, o := range c.operations {
			o.pull(v)
		}
		return
	}
	v.own = memory[:c.own]
	for i := 0; i < len(c.operations); {
		if f := c.w.feeds[c.plan.From+i]; f != nil {
			f.pass(v)
			i = f.plan.To - c.plan.From
			continue
		}
		c.operations[i].pass(v)
		i++
	}
}
