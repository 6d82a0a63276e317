package finetune

import (
	"math"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
)

// normBlock is the gradient values whose squares are summed in float32 before float64 takes over.
const normBlock = 1024

// partBlocks is the blocks that one task clears or squares.
const partBlocks = 64

// gradients is those of all parameters, in order, cut into parts that workers take one by one. How they are cut, and the order
// in which the sums of squares are added, depend on the parameters alone.
type gradients struct {
	engine  *compute.Engine
	kernels *kernel.Set
	parts   []gradientPart
	sums    []float32 // of the squares of each block

	clearPart, squarePart func(part int) // made once
}

// gradientPart is a run of one parameter's values, and where the sums of its blocks begin.
type gradientPart struct {
	of        *compute.Weight
	from, to  int
	firstSums int
}

func newGradients(e *compute.Engine, parameters []*parameter) *gradients {
	g := &gradients{engine: e, kernels: e.Kernels()}
	blocks := 0
	for _, p := range parameters {
		for from := 0; from < len(p.Gradient); from += partBlocks * normBlock {
			part := gradientPart{p.Weight, from, min(from+partBlocks*normBlock, len(p.Gradient)), blocks}
			g.parts = append(g.parts, part)
			blocks += (part.to - from + normBlock - 1) / normBlock
		}
	}
	g.sums = make([]float32, blocks)
	g.clearPart = func(i int) { clear(g.parts[i].values()) }
	g.squarePart = g.square
	return g
}

func (p gradientPart) values() []float32 { return p.of.Gradient[p.from:p.to] }

// clear sets all to zero.
func (g *gradients) clear() { g.engine.Each(len(g.parts), g.clearPart) }

// norm is the global 2-norm of all gradients and one number more.
func (g *gradients) norm(extra float64) float64 {
	g.engine.Each(len(g.parts), g.squarePart)
	sum := extra * extra
	for _, s := range g.sums {
		sum += float64(s)
	}
	return math.Sqrt(sum)
}

func (g *gradients) square(i int) {
	p := g.parts[i]
	values := p.values()
	for at := p.firstSums; len(values) > 0; at++ {
		n := min(len(values), normBlock)
		g.kernels.Dot(g.sums[at:at+1], values[:n], values[:n])
		values = values[n:]
	}
}
