package compute

import "github.com/quarry-ml/quarry/compute/kernel"

// Update is one trained weight and what AdamW keeps of it.
type Update struct {
	Weight        *Weight
	First, Second []float32 // moments, as long as the weight
	Step          *kernel.AdamStep
}

// AdamW takes one step on every weight, with the gradients as they stand, and marks them changed.
func (e *Engine) AdamW(updates []Update) {
	e.busy.Lock()
	defer e.busy.Unlock()
	tasks := 0
	for _, u := range updates {
		tasks += ceil(len(u.Weight.Values), updateBlock)
		u.Weight.Changed()
	}
	e.adam = adam{kernels: e.kernels, updates: updates}
	e.team.run(&e.adam, tasks)
	e.adam.updates = nil // the engine outlives what it trained
}

// updateBlock is the values that one task updates.
const updateBlock = 1 << 15

type adam struct {
	kernels *kernel.Set
	updates []Update
}

func (a *adam) run(_, task int) {
	for _, u := range a.updates {
		n := ceil(len(u.Weight.Values), updateBlock)
		if task < n {
			from, to := span(task, updateBlock, len(u.Weight.Values))
			a.kernels.AdamW(u.Weight.Values[from:to], u.Weight.Gradient[from:to], u.First[from:to], u.Second[from:to], u.Step)
			return
		}
		task -= n
	}
}
