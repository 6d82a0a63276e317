package embedding

import (
	"cmp"
	"fmt"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// MemoryError says that the memory does not hold the longest text, alone in its batch.
type MemoryError struct {
	Least   int64 // the engine's memory, in bytes, that does
	Limit   int64 // what there is: the engine's part of what the program may take
	Tokens  int   // of a batch, or of the longest text alone
	Workers int   // of the engine
	Beside  int64 // of Least, what the workers take, before the quarter for packed weights
}

// Error implements error.
func (e *MemoryError) Error() string {
	const mib = 1 << 20
	left := "nothing"
	if e.Limit >= mib/20 { // less would be shown as 0.0
		left = fmt.Sprintf("%.1f MiB", float64(e.Limit)/mib)
	}
	return fmt.Sprintf("embedding takes at least %.1f MiB of memory for %d tokens (workers: %d), a quarter of it for packed weights, and %s is left for it",
		float64(e.Least)/mib, e.Tokens, e.Workers, left)
}

// prepare settles the tokens of a batch, more for many workers and fewer where the memory does not hold so many, and makes a workspace that holds
// them, and the longest text alone.
func (x *Embedder) prepare(o *Options) error {
	longest := min(cmp.Or(o.MaxLength, x.model.Contract.MaxLength), x.model.Config.MaxPositions)
	o.Budget = cmp.Or(o.Budget, max(leastBudget, x.engine.Filling()))
	for limit := x.engine.Memory(); limit > 0 && o.Budget > longest && x.least(x.planFor(o.Budget), longest, *o) > limit; {
		o.Budget = max(longest, o.Budget/2)
	}
	return x.reserve(max(o.Budget, longest), longest, *o)
}

// reserve makes the workspace hold batches of so many tokens, in texts of up to longest. What it held before goes first: there may be room for one.
func (x *Embedder) reserve(tokens, longest int, o Options) error {
	if x.plan != nil && tokens <= x.plan.Tokens {
		return nil
	}
	plan := x.planFor(tokens)
	if limit, least := x.engine.Memory(), x.least(plan, longest, o); limit > 0 && least > limit {
		return &MemoryError{Least: least, Limit: limit, Tokens: tokens, Workers: x.engine.Workers(), Beside: x.engine.Beside(plan, longest)}
	}
	x.run, x.plan = nil, nil
	run, err := x.engine.NewWorkspace(plan, x.weights)
	if err != nil {
		return err
	}
	x.run, x.plan = run, plan
	return nil
}

// least is the engine's memory that a plan takes: its workspace, what the engine has beside it, and a quarter that is the
// engine's for packed weights.
func (x *Embedder) least(p *tensor.Plan, longest int, o Options) int64 {
	return (4*(o.Taken+compute.WorkspaceBytes(p)+x.engine.Beside(p, longest)) + 2) / 3
}

// planFor is for batches of so many tokens, in as many texts as there may be.
func (x *Embedder) planFor(tokens int) *tensor.Plan {
	return tensor.NewPlan(x.graph, nil, tokens, min(tokens, chunkTexts))
}
