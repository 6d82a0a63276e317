package transformer

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// ModernBERT is the encoder of Warner et al. (2024) as transformers' ModernBertModel computes it: norms before the blocks,
// rotary positions, gated feed-forward blocks, and layers in which a token sees its neighbours alone.
type ModernBERT struct {
	Hidden, Layers, Heads, Intermediate, Vocabulary int
	Padding                                         int // token whose embedding does not learn; tensor.None is none
	Activation                                      tensor.Activation
	Epsilon                                         float32
	NormBias, AttentionBias, MLPBias                bool

	Local                 []bool // by layer: whether attention has the window
	Window                int    // in tokens: one sees those less than so many places away
	Rotary, SlidingRotary Rotary // of layers without and with the window
}

// Modules are the names of every linear module that an adapter may sit on, in order.
func (m ModernBERT) Modules() []string {
	return perLayer("layers.", m.Layers, "attn.Wqkv", "attn.Wo", "mlp.Wi", "mlp.Wo")
}

func (m ModernBERT) build(g *builder) tensor.Value {
	x := g.wordsOnly("embeddings.tok_embeddings.weight", m.Vocabulary, "", 0, m.Hidden, m.Padding)
	x = g.Dropout(m.norm(g, x, "embeddings.norm"), g.mode.HiddenDropout)
	angles := map[bool]tensor.Value{}
	for _, local := range m.Local {
		if _, made := angles[local]; made {
			continue
		}
		r := m.Rotary
		if local {
			r = m.SlidingRotary
		}
		angles[local] = g.StretchedRotary(r.Frequencies, r.Stretch)
	}
	for layer, local := range m.Local {
		x = m.layer(g, x, layer, angles[local])
	}
	return m.norm(g, x, "final_norm")
}

func (m ModernBERT) layer(g *builder, x tensor.Value, layer int, angles tensor.Value) tensor.Value {
	name := fmt.Sprintf("layers.%d.", layer)
	how := tensor.Attending{Heads: m.Heads, Rate: g.mode.AttentionDropout}
	if m.Local[layer] {
		how.Window = m.Window
	}
	y := x // the first layer's norm is that of the embeddings
	if layer > 0 {
		y = m.norm(g, x, name+"attn_norm")
	}
	y = g.attendPacked(y, module{name + "attn.Wqkv", 3 * m.Hidden, m.AttentionBias}, angles, how)
	x = g.addAt(g.mode.AttentionDropout, y, module{name + "attn.Wo", m.Hidden, m.AttentionBias}, x)

	gate, up := g.halves(m.norm(g, x, name+"mlp_norm"), module{name + "mlp.Wi", 2 * m.Intermediate, m.MLPBias})
	y = g.Dropout(g.Gate(gate, up, m.Activation), g.mode.HiddenDropout)
	return g.addAt(0, y, module{name + "mlp.Wo", m.Hidden, m.MLPBias}, x)
}

func (m ModernBERT) norm(g *builder, x tensor.Value, name string) tensor.Value {
	if m.NormBias {
		return g.norm(x, name, m.Epsilon)
	}
	return g.LayerNorm(x, g.matrix(name+".weight", 1, m.Hidden), tensor.None, m.Epsilon)
}
