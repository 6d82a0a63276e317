package finetune

import (
	"fmt"
	"math"
)

// Matryoshka trains leading parts of the vectors to be vectors of their own (Kusupati et al., 2022), as
// sentence-transformers' MatryoshkaLoss: the loss is the sum over Dims of Weights times the loss of the first so many
// numbers of every vector, brought to length 1. Without Dims the vectors are taken whole, as they are.
type Matryoshka struct {
	Dims    []int     `json:"dims"`
	Weights []float64 `json:"weights"` // one for each of Dims
}

// Validate names what cannot be.
func (m Matryoshka) Validate() error {
	if len(m.Weights) != len(m.Dims) {
		return fmt.Errorf("matryoshka: %d weights for %d dims: one for each", len(m.Weights), len(m.Dims))
	}
	seen := map[int]bool{}
	for i, d := range m.Dims {
		if d < 1 || seen[d] {
			return fmt.Errorf("matryoshka dims %v: different numbers, each at least 1", m.Dims)
		}
		seen[d] = true
		if w := m.Weights[i]; !(w > 0) || !finite(w) {
			return fmt.Errorf("matryoshka weight %g: a positive, finite number", w)
		}
	}
	return nil
}

// fits sees that vectors of a length have the parts.
func (m Matryoshka) fits(dimension int) error {
	for _, d := range m.Dims {
		if d > dimension {
			return fmt.Errorf("matryoshka dims %v: the model's vectors have %d numbers", m.Dims, dimension)
		}
	}
	return nil
}

// loss is the loss of a block by the parts of its vectors.
func (m Matryoshka) loss(c contrast) contrastResult {
	if len(m.Dims) == 0 {
		return infoNCE(c)
	}
	space := c.space
	if space == nil {
		space = &lossSpace{}
	}
	if space.parts == nil {
		space.parts = &lossSpace{}
	}
	var all contrastResult
	if !c.lossOnly {
		all.queries, all.passages = space.queries.zeros(len(c.queries), c.dim), space.passages.zeros(len(c.passages), c.dim)
	}
	for k, dim := range m.Dims {
		part, weight := c, m.Weights[k]
		part.dim, part.space = dim, space.parts
		queries, passages := space.units[0].unitParts(c.queries, dim), space.units[1].unitParts(c.passages, dim)
		part.queries, part.passages = queries.vectors, passages.vectors
		one := infoNCE(part)
		all.total += float64(weight * one.total)
		all.contrastive += float64(weight * one.contrastive)
		all.distilled += float64(weight * one.distilled)
		all.temperature += float64(weight * one.temperature)
		if k == 0 { // masks do not depend on the part
			all.masked, all.guided = one.masked, one.guided
		}
		if !c.lossOnly {
			queries.addGradients(all.queries, one.queries, weight)
			passages.addGradients(all.passages, one.passages, weight)
		}
	}
	return all
}

// shortest is what torch.nn.functional.normalize takes a shorter length for.
const shortest = 1e-12

// unitParts takes the leading parts of vectors and brings them to length 1.
func (p *partSpace) unitParts(vectors [][]float32, dim int) *partSpace {
	p.vectors, p.lengths, p.values = resized(p.vectors, len(vectors)), resized(p.lengths, len(vectors)), resized(p.values, len(vectors)*dim)
	for i, v := range vectors {
		v = v[:dim]
		p.lengths[i] = max(math.Sqrt(dot(v, v)), shortest)
		p.vectors[i] = p.values[i*dim : (i+1)*dim]
		for k, x := range v {
			p.vectors[i][k] = float32(float64(x) / p.lengths[i])
		}
	}
	return p
}

// addGradients adds those by the vectors that the parts are of, given those by the parts: what would change a length is
// taken out.
func (p *partSpace) addGradients(sum, gradients [][]float64, weight float64) {
	for i, g := range gradients {
		unit, along := p.vectors[i], 0.0
		if p.lengths[i] > shortest {
			for k, v := range unit {
				along += float64(g[k] * float64(v))
			}
		}
		scale := weight / p.lengths[i]
		for k, v := range unit {
			sum[i][k] += float64(scale * (g[k] - float64(along*float64(v))))
		}
	}
}
