package transformer

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// BERT is the encoder of Devlin et al. (2019) as transformers' BertModel computes it, without its pooler.
type BERT struct {
	Hidden, Layers, Heads, Intermediate int
	Vocabulary, Positions, Types        int // rows of the tables
	Activation                          tensor.Activation
	Epsilon                             float32

	// RoBERTa sets the padding token apart and counts positions from the one after its id (tensor.Graph.PaddedLookup).
	Padded  bool
	Padding int
}

// Modules are the names of every linear module that an adapter may sit on, in order.
func (b BERT) Modules() []string {
	return perLayer("encoder.layer.", b.Layers, "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense")
}

func (b BERT) build(g *builder) tensor.Value {
	x := b.embed(g)
	for layer := range b.Layers {
		x = b.layer(g, x, fmt.Sprintf("encoder.layer.%d.", layer))
	}
	return x
}

func (b BERT) embed(g *builder) tensor.Value {
	word := g.matrix("embeddings.word_embeddings.weight", b.Vocabulary, b.Hidden)
	position := g.matrix("embeddings.position_embeddings.weight", b.Positions, b.Hidden)
	kind := g.matrix("embeddings.token_type_embeddings.weight", b.Types, b.Hidden)
	x := tensor.Value(tensor.None)
	if b.Padded {
		x = g.PaddedLookup(word, position, kind, b.Padding)
	} else {
		x = g.Lookup(word, position, kind)
	}
	x = g.norm(x, "embeddings.LayerNorm", b.Epsilon)
	return g.Dropout(x, g.mode.HiddenDropout)
}

func (b BERT) layer(g *builder, x tensor.Value, name string) tensor.Value {
	q := g.linear(x, module{name + "attention.self.query", b.Hidden, true}, tensor.Identity)
	k := g.linear(x, module{name + "attention.self.key", b.Hidden, true}, tensor.Identity)
	v := g.linear(x, module{name + "attention.self.value", b.Hidden, true}, tensor.Identity)
	a := g.Attention(q, k, v, b.Heads, false, headFactor(b.Hidden, b.Heads), g.mode.AttentionDropout)
	a = g.add(a, module{name + "attention.output.dense", b.Hidden, true}, x)
	a = g.norm(a, name+"attention.output.LayerNorm", b.Epsilon)
	up := g.linear(a, module{name + "intermediate.dense", b.Intermediate, true}, b.Activation)
	y := g.add(up, module{name + "output.dense", b.Hidden, true}, a)
	return g.norm(y, name+"output.LayerNorm", b.Epsilon)
}
