package finetune

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/transformer"
)

// Memory is what a training takes, in bytes.
type Memory struct {
	Model   int64 // weights of the model as it is; they lie in its file
	Trained int64 // weights that are trained: all, or the adapters
	Block   int64 // activations of one block and their gradients
}

// perTrained is a trained weight's value, its gradient and its two moments.
const perTrained = 4

// Least is the memory that a training cannot do without: what is trained and one block. More keeps more blocks.
func (m Memory) Least() int64 { return perTrained*m.Trained + m.Block }

// MemoryError says that a training does not fit its memory limit.
type MemoryError struct {
	Need  Memory
	Limit int64
}

// Error implements error.
func (e *MemoryError) Error() string {
	const mib = 1 << 20
	up := func(n int64) int64 { return (n + mib - 1) / mib } // a limit of that many MiB is then enough
	return fmt.Sprintf("training takes at least %dMiB of memory (%dMiB for trained weights, gradients and moments, %dMiB for the activations of a block) and the limit is %dMiB",
		up(e.Need.Least()), up(perTrained*e.Need.Trained), up(e.Need.Block), e.Limit/mib)
}

// NeedMemory says what a training of a model would take, without taking it. longest is the tokens of the longest sequence:
// one that is longer than a block stands alone in it.
func NeedMemory(m *model.Model, o Options, longest int) (Memory, error) {
	mode := trainingMode(m, o)
	if o.Method == LoRA {
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
	var need Memory
	adapters := adapterWeightNames(mode.Adapters)
	trainable := make([]bool, len(g.Params))
	for i, p := range g.Params {
		bytes := 4 * int64(p.Rows) * int64(p.Columns)
		if !adapters[p.Name] {
			need.Model += bytes
		}
		if trainable[i] = o.Method == Full || adapters[p.Name]; trainable[i] {
			need.Trained += bytes
		}
	}
	need.Block = 4 * int64(tensor.NewPlan(g, trainable, max(o.BlockTokens, longest), blockSequences).Size)
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

// fits refuses a training that cannot stay within the engine's memory, before any of it is taken.
func fits(m *model.Model, e *compute.Engine, o Options, longest int) error {
	if e.Memory() == 0 {
		return nil
	}
	need, err := NeedMemory(m, o, longest)
	if err != nil {
		return err
	}
	return need.Within(e.Memory())
}

// Within is an error where the memory is more than a limit; 0 is none.
func (m Memory) Within(limit int64) error {
	if limit > 0 && m.Least() > limit {
		return &MemoryError{Need: m, Limit: limit}
	}
	return nil
}

// longest is the tokens of the longest sequence of the examples.
func (d Data) longest() int {
	n := 0
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

// trainingMode is the network in training, without adapters.
func trainingMode(m *model.Model, o Options) transformer.Mode {
	mode := transformer.Mode{}
	if o.Dropout {
		hidden, attention := m.Dropout()
		mode.HiddenDropout, mode.AttentionDropout = float32(hidden), float32(attention)
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
