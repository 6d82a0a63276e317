package transformer

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// GTE is the encoder of Zhang et al. (2024, mGTE), transformers' GteModel and the NewModel that it was published as: BERT
// with rotary positions and gated feed-forward blocks. Its modules are those of its files.
type GTE struct {
	Hidden, Layers, Heads, Intermediate int
	Vocabulary, Types                   int // Types 0 is no table of them
	Padding                             int // token whose embedding does not learn; tensor.None is none
	Activation                          tensor.Activation
	Epsilon                             float32
	Rotary                              Rotary
}

// Modules are the names of every linear module that an adapter may sit on, in order.
func (e GTE) Modules() []string {
	return perLayer("encoder.layer.", e.Layers, "attention.qkv_proj", "attention.o_proj", "mlp.up_gate_proj", "mlp.down_proj")
}

func (e GTE) build(g *builder) tensor.Value {
	x := g.wordsOnly("embeddings.word_embeddings.weight", e.Vocabulary, "embeddings.token_type_embeddings.weight", e.Types, e.Hidden, e.Padding)
	x = g.Dropout(g.norm(x, "embeddings.LayerNorm", e.Epsilon), g.mode.HiddenDropout)
	angles := g.StretchedRotary(e.Rotary.Frequencies, e.Rotary.Stretch)
	for layer := range e.Layers {
		name := fmt.Sprintf("encoder.layer.%d.", layer)
		a := g.attendPacked(x, module{name + "attention.qkv_proj", 3 * e.Hidden, true}, angles, tensor.Attending{Heads: e.Heads, Rate: g.mode.AttentionDropout})
		a = g.add(a, module{name + "attention.o_proj", e.Hidden, true}, x)
		a = g.norm(a, name+"attn_ln", e.Epsilon)
		up, gate := g.halves(a, module{name + "mlp.up_gate_proj", 2 * e.Intermediate, false})
		y := g.Dropout(g.Gate(gate, up, e.Activation), g.mode.HiddenDropout)
		x = g.norm(g.add(y, module{name + "mlp.down_proj", e.Hidden, true}, a), name+"mlp_ln", e.Epsilon)
	}
	return x
}
