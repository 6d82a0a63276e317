package compute

import "sort"

// attention is softmax(factor·q·kᵀ + bias)·v by sequence and head. Nothing of one sequence meets another, so no padding exists.
//
// The scores of a head are never held whole: rows of queries are taken a block at a time, and of a long sequence so are
// keys, by a softmax in parts (attention_head.go). The gradient computes scores again from q and k. Blocks are cut from the
// sequence's beginning, and sums go over them in order: neighbours, workers and how tasks are cut change no bit.
type attention struct {
	common
	block  int        // keys that are taken at once
	heads  []headWork // of each worker
	starts []int      // first task of each sequence in the running pass, and their number at the end
	runs   int        // tasks that the blocks of queries or keys of a head are split into
	bundle int        // heads of k and v of a short sequence that are one task
	sums   biasSums
}

// scoreRows is the query rows of a block of scores. It is fixed: the gradients of k and v are sums over these blocks.
const scoreRows = 112

// keyBlock is the keys of a block of scores, 224 KiB with its rows: it, its like after dropout and its gradient stay in a
// second-level cache of a megabyte. It is fixed: longer sequences are sums over these blocks.
const keyBlock = 512

// shortSequence is the tokens up to which a task takes several heads: to set one up costs a sixth of the work of a head of
// 32 over 15 tokens (measured at bf16 on AMX), and less of longer ones.
const shortSequence = 64

// tasksPerWorker is how many tasks each worker should find, so that none waits long for the last.
const tasksPerWorker = 4

func newAttention(c common) *attention {
	return &attention{common: c, block: keyBlock, heads: make([]headWork, c.w.engine.team.size), starts: make([]int, c.w.plan.Sequences+1)}
}

func (o *attention) forward() {
	o.pass(phaseForward, tasksPerWorker)
}

// backward takes all gradients of a head in one task. Where heads are fewer than would occupy the workers, it takes those
// of k and v by blocks of keys and those of q by blocks of queries, at the price of computing scores twice.
func (o *attention) backward() {
	workers := o.w.engine.team.size
	if o.trainsBias() {
		o.clearBias()
		defer o.addBias()
	}
	if o.split(1, 1); o.starts[o.w.batch.Sequences()] >= workers {
		o.pass(phaseInput, 0)
		return
	}
	if o.wants(1) || o.wants(2) || o.trainsBias() {
		o.pass(phaseKeys, tasksPerWorker)
	}
	if o.wants(0) {
		o.pass(phaseQueries, tasksPerWorker)
	}
}

// pass runs a phase with so many tasks a worker at least, as far as blocks allow.
func (o *attention) pass(p phase, perWorker int) {
	o.phase = p
	workers, sequences := o.w.engine.team.size, o.w.batch.Sequences()
	o.split(o.op.KVHeads, 1)
	if o.starts[sequences] < tasksPerWorker*workers {
		o.split(1, 1)
	}
	if heads := o.starts[sequences]; heads > 0 && heads < perWorker*workers {
		o.split(1, ceil(perWorker*workers, heads))
	}
	o.w.engine.team.run(o, o.starts[sequences])
}

// split numbers the tasks: so many heads of a short sequence are one, and the blocks of a head are split into so many runs.
func (o *attention) split(bundle, runs int) {
	o.bundle, o.runs = bundle, runs
	total := 0
	for s := range o.w.batch.Sequences() {
		o.starts[s] = total
		if length := o.length(s); length > 0 {
			total += ceil(o.op.KVHeads, o.bundleOf(length)) * o.runsOf(length)
		}
	}
	o.starts[o.w.batch.Sequences()] = total
}

func (o *attention) length(sequence int) int {
	return int(o.w.batch.Offsets[sequence+1] - o.w.batch.Offsets[sequence])
}

func (o *attention) bundleOf(length int) int {
	if length <= shortSequence {
		return o.bundle
	}
	return 1
}

func (o *attention) runsOf(length int) int { return min(o.runs, ceil(length, o.taskBlock())) }

// taskBlock is the rows that a task takes a whole number of.
func (o *attention) taskBlock() int {
	if o.phase == phaseKeys {
		return o.block
	}
	return scoreRows
}

func (o *attention) run(worker, task int) {
	sequence := sort.SearchInts(o.starts[:o.w.batch.Sequences()+1], task+1) - 1
	length := o.length(sequence)
	task -= o.starts[sequence]
	runs := o.runsOf(length)
	h := &o.heads[worker]
	h.start(o, worker, sequence)
	from, to := share(task%runs, runs, ceil(length, o.taskBlock()))
	bundle := o.bundleOf(length)
	for kv, last := span(task/runs, bundle, o.op.KVHeads); kv < last; kv++ {
		h.shared.at = h.first*h.shared.stride + kv*h.dim
		h.kv = kv
		switch {
		case o.phase == phaseForward:
			h.forward(from*scoreRows, min(length, to*scoreRows))
		case o.phase == phaseKeys:
			h.backward(0, length, from*o.block, min(length, to*o.block))
		default:
			h.backward(from*scoreRows, min(length, to*scoreRows), 0, length)
		}
	}
}

// share is the part of n blocks that one of so many runs takes.
func share(run, runs, n int) (from, to int) { return run * n / runs, (run + 1) * n / runs }

// seen is which tokens [first, last) of a sequence the token at a place attends to.
func (o *attention) seen(place, length int) (first, last int) {
	last = length
	if o.op.Window > 0 {
		first, last = max(0, place+1-o.op.Window), min(length, place+o.op.Window)
	}
	if o.op.Causal {
		last = place + 1
	}
	return first, last
}
