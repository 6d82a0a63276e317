package transformer

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// NomicBERT is the encoder of Nussbaum et al. (2024): BERT with rotary positions and, for the most part, gated
// feed-forward blocks. Its modules are those of its files and of the code that it was published with.
type NomicBERT struct {
	Hidden, Layers, Heads, Intermediate int
	Vocabulary, Types                   int // Types 0 is no table of them
	Padding                             int // token whose embedding does not learn; tensor.None is none
	Activation                          tensor.Activation
	Gated                               bool // the activation is of a gate
	Epsilon                             float32
	Rotary                              Rotary
	AttentionBias, UpBias, DownBias     bool // of both linear maps of attention; of those of the feed-forward block
}

// Modules are the names of every linear module that an adapter may sit on, in order.
func (n NomicBERT) Modules() []string {
	if n.Gated {
		return perLayer("encoder.layers.", n.Layers, "attn.Wqkv", "attn.out_proj", "mlp.fc11", "mlp.fc12", "mlp.fc2")
	}
	return perLayer("encoder.layers.", n.Layers, "attn.Wqkv", "attn.out_proj", "mlp.fc1", "mlp.fc2")
}

func (n NomicBERT) build(g *builder) tensor.Value {
	x := g.wordsOnly("embeddings.word_embeddings.weight", n.Vocabulary, "embeddings.token_type_embeddings.weight", n.Types, n.Hidden, n.Padding)
	x = g.Dropout(g.norm(x, "emb_ln", n.Epsilon), g.mode.HiddenDropout)
	angles := g.StretchedRotary(n.Rotary.Frequencies, n.Rotary.Stretch)
	for layer := range n.Layers {
		name := fmt.Sprintf("encoder.layers.%d.", layer)
		a := g.attendPacked(x, module{name + "attn.Wqkv", 3 * n.Hidden, n.AttentionBias}, angles, tensor.Attending{Heads: n.Heads, Rate: g.mode.AttentionDropout})
		a = g.add(a, module{name + "attn.out_proj", n.Hidden, n.AttentionBias}, x)
		a = g.norm(a, name+"norm1", n.Epsilon)
		y := g.add(n.up(g, a, name), module{name + "mlp.fc2", n.Hidden, n.DownBias}, a)
		x = g.norm(y, name+"norm2", n.Epsilon)
	}
	return x
}

func (n NomicBERT) up(g *builder, x tensor.Value, name string) tensor.Value {
	if !n.Gated {
		return g.linear(x, module{name + "mlp.fc1", n.Intermediate, n.UpBias}, n.Activation)
	}
	up := g.linear(x, module{name + "mlp.fc11", n.Intermediate, n.UpBias}, tensor.Identity)
	gate := g.linear(x, module{name + "mlp.fc12", n.Intermediate, n.UpBias}, tensor.Identity)
	return g.Gate(gate, up, n.Activation)
}
