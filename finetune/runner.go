package finetune

import (
	"context"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model"
)

// sequence is one text of a step with the key of its dropout.
type sequence struct {
	model.Sequence
	dropout uint64
}

// dropoutKeys gives each text of a step its key: (step, kind and key of the text, how often it came before in the step).
type dropoutKeys struct {
	seed        uint64
	round, step int
	seen        map[textName]int
	name        []byte // memory for that of a draw
}

// textName is the identity of a text of a step.
type textName struct{ kind, key string }

// dropoutKeys is those of a step; they hold until the next one's.
func (t *Trainer) dropoutKeys(step int) *dropoutKeys {
	if !t.options.Dropout && (t.options.Method != LoRA || t.options.LoRA.Dropout == 0) {
		return nil
	}
	k := &t.keys
	if k.seen == nil {
		k.seen = map[textName]int{}
	}
	clear(k.seen)
	k.seed, k.round, k.step = t.options.Seed, t.options.Round, step
	return k
}

func (k *dropoutKeys) of(s model.Sequence, kind, key string) sequence {
	if k == nil {
		return sequence{Sequence: s}
	}
	text := textName{kind, key}
	ordinal := k.seen[text]
	k.seen[text]++
	k.name = append(append(append(append(k.name[:0], kind...), 0), key...), 0)
	k.name = strconv.AppendInt(k.name, int64(ordinal), 10)
	return sequence{s, draw.HashBytes(k.seed, draw.Dropout, k.round, k.step, k.name)}
}

// blockSequences is the most sequences of a block.
const blockSequences = 512

// runner takes sequences through the network block by block. It keeps the activations of as many blocks as memory
// allows; the others run forward a second time before their gradient (gradient caching: Gao et al., 2021). Where it does not
// hold one block either, layers are computed again in the backward pass, one after the other. Blocks are cut by the recipe
// alone and their gradients added in the same order, so memory never changes a bit.
type runner struct {
	engine  *compute.Engine
	graph   *tensor.Graph
	weights []*compute.Weight
	plan    *tensor.Plan // nil before the first pass
	limit   int          // tokens of a block
	need    Memory       // of the longest text and the largest contrast so far

	recomputes bool // the plan computes layers again

	spaces []*compute.Workspace // one for each kept block; the last is shared by all blocks that are not kept
	keep   int
	blocks []block
	tokens int // of the last forward pass

	values  []float32 // of its vectors
	vectors [][]float32
}

// block is a run of sequences that go through the network together.
type block struct {
	batch compute.Batch
	first int      // position of its first sequence
	keys  []uint64 // memory for the batch's keys of dropout, which has none where dropout is off
	types []int32  // memory for its types of tokens, which pairs alone have
}

// forward returns the vectors of all sequences, rows of the model's dimension, and remembers the blocks for backward. They
// belong to the runner until its next call. The caller needs bytes for scores beside them.
func (r *runner) forward(ctx context.Context, sequences []sequence, scores int64) ([][]float32, error) {
	r.cut(sequences)
	if err := r.reserve(scores); err != nil {
		return nil, err
	}
	r.values, r.vectors = r.values[:0], r.vectors[:0]
	for i, b := range r.blocks {
		out, err := r.space(i).Forward(ctx, b.batch)
		if err != nil {
			return nil, err
		}
		dim := len(out) / b.batch.Sequences()
		r.values = slices.Grow(r.values, (len(sequences)-b.first)*dim) // all at the first block: vectors point into it
		at := len(r.values)
		r.values = append(r.values, out...)
		for ; at < len(r.values); at += dim {
			r.vectors = append(r.vectors, r.values[at:at+dim:at+dim])
		}
	}
	return r.vectors, nil
}

// backward adds the gradients of the weights for the blocks of the last forward pass, last block first: it is still in place.
func (r *runner) backward(ctx context.Context, gradient []float32) error {
	total := 0
	for _, b := range r.blocks {
		total += b.batch.Sequences()
	}
	dim := len(gradient) / total
	for i := len(r.blocks) - 1; i >= 0; i-- {
		b := r.blocks[i]
		if i >= r.keep && i < len(r.blocks)-1 {
			if _, err := r.space(i).Forward(ctx, b.batch); err != nil {
				return err
			}
		}
		if err := r.space(i).Backward(ctx, gradient[b.first*dim:(b.first+b.batch.Sequences())*dim]); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) space(i int) *compute.Workspace { return r.spaces[min(i, r.keep)] }

// cut packs sequences into blocks of at most limit tokens, in order; a longer sequence stands alone.
func (r *runner) cut(sequences []sequence) {
	r.blocks, r.tokens = r.blocks[:0], 0
	for i, s := range sequences {
		last := len(r.blocks) - 1
		if last < 0 || len(r.blocks[last].batch.IDs)+len(s.IDs) > r.limit || r.blocks[last].batch.Sequences() == blockSequences {
			r.begin(i)
			last++
		}
		b := &r.blocks[last]
		b.batch.IDs = append(b.batch.IDs, s.IDs...)
		b.batch.Offsets = append(b.batch.Offsets, int32(len(b.batch.IDs)))
		b.batch.Skip = append(b.batch.Skip, int32(s.Skip))
		if s.Types != nil { // all sequences of a network have types, or none
			b.types = append(b.types, s.Types...)
			b.batch.Types = b.types
		}
		if s.dropout != 0 {
			b.keys = append(b.keys, s.dropout)
			b.batch.DropoutKeys = b.keys
		}
		r.tokens += len(s.IDs)
	}
}

// begin starts a block, in the memory of one of the step before where there is one.
func (r *runner) begin(first int) {
	n := len(r.blocks)
	if n == cap(r.blocks) {
		r.blocks = append(r.blocks, block{})
	}
	r.blocks = r.blocks[:n+1]
	b := r.blocks[n].batch
	r.blocks[n] = block{first: first, keys: r.blocks[n].keys[:0], types: r.blocks[n].types[:0], batch: compute.Batch{IDs: b.IDs[:0], Offsets: append(b.Offsets[:0], 0), Skip: b.Skip[:0]}}
}

// reserve makes workspaces for the blocks: one each while the memory limit allows, and one more to share.
func (r *runner) reserve(scores int64) error {
	longest := 0
	for _, b := range r.blocks {
		longest = max(longest, len(b.batch.IDs))
	}
	if err := r.fit(longest, scores); err != nil {
		return err
	}
	r.keep = 0
	if r.plan.Training { // else nothing comes back for a block's activations
		r.keep = max(0, min(len(r.blocks), r.need.blocks(r.engine.Memory()))-1)
	}
	for len(r.spaces) <= r.keep {
		w, err := r.engine.NewWorkspace(r.plan, r.weights)
		if err != nil {
			return err
		}
		r.spaces = append(r.spaces, w)
	}
	return nil
}

// fit plans blocks whose longest text has so many tokens, beside scores of so many bytes, and refuses what the memory
// limit does not hold.
func (r *runner) fit(longest int, scores int64) error {
	r.need.Scores = max(r.need.Scores, scores)
	limit := r.engine.Memory()
	if tokens := max(r.limit, longest); r.plan == nil || tokens > r.plan.Tokens || r.recomputes != r.need.recomputes(limit) {
		var trainable []bool // nil where nothing is trained: a plan for inference
		if slices.ContainsFunc(r.weights, (*compute.Weight).Trainable) {
			trainable = make([]bool, len(r.weights))
			for i, w := range r.weights {
				trainable[i] = w.Trainable()
			}
		}
		r.plan, r.spaces = r.need.plan(r.engine, r.graph, trainable, tokens, limit), nil
		r.recomputes = r.need.recomputes(limit)
	}
	return r.need.Within(limit)
}
