// Package transformer builds the operation lists of the supported networks. Training and inference share one definition.
package transformer

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// Network is a network that makes a vector of every token: the description of one architecture with its sizes.
type Network interface {
	// Modules are the names of every linear module that an adapter may sit on, in order: as transformers' AutoModel has
	// them, without prefix and ".weight".
	Modules() []string

	// build adds the network from token ids to the last hidden state [T, H]. Parameters have the names that AutoModel
	// gives them.
	build(g *builder) tensor.Value
}

// Graph builds a network with its head. Parameters have the names of the file's tensors: prefix, such as "bert.", then
// the network's own. The sizes of a network must be consistent; an adapter on a module that it has not is an error.
func Graph(n Network, prefix string, head Head, mode Mode) (*tensor.Graph, error) {
	g := &builder{Graph: &tensor.Graph{}, prefix: prefix, mode: mode, used: map[string]bool{}}
	head.build(g, n.build(g))
	for module := range mode.Adapters {
		if !g.used[module] {
			return nil, fmt.Errorf("adapter for module %q: the network has no such linear module", module)
		}
	}
	return g.Graph, nil
}

// Head is what follows the network: pooling, dense layers and unit length.
type Head struct {
	Pooling    tensor.Pooling
	SkipPrompt bool // leave the prompt's tokens out of the pooling
	Dense      []Dense
	Normalize  bool
	Truncate   int  // leading numbers of a vector that are kept, after Normalize; 0 keeps all
	Unit       bool // bring what is kept to unit length
}

// Dense is a layer on the pooled vector.
type Dense struct {
	Weight, Bias string // tensor names; Bias is empty where there is none
	In, Out      int
	Activation   tensor.Activation
	Dropped      bool // a dropout stands before it in training, as in the heads of classifiers
}

// Mode is how a graph is built: for inference (the zero value) or for training, with dropout and adapters.
type Mode struct {
	HiddenDropout, AttentionDropout float32
	HeadDropout                     float32            // before the Dropped layers of the head
	Adapters                        map[string]Adapter // by module name, without prefix and ".weight"

	Whole bool // keep all of a vector, whatever is kept at inference: training
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

func (h Head) build(g *builder, x tensor.Value) {
	x = g.Pool(x, h.Pooling, h.SkipPrompt)
	for _, d := range h.Dense {
		bias := tensor.Param(tensor.None)
		if d.Bias != "" {
			bias = g.Param(d.Bias, 1, d.Out)
		}
		if d.Dropped {
			x = g.Dropout(x, g.mode.HeadDropout)
		}
		x = g.Linear(x, g.Param(d.Weight, d.Out, d.In), bias, d.Activation, tensor.None)
	}
	if h.Normalize {
		x = g.Normalize(x)
	}
	if h.Truncate > 0 {
		x = g.Slice(x, 0, h.Truncate)
	}
	if h.Unit && (h.Truncate > 0 || !h.Normalize) {
		g.Normalize(x)
	}
}

// perLayer lists the modules of each layer: stem, the layer's number, name.
func perLayer(stem string, layers int, names ...string) []string {
	all := make([]string, 0, layers*len(names))
	for layer := range layers {
		for _, name := range names {
			all = append(all, fmt.Sprintf("%s%d.%s", stem, layer, name))
		}
	}
	return all
}
