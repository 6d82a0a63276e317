package finetune

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/transformer"
)

// Memory is what a training takes, or, with nothing trained, an evaluation, in bytes.
type Memory struct {
	Model   int64 // weights of the model as it is, in the type that they have in its file, where they lie
	Trained int64 // weights that are trained: all, or the adapters with what they train whole
	Block   int64 // activations of one block and their gradients, and place and owner of each token
	Lean    int64 // the same where the backward pass computes layers again; an evaluation has none
	Beside  int64 // workers' scratch and the panels of a product, whatever the block
	Scores  int64 // vectors of a step, their scores and gradients
	Tokens  int   // of a block
	Workers int   // of the engine
}

// perTrained is a trained weight's value, its gradient and its two moments.
const perTrained = 4

// taken is what a training takes whatever it keeps of its blocks.
func (m Memory) taken() int64 { return perTrained*m.Trained + m.Beside + m.Scores }

// Least is the limit that a training cannot do without: what is trained, a step's scores and one block whose layers are
// computed again, what runs beside it, and a quarter that is the engine's for packed weights. More keeps the block's
// activations, then those of more blocks.
func (m Memory) Least() int64 { return m.limit(m.leastBlock()) }

// limit is the limit that holds one block of so many bytes.
func (m Memory) limit(block int64) int64 { return (4*(m.taken()+block) + 2) / 3 }

func (m Memory) leastBlock() int64 {
	if m.Lean > 0 {
		return min(m.Block, m.Lean)
	}
	return m.Block
}

// recomputes says whether a limit holds no block but one whose layers are computed again.
func (m Memory) recomputes(limit int64) bool {
	return limit > 0 && limit < m.limit(m.Block) && m.leastBlock() < m.Block
}

// Within is an error where the memory is more than a limit; 0 is none.
func (m Memory) Within(limit int64) error {
	if limit > 0 && m.Least() > limit {
		return &MemoryError{Need: m, Limit: limit}
	}
	return nil
}

// blocks is how many blocks' activations a limit holds.
func (m Memory) blocks(limit int64) int {
	if limit == 0 {
		return math.MaxInt
	}
	block := m.Block
	if m.recomputes(limit) {
		block = m.Lean
	}
	return int(max(0, limit*3/4-m.taken()) / block)
}

// plan takes blocks of so many tokens into account and returns their plan under a limit.
func (m *Memory) plan(e *compute.Engine, g *tensor.Graph, trainable []bool, tokens int, limit int64) *tensor.Plan {
	plan := tensor.NewPlan(g, trainable, tokens, blockSequences)
	m.Block, m.Lean, m.Beside, m.Tokens, m.Workers = compute.WorkspaceBytes(plan), 0, e.Beside(plan, tokens), tokens, e.Workers()
	if trainable == nil {
		return plan
	}
	lean := tensor.NewRecomputingPlan(g, trainable, tokens, blockSequences)
	m.Lean = compute.WorkspaceBytes(lean)
	if m.recomputes(limit) {
		return lean
	}
	return plan
}

// MemoryError says that a training or an evaluation does not fit its memory limit. Going over it would end the process instead, some time
// later and without a word.
type MemoryError struct {
	Need  Memory
	Limit int64 // what there is: the engine's part of what the program may take
}

// Error implements error.
func (e *MemoryError) Error() string {
	const mib = 1 << 20
	up := func(n int64) int64 { return (n + mib - 1) / mib } // a limit of that many MiB is then enough
	left := "nothing"
	if e.Limit >= mib/20 { // less would be shown as 0.0
		left = fmt.Sprintf("%.1f MiB", float64(e.Limit)/mib)
	}
	if e.Need.Trained == 0 {
		return fmt.Sprintf("eval_loss takes at least %d MiB of memory (%d MiB for a block of %d tokens, %d MiB beside it (workers: %d), %d MiB for a batch's scores, and a quarter for packed weights) and %s is left for it",
			up(e.Need.Least()), up(e.Need.Block), e.Need.Tokens, up(e.Need.Beside), e.Need.Workers, up(e.Need.Scores), left)
	}
	return fmt.Sprintf("training takes at least %d MiB of memory (%d MiB for trained weights, gradients and moments, %d MiB for a block of %d tokens whose layers are computed again, %d MiB beside it (workers: %d), %d MiB for a step's scores, and a quarter for packed weights) and %s is left for it",
		up(e.Need.Least()), up(perTrained*e.Need.Trained), up(e.Need.leastBlock()), e.Need.Tokens, up(e.Need.Beside), e.Need.Workers, up(e.Need.Scores), left)
}

// NeedMemory says what a training of a model on an engine would take, without taking it. longest is the tokens of the
// longest sequence: one that is longer than a block stands alone in it.
func NeedMemory(m *model.Model, e *compute.Engine, o Options, longest int) (Memory, error) {
	if err := o.Validate(); err != nil {
		return Memory{}, err
	}
	mode := trainingMode(m, o)
	whole := map[string]bool{}
	if o.Method == LoRA {
		tensors, err := o.LoRA.config().Whole(m.Base())
		if err != nil {
			return Memory{}, err
		}
		for _, t := range tensors {
			whole[t.Name] = true
		}
		targets, err := adapterTargets(m, o)
		if err != nil {
			return Memory{}, err
		}
		mode.Adapters = map[string]transformer.Adapter{}
		for _, t := range targets {
			mode.Adapters[t.Name] = transformer.Adapter{Rank: t.Rank, Scaling: float32(t.Scaling), Dropout: float32(o.LoRA.Dropout)}
		}
	}
	g, err := m.Graph(mode)
	if err != nil {
		return Memory{}, err
	}
	need := Memory{Scores: o.scoreBytes(m.WholeDimension())}
	adapters := adapterWeightNames(mode.Adapters)
	trainable := make([]bool, len(g.Params))
	for i, p := range g.Params {
		bytes := 4 * int64(p.Rows) * int64(p.Columns)
		need.Model += m.StoredBytes(p)
		if trainable[i] = (o.Method == Full || adapters[p.Name] || whole[p.Name]) && !o.fixed(p.Name); trainable[i] {
			need.Trained += bytes
		}
	}
	need.plan(e, g, trainable, max(o.BlockTokens, longest), 0)
	return need, nil
}

func adapterWeightNames(adapters map[string]transformer.Adapter) map[string]bool {
	names := map[string]bool{}
	for module := range adapters {
		a, b := transformer.LoRAWeights(module)
		names[a], names[b] = true, true
	}
	return names
}

// longest is the tokens of the longest sequence of the examples.
func (d Data) longest() int {
	if d.Pair != nil {
		return d.longestPair()
	}
	n := d.Longest
	for i, e := range d.Examples {
		n = max(n, len(d.Query(i).IDs))
		for _, passages := range [][]int32{e.Positives, e.Negatives} {
			for _, p := range passages {
				n = max(n, len(d.Passage(p).IDs))
			}
		}
	}
	return n
}

// longestPair is the tokens of the longest pair. One that cannot be read has none here, and is an error of the step it comes to.
func (d Data) longestPair() int {
	n := 0
	for i, e := range d.Examples {
		for _, passages := range [][]int32{e.Positives, e.Negatives} {
			for _, p := range passages {
				if s, err := d.Pair(i, p); err == nil {
					n = max(n, len(s.IDs))
				}
			}
		}
	}
	return n
}

// trainingMode is the network in training, without adapters.
func trainingMode(m *model.Model, o Options) transformer.Mode {
	mode := transformer.Mode{Whole: true}
	if o.Dropout {
		hidden, attention := m.Dropout()
		mode.HiddenDropout, mode.AttentionDropout, mode.HeadDropout = float32(hidden), float32(attention), float32(m.DropoutOfHead())
	}
	return mode
}

// adapterTargets are the modules that get an adapter.
func adapterTargets(m *model.Model, o Options) ([]lora.Target, error) {
	modules, err := m.AdapterModules()
	if err != nil {
		return nil, err
	}
	c := o.LoRA.config()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.Match(modules)
}
