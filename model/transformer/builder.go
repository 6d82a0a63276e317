package transformer

import (
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// builder adds names, dropout and adapters to a graph.
type builder struct {
	*tensor.Graph
	prefix string
	mode   Mode
	used   map[string]bool
}

func (g *builder) matrix(name string, rows, columns int) tensor.Param {
	return g.Param(g.prefix+name, rows, columns)
}

func (g *builder) norm(x tensor.Value, name string, epsilon float32) tensor.Value {
	h := g.Values[x].Columns
	return g.LayerNorm(x, g.matrix(name+".weight", 1, h), g.matrix(name+".bias", 1, h), epsilon)
}

// module is a linear module of a network: x·Wᵀ, with a bias or without.
type module struct {
	name string
	out  int
	bias bool
}

func (g *builder) weights(m module, in int) (w, bias tensor.Param) {
	w, bias = g.matrix(m.name+".weight", m.out, in), tensor.None
	if m.bias {
		bias = g.matrix(m.name+".bias", 1, m.out)
	}
	return w, bias
}

// linear is a module with its adapter, then the activation.
func (g *builder) linear(x tensor.Value, m module, act tensor.Activation) tensor.Value {
	w, bias := g.weights(m, g.Values[x].Columns)
	adapter, ok := g.mode.Adapters[m.name]
	if !ok {
		return g.Linear(x, w, bias, act, tensor.None)
	}
	y := g.adapt(g.Linear(x, w, bias, tensor.Identity, tensor.None), x, m.name, adapter)
	return g.Activate(y, act)
}

// add is a module, its dropout and the residual.
func (g *builder) add(x tensor.Value, m module, residual tensor.Value) tensor.Value {
	return g.addAt(g.mode.HiddenDropout, x, m, residual)
}

// addAt is add with a dropout of its own. Without dropout the residual joins the product.
func (g *builder) addAt(rate float32, x tensor.Value, m module, residual tensor.Value) tensor.Value {
	_, adapted := g.mode.Adapters[m.name]
	if rate == 0 && !adapted {
		g.Skip()
		w, bias := g.weights(m, g.Values[x].Columns)
		return g.Linear(x, w, bias, tensor.Identity, residual)
	}
	y := g.Dropout(g.linear(x, m, tensor.Identity), rate)
	return g.Add(y, residual)
}

func (g *builder) adapt(y, x tensor.Value, name string, adapter Adapter) tensor.Value {
	g.used[name] = true
	nameA, nameB := LoRAWeights(name)
	a := g.Param(nameA, adapter.Rank, g.Values[x].Columns)
	b := g.Param(nameB, g.Values[y].Columns, adapter.Rank)
	low := g.Linear(g.Dropout(x, adapter.Dropout), a, tensor.None, tensor.Identity, tensor.None)
	return g.Linear(g.Scale(low, adapter.Scaling), b, tensor.None, tensor.Identity, y)
}

// headFactor is the usual factor of scores: one over the root of a head's width.
func headFactor(hidden, heads int) float32 { return float32(1 / math.Sqrt(float64(hidden/heads))) }
