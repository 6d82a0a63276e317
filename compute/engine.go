// Package compute runs the operation lists of compute/tensor: an Engine with a path, a precision, workers and a memory limit.
//
// The order of summation of an output element depends on the inner dimension alone: never on the batch, the rows beside
// it, the workers or the memory. A text's vector is therefore the same bits in any batch.
package compute

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/quarry-ml/quarry/compute/kernel"
)

// Precision names the type of the operands of matrix products.
type Precision string

// The precisions. Auto takes bf16 where the path multiplies it, else f32.
const (
	Auto Precision = "auto"
	F32  Precision = "f32"
	BF16 Precision = "bf16"
)

// Options says how an Engine runs. The zero value is the best path of the machine, automatic precision and every processor.
type Options struct {
	Path      kernel.Path
	Precision Precision
	Workers   int // goroutines that compute; 0 means GOMAXPROCS

	// Memory is the bytes that activations and packed weights may take together, a quarter of them the latter; 0 means no
	// limit. Then packed weights may take a quarter of the machine's memory, or where the system does not tell that, 2 GiB.
	// Weights beyond are packed whenever they are used, which changes no bit.
	Memory int64

	// Weights is what the caller has rounded published weights to, such as "bf16"; empty is nothing. It changes what is
	// computed in no way but by the weights that come, and is a part of the identity: results of the one are not those of the
	// other.
	Weights string
}

// Engine runs graphs. It may be shared by goroutines; each Workspace belongs to one.
type Engine struct {
	kernels *kernel.Set
	layout  layout // of products, by the precision
	memory  int64
	packed  int64 // bytes that lasting packed weights may take
	weights string
	team    *team

	busy   sync.Mutex   // one forward or backward pass at a time
	kept   atomic.Int64 // bytes of lasting packed weights
	shared []float32    // panels of the product that is running, or sums of a bias
	adam   adam         // the optimizer step that is running

	advise func(w *Weight, ended *atomic.Bool) // asks for a weight to be read from its file; nil where the system is not asked
}

// New returns an engine. A path or precision that the machine lacks is an error.
func New(o Options) (*Engine, error) {
	kernels, err := kernel.New(o.Path)
	if err != nil {
		return nil, err
	}
	l, err := newLayout(kernels, o.Precision)
	if err != nil {
		return nil, err
	}
	if o.Workers < 0 {
		return nil, fmt.Errorf("workers: %d; use 0 (every processor) or more", o.Workers)
	}
	workers := o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return &Engine{kernels: kernels, layout: l, memory: o.Memory, packed: packedLimit(o.Memory, machineMemory()), weights: o.Weights, team: newTeam(workers), advise: willNeed}, nil
}

// packedLimit is the bytes that lasting packed weights may take under a limit of memory, on a machine with so much; 0 is
// none, and unknown.
func packedLimit(memory, machine int64) int64 {
	const unknown = 2 << 30
	switch {
	case memory > 0:
		return memory / 4
	case machine > 0:
		return machine / 4
	}
	return unknown
}

// newLayout is the layout of a precision; bf16 on a path that cannot multiply it is an error, never silently f32.
func newLayout(s *kernel.Set, p Precision) (layout, error) {
	switch p {
	case F32:
		return f32Layout{s}, nil
	case "", Auto:
		if s.MultipliesBF16() {
			return bf16Layout{s}, nil
		}
		return f32Layout{s}, nil
	case BF16:
		if s.MultipliesBF16() {
			return bf16Layout{s}, nil
		}
		return nil, fmt.Errorf("precision bf16: the path %s has no bf16 matrix product; use f32 or auto", s.Path)
	}
	return nil, fmt.Errorf("precision %q is unknown; use auto, f32 or bf16", p)
}

// Close ends the engine's goroutines. No workspace may be in use.
func (e *Engine) Close() { e.team.close() }

// Workers is the number of goroutines that compute.
func (e *Engine) Workers() int { return e.team.size }

// Filling is the tokens of a batch that keep all workers busy: of fewer some chains leave workers without rows, and of a quarter
// as many all operations are done one after the other.
func (e *Engine) Filling() int { return windowsPerWorker * leastRows * e.team.size }

// Memory is the limit given to New, in bytes; 0 is none.
func (e *Engine) Memory() int64 { return e.memory }

// Rest is the bytes that the memory leaves beside the quarter of packed weights and what is taken, at least 1 so that none
// is not no limit; 0 is no limit.
func (e *Engine) Rest(taken int64) int64 {
	if e.memory == 0 {
		return 0
	}
	return max(1, e.memory/4*3-taken)
}

// Path is the path in use.
func (e *Engine) Path() kernel.Path { return e.kernels.Path }

// Precision is the precision in use: F32 or BF16, never Auto.
func (e *Engine) Precision() Precision { return e.layout.precision() }

// Kernels is the set in use, for callers with small loops of their own.
func (e *Engine) Kernels() *kernel.Set { return e.kernels }

// Each does the tasks 0 to n-1 on the engine's workers, in any order, and returns when all are done. Tasks share nothing
// that another writes, so that who does them decides nothing.
func (e *Engine) Each(n int, do func(task int)) { e.team.run(each(do), n) }

type each func(task int)

func (f each) run(_, task int) { f(task) }

// Identity names what decides the bits of a result besides recipe and data: path, precision, architecture and processor
// vendor, and what published weights were rounded to.
func (e *Engine) Identity() string {
	identity := fmt.Sprintf("%s/%s/%s/%s", e.kernels.Path, e.Precision(), runtime.GOARCH, kernel.Vendor())
	if e.weights != "" {
		identity += "/weights-" + e.weights
	}
	return identity
}

// reserve returns room for a lasting packed copy of a weight, or nil where what they may take is used up. The room counts as free again when the weight is collected: an engine outlives many models.
func (e *Engine) reserve(w *Weight, n int) []float32 {
	bytes := 4 * int64(n)
	if e.kept.Load()+bytes > e.packed {
		return nil
	}
	e.kept.Add(bytes)
	runtime.AddCleanup(w, func(bytes int64) { e.kept.Add(-bytes) }, bytes)
	return Buffer(n)
}

// borrow returns n float32s that hold until the next call.
func (e *Engine) borrow(n int) []float32 {
	if len(e.shared) < n {
		e.shared = Buffer(n)
	}
	return e.shared[:n]
}
