package compute

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// Batch is sequences packed end to end, without padding.
type Batch struct {
	IDs     []int32 // token ids, [tokens]
	Offsets []int32 // sequence s is IDs[Offsets[s]:Offsets[s+1]]; [sequences+1]
	Types   []int32 // row of the table of token types of each token, [tokens]; nil is row 0 for all
	Skip    []int32 // leading tokens of each sequence that pooling leaves out where the graph says so; nil means none
	// DropoutKeys is one key a sequence, from (step, text, its ordinal in the step); nil turns every dropout off.
	DropoutKeys []uint64
}

// Sequences is the number of sequences of the batch.
func (b *Batch) Sequences() int { return len(b.Offsets) - 1 }

// Workspace is the memory and the compiled operations of one plan: it runs batches up to the plan's capacity, one at a time.
type Workspace struct {
	engine     *Engine
	plan       *tensor.Plan
	weights    []*Weight
	arena      []float32
	operations []operation
	chains     []*chain // by the operation they begin with; nil elsewhere
	pulls      []*chain // by the step of the backward pass they begin with
	feeds      []*feed  // by the operation they begin with
	ahead      *ahead
	layout     *tensor.Layout // of the last forward pass
	batch      Batch
	tokens     int
	place      []int32 // place of each token in its sequence
	position   []int32 // row of each token in the table of positions
	owner      []int32 // sequence of each token
}

// operation is one tensor.Op compiled for a workspace.
type operation interface {
	forward()
	backward()
}

// ErrTooLarge says that a batch exceeds the capacity of the plan.
var ErrTooLarge = errors.New("batch exceeds the capacity of the plan")

// NewWorkspace compiles a plan with its weights, one for each parameter of the graph in order.
func (e *Engine) NewWorkspace(plan *tensor.Plan, weights []*Weight) (*Workspace, error) {
	if len(weights) != len(plan.Graph.Params) {
		return nil, fmt.Errorf("%d weights for %d parameters", len(weights), len(plan.Graph.Params))
	}
	for i, spec := range plan.Graph.Params {
		if weights[i].Rows != spec.Rows || weights[i].Columns != spec.Columns {
			return nil, fmt.Errorf("tensor %s: shape [%d, %d], want [%d, %d]", weights[i].Name, weights[i].Rows, weights[i].Columns, spec.Rows, spec.Columns)
		}
	}
	if err := readable(plan.Graph, weights); err != nil {
		return nil, err
	}
	w := &Workspace{engine: e, plan: plan, weights: weights, arena: Buffer(plan.Size), place: make([]int32, plan.Tokens), position: make([]int32, plan.Tokens), owner: make([]int32, plan.Tokens)}
	for i := range plan.Graph.Ops {
		w.operations = append(w.operations, w.compile(i))
	}
	w.ahead = w.newAhead()
	w.chains, w.pulls = make([]*chain, len(w.operations)), make([]*chain, len(plan.Backward))
	for _, c := range plan.Chains {
		w.chains[c.From] = w.newChain(c, w.operations[c.From:c.To])
	}
	w.feeds = make([]*feed, len(w.operations))
	for _, f := range plan.Feeds {
		w.feeds[f.From] = w.newFeed(f)
	}
	for _, c := range plan.Pulls {
		var operations []operation
		for _, step := range plan.Backward[c.From:c.To] {
			operations = append(operations, w.operations[step.Op])
		}
		w.pulls[c.From] = w.newChain(c, operations)
	}
	return w, nil
}

// readable refuses weights of 16 bits that are trained, or that an operation reads as they are, as norms and biases.
func readable(g *tensor.Graph, weights []*Weight) error {
	for _, op := range g.Ops {
		for i, p := range op.Params {
			if p == tensor.None || !weights[p].isHalf() {
				continue
			}
			if weights[p].Trainable() {
				return fmt.Errorf("tensor %s: its values have 16 bits, which are not trained: widen them", weights[p].Name)
			}
			widens := op.Kind == tensor.Lookup || op.Kind == tensor.Attention || op.Kind == tensor.Linear && i == 0
			if !widens {
				return fmt.Errorf("tensor %s: its values have 16 bits, which this kind of operation does not read: widen them", weights[p].Name)
			}
		}
	}
	return nil
}

// Bytes is the memory that the workspace holds.
func (w *Workspace) Bytes() int64 { return WorkspaceBytes(w.plan) }

// WorkspaceBytes is the memory that a workspace of a plan holds: the arena, and place, position and owner of each token.
func WorkspaceBytes(p *tensor.Plan) int64 { return 4 * int64(p.Size+3*p.Tokens) }

func (w *Workspace) compile(i int) operation {
	op := &w.plan.Graph.Ops[i]
	base := common{w: w, op: op, index: i, next: w.plan.Training && w.plan.Needs[op.Out]}
	switch op.Kind {
	case tensor.Lookup:
		return &lookup{common: base}
	case tensor.LayerNorm:
		return newLayerNorm(base)
	case tensor.Linear:
		return &linear{common: base}
	case tensor.Scale, tensor.Add, tensor.Dropout, tensor.Activate:
		return &elementwise{common: base}
	case tensor.Attention:
		return newAttention(base)
	case tensor.Gate:
		return &gate{common: base}
	case tensor.RMSNorm:
		return &rmsNorm{common: base}
	case tensor.Rotary:
		return &rotary{common: base}
	case tensor.Rotate:
		return &rotate{common: base}
	case tensor.Slice:
		return &slice{common: base}
	case tensor.Pool:
		return &pool{common: base}
	case tensor.Normalize:
		return &normalize{common: base}
	}
	panic(fmt.Sprintf("compute: operation kind %d is unknown", op.Kind))
}

// Forward runs the graph on a batch and returns its output, rows by the output's columns. The output belongs to the workspace until its next call.
// A token id beyond its table, an empty batch or one over the plan's capacity is an error.
func (w *Workspace) Forward(ctx context.Context, b Batch) ([]float32, error) {
	if err := w.accept(b); err != nil {
		return nil, err
	}
	w.engine.busy.Lock()
	defer w.engine.busy.Unlock()
	together := w.together()
	w.layout = &w.plan.Apart
	if together {
		w.layout = &w.plan.Together
	}
	w.ahead.start()
	defer w.ahead.end()
	for i := 0; i < len(w.operations); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w.ahead.reach(w.ahead.forward, i)
		if c := w.chains[i]; c != nil && together {
			c.pass()
			i = c.plan.To
			continue
		}
		w.operations[i].forward()
		i++
	}
	return w.value(w.plan.Graph.Output), nil
}

// together says whether chains go window by window: where the batch has one for every worker, and the packed weights of all
// products last beside each other.
func (w *Workspace) together() bool {
	if workers := w.engine.team.size; len(w.plan.Chains) == 0 || workers > 1 && w.tokens < workers*leastRows {
		return false
	}
	for _, c := range w.chains {
		if c == nil {
			continue
		}
		for _, o := range c.operations {
			if !o.keep() {
				return false
			}
		}
	}
	return true
}

// Backward adds the gradients of all trainable weights for the batch of the last Forward, given the gradient of its output.
func (w *Workspace) Backward(ctx context.Context, gradient []float32) error {
	if !w.plan.Training {
		return errors.New("backward: the plan is for inference")
	}
	out := w.gradient(w.plan.Graph.Output)
	if len(gradient) != len(out) {
		return fmt.Errorf("backward: a gradient of %d values for an output of %d", len(gradient), len(out))
	}
	copy(out, gradient)
	w.engine.busy.Lock()
	defer w.engine.busy.Unlock()
	w.ahead.start()
	defer w.ahead.end()
	for i := 0; i < len(w.plan.Backward); {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.ahead.reach(w.ahead.backward, i)
		if c := w.pulls[i]; c != nil && w.layout == &w.plan.Together {
			c.pull()
			i = c.plan.To
			continue
		}
		if step := w.plan.Backward[i]; step.Again {
			w.operations[step.Op].forward()
		} else {
			w.operations[step.Op].backward()
		}
		i++
	}
	return nil
}

func (w *Workspace) accept(b Batch) error {
	n := b.Sequences()
	if n < 1 || len(b.IDs) > w.plan.Tokens || n > w.plan.Sequences {
		return fmt.Errorf("%w: %d tokens in %d sequences, capacity %d in %d", ErrTooLarge, len(b.IDs), n, w.plan.Tokens, w.plan.Sequences)
	}
	if b.Offsets[0] != 0 || int(b.Offsets[n]) != len(b.IDs) {
		return fmt.Errorf("batch: offsets run from %d to %d over %d tokens", b.Offsets[0], b.Offsets[n], len(b.IDs))
	}
	if err := w.acceptTypes(b); err != nil {
		return err
	}
	word, positions, padding := w.tables()
	for s := range n {
		from, to := b.Offsets[s], b.Offsets[s+1]
		if to < from {
			return fmt.Errorf("batch: sequence %d ends before it starts", s)
		}
		if positions > 0 && int(to-from) > positions {
			return fmt.Errorf("sequence %d has %d tokens; the model has %d positions", s, to-from, positions)
		}
		next := padding + 1
		for t := from; t < to; t++ {
			id := b.IDs[t]
			if id < 0 || int(id) >= word {
				return fmt.Errorf("token id %d is outside the vocabulary of %d", id, word)
			}
			w.place[t], w.position[t], w.owner[t] = t-from, next, int32(s)
			if id == padding {
				w.position[t] = padding
			} else {
				next++
			}
		}
	}
	w.batch, w.tokens = b, len(b.IDs)
	return nil
}

// acceptTypes refuses types of tokens that the graph's table of them has not.
func (w *Workspace) acceptTypes(b Batch) error {
	if b.Types == nil {
		return nil
	}
	if len(b.Types) != len(b.IDs) {
		return fmt.Errorf("batch: %d token types for %d tokens", len(b.Types), len(b.IDs))
	}
	rows := 1 // without a table no type has a part
	for _, op := range w.plan.Graph.Ops {
		if op.Kind == tensor.Lookup && op.Params[2] != tensor.None {
			rows = w.weights[op.Params[2]].Rows
		}
	}
	for _, kind := range b.Types {
		if kind < 0 || int(kind) >= rows {
			return fmt.Errorf("token type %d: the model has %d", kind, rows)
		}
	}
	return nil
}

// tables returns the rows of the graph's lookup: words, positions that a sequence may take (0 without such a table), and
// the padding token (tensor.None without one).
func (w *Workspace) tables() (words, positions int, padding int32) {
	for _, op := range w.plan.Graph.Ops {
		if op.Kind == tensor.Lookup {
			words = w.weights[op.Params[0]].Rows
			if op.Params[1] != tensor.None {
				positions = w.weights[op.Params[1]].Rows - op.Padding - 1
			}
			return words, positions, int32(op.Padding)
		}
	}
	return math.MaxInt, 0, tensor.None
}

func (w *Workspace) rows(v tensor.Value) int {
	if w.plan.Graph.Values[v].Rows == tensor.Sequences {
		return w.batch.Sequences()
	}
	return w.tokens
}

// value is the buffer of a value for the current batch, row-major.
func (w *Workspace) value(v tensor.Value) []float32 { return w.buffer(w.layout.Values[v], v) }

// gradient is the buffer of a value's gradient.
func (w *Workspace) gradient(v tensor.Value) []float32 { return w.buffer(w.layout.Gradients[v], v) }

func (w *Workspace) buffer(offset int, v tensor.Value) []float32 {
	n := w.rows(v) * w.plan.Graph.Values[v].Columns
	return w.arena[offset : offset+n : offset+n]
}

// common is what every operation knows.
type common struct {
	w     *Workspace
	op    *tensor.Op
	index int
	next  bool // a gradient is wanted
	phase phase
}

// phase says which of its jobs an operation is running.
type phase uint8

const (
	phaseForward phase = iota
	phaseInput         // gradients of operands
	phaseWeights       // gradients of parameters
	phasePack          // packing of a right operand
	phaseBias
	phaseKeys    // of attention: gradients of k and v alone
	phaseQueries // of attention: the gradient of q alone
)

func (c *common) columns(v tensor.Value) int { return c.w.plan.Graph.Values[v].Columns }

func (c *common) weight(i int) *Weight {
	if c.op.Params[i] == tensor.None {
		return nil
	}
	return c.w.weights[c.op.Params[i]]
}

// wants says whether operand i takes a gradient.
func (c *common) wants(i int) bool {
	return c.op.In[i] != tensor.None && c.w.plan.Needs[c.op.In[i]]
}

// adds says whether the gradient of operand i adds to what is there.
func (c *common) adds(i int) bool { return c.w.plan.Adds[c.index][i] }

// rowsPerTask is the rows that one task of a row-wise operation takes.
const rowsPerTask = 32

// columnsPerTask is the columns that one task of a sum over rows takes.
const columnsPerTask = 64

// window is that of one task of a row-wise operation.
func (c *common) window(worker, task int) *window {
	from, to := span(task, rowsPerTask, c.w.rows(c.op.Out))
	return &window{w: c.w, worker: worker, first: from, last: to}
}

// These are of an operation without weights.

func (c *common) keep() bool { return true }

func (c *common) prepare() {}

func (c *common) prepareBack() {}

func (c *common) gather() {}

func (c *common) runRows(j job, p phase, rows int) {
	c.phase = p
	c.w.engine.team.run(j, ceil(rows, rowsPerTask))
}

func (c *common) runColumns(j job, p phase, columns int) {
	c.phase = p
	c.w.engine.team.run(j, ceil(columns, columnsPerTask))
}

func span(task, size, n int) (from, to int) { return task * size, min(n, (task+1)*size) }
