// Package transformer builds the operation lists of the supported networks. Training and inference share one definition.
package transformer

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// BERT is the encoder of Devlin et al. (2019) as transformers' BertModel computes it, without its pooler.
type BERT struct {
	Hidden, Layers, Heads, Intermediate int
	Vocabulary, Positions, Types        int
	Activation                          tensor.Activation
	Epsilon                             float32
	Prefix                              string // of tensor names in the file, such as "bert."
}

// Head is what follows the network: pooling, dense layers and unit length.
type Head struct {
	Pooling    tensor.Pooling
	SkipPrompt bool // leave the prompt's tokens out of the pooling
	Dense      []Dense
	Normalize  bool
}

// Dense is a layer on the pooled vector.
type Dense struct {
	Weight, Bias string // tensor names; Bias is empty where there is none
	In, Out      int
	Activation   tensor.Activation
}

// Mode is how a graph is built: for inference (the zero value) or for training, with dropout and adapters.
type Mode struct {
	HiddenDropout, AttentionDropout float32
	Adapters                        map[string]Adapter // by module name, without prefix and ".weight"
}

// Adapter is the LoRA pair of one linear module (Hu et al., 2022): y += Scaling · dropout(x)·Aᵀ·Bᵀ.
type Adapter struct {
	Rank    int
	Scaling float32
	Dropout float32
}

// LoRAWeights are the names of an adapter's parameters in a graph.
func LoRAWeights(module string) (a, b string) {
	return module + ".lora_A.weight", module + ".lora_B.weight"
}

// Graph builds the network with its head. Parameters have the names of the file's tensors.
func (b BERT) Graph(head Head, mode Mode) (*tensor.Graph, error) {
	if b.Hidden%b.Heads != 0 {
		return nil, fmt.Errorf("%d hidden units do not divide into %d heads", b.Hidden, b.Heads)
	}
	g := &builder{Graph: &tensor.Graph{}, prefix: b.Prefix, mode: mode, used: map[string]bool{}}
	x := b.embed(g)
	for layer := range b.Layers {
		x = b.layer(g, x, fmt.Sprintf("encoder.layer.%d.", layer))
	}
	head.build(g, x)
	for module := range mode.Adapters {
		if !g.used[module] {
			return nil, fmt.Errorf("adapter for module %q: the network has no such linear module", module)
		}
	}
	return g.Graph, nil
}

// Modules are the names of every linear module that an adapter may sit on, in order.
func (b BERT) Modules() []string {
	var names []string
	for layer := range b.Layers {
		for _, m := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"} {
			names = append(names, fmt.Sprintf("encoder.layer.%d.%s", layer, m))
		}
	}
	return names
}

func (b BERT) embed(g *builder) tensor.Value {
	x := g.Lookup(
		g.matrix("embeddings.word_embeddings.weight", b.Vocabulary, b.Hidden),
		g.matrix("embeddings.position_embeddings.weight", b.Positions, b.Hidden),
		g.matrix("embeddings.token_type_embeddings.weight", b.Types, b.Hidden))
	x = g.norm(x, "embeddings.LayerNorm", b.Epsilon)
	return g.Dropout(x, g.mode.HiddenDropout)
}

func (b BERT) layer(g *builder, x tensor.Value, name string) tensor.Value {
	scale := float32(1 / math.Sqrt(float64(b.Hidden/b.Heads)))
	q := g.linear(x, name+"attention.self.query", b.Hidden, tensor.Identity)
	k := g.linear(x, name+"attention.self.key", b.Hidden, tensor.Identity)
	v := g.linear(x, name+"attention.self.value", b.Hidden, tensor.Identity)
	a := g.Attention(q, k, v, b.Heads, false, scale, g.mode.AttentionDropout)
	a = g.add(a, name+"attention.output.dense", b.Hidden, x)
	a = g.norm(a, name+"attention.output.LayerNorm", b.Epsilon)
	up := g.linear(a, name+"intermediate.dense", b.Intermediate, b.Activation)
	y := g.add(up, name+"output.dense", b.Hidden, a)
	return g.norm(y, name+"output.LayerNorm", b.Epsilon)
}

func (h Head) build(g *builder, x tensor.Value) {
	x = g.Pool(x, h.Pooling, h.SkipPrompt)
	for _, d := range h.Dense {
		bias := tensor.Param(tensor.None)
		if d.Bias != "" {
			bias = g.Param(d.Bias, 1, d.Out)
		}
		x = g.Linear(x, g.Param(d.Weight, d.Out, d.In), bias, d.Activation, tensor.None)
	}
	if h.Normalize {
		g.Normalize(x)
	}
}

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

// linear is a module with its adapter, then the activation.
func (g *builder) linear(x tensor.Value, name string, out int, act tensor.Activation) tensor.Value {
	w, bias := g.matrix(name+".weight", out, g.Values[x].Columns), g.matrix(name+".bias", 1, out)
	adapter, ok := g.mode.Adapters[name]
	if !ok {
		return g.Linear(x, w, bias, act, tensor.None)
	}
	y := g.adapt(g.Linear(x, w, bias, tensor.Identity, tensor.None), x, name, adapter)
	return g.Activate(y, act)
}

// add is a module, its dropout and the residual. Without dropout the residual joins the product.
func (g *builder) add(x tensor.Value, name string, out int, residual tensor.Value) tensor.Value {
	_, adapted := g.mode.Adapters[name]
	if g.mode.HiddenDropout == 0 && !adapted {
		g.Skip()
		return g.Linear(x, g.matrix(name+".weight", out, g.Values[x].Columns), g.matrix(name+".bias", 1, out), tensor.Identity, residual)
	}
	y := g.Dropout(g.linear(x, name, out, tensor.Identity), g.mode.HiddenDropout)
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
