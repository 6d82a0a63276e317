package transformer

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/tensor"
)

// Decoder is the network of Llama (Touvron et al., 2023) without its head, and of those that vary it: Mistral, Qwen 2 and
// 3, Gemma 2 and 3. Norms stand before the blocks, positions are rotary, the feed-forward block is gated. It computes what
// transformers' LlamaModel and its like compute, causal or, with Bidirectional, with every token seeing all others.
type Decoder struct {
	Hidden, Layers, Intermediate, Vocabulary int
	Heads, KVHeads, HeadDim                  int // each head of keys and values serves Heads/KVHeads of queries; HeadDim is even

	Activation tensor.Activation // of the gate
	Epsilon    float32           // of the norms
	Offset     float32           // added to the weights of the norms: 1 in Gemma
	Embedding  float32           // factor of the embeddings; 0 is none

	QKVBias, OutputBias, MLPBias bool // biases of q, k and v, of o, and of gate, up and down
	HeadNorms                    bool // q and k are normalised by head (Qwen 3, Gemma 3)
	BlockNorms                   bool // what a block gives is normalised before it is added (Gemma 2 and 3)

	Factor        float32 // of scores
	Cap           float32 // soft cap of scores; 0 is none (Gemma 2)
	Bidirectional bool
	Sliding       []bool // by layer: whether attention has the window; nil is none
	Window        int    // in tokens: one sees those less than so many places away

	Rotary, SlidingRotary Rotary // of layers without and with the window
}

// Rotary is the rotary position embeddings of HeadDim/2 frequencies (Su et al., 2021).
type Rotary struct {
	Frequencies []float32
	Stretch     tensor.Stretch
}

// Modules are the names of every linear module that an adapter may sit on, in order.
func (d Decoder) Modules() []string {
	return perLayer("layers.", d.Layers, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
}

func (d Decoder) build(g *builder) tensor.Value {
	x := g.Lookup(g.matrix("embed_tokens.weight", d.Vocabulary, d.Hidden), tensor.None, tensor.None)
	if d.Embedding != 0 {
		x = g.Scale(x, d.Embedding)
	}
	angles := d.angles(g)
	for layer := range d.Layers {
		name := fmt.Sprintf("layers.%d.", layer)
		x = d.attention(g, x, name, layer, angles[d.slides(layer)])
		x = d.feedForward(g, x, name)
	}
	return d.norm(g, x, "norm")
}

func (d Decoder) slides(layer int) bool { return layer < len(d.Sliding) && d.Sliding[layer] }

// angles are those of layers with and without the window, as far as there are such layers.
func (d Decoder) angles(g *builder) map[bool]tensor.Value {
	angles := map[bool]tensor.Value{}
	for layer := range d.Layers {
		slides := d.slides(layer)
		if _, made := angles[slides]; made {
			continue
		}
		r := d.Rotary
		if slides {
			r = d.SlidingRotary
		}
		angles[slides] = g.StretchedRotary(r.Frequencies, r.Stretch)
	}
	return angles
}

func (d Decoder) attention(g *builder, x tensor.Value, name string, layer int, angles tensor.Value) tensor.Value {
	y := d.norm(g, x, name+"input_layernorm")
	project := func(which string, heads int) tensor.Value {
		return g.linear(y, module{name + "self_attn." + which + "_proj", heads * d.HeadDim, d.QKVBias}, tensor.Identity)
	}
	turned := func(v tensor.Value, which string, heads int) tensor.Value {
		if d.HeadNorms {
			v = d.headNorm(g, v, name+"self_attn."+which+"_norm")
		}
		return g.Rotate(v, angles, heads)
	}
	q, k, v := project("q", d.Heads), project("k", d.KVHeads), project("v", d.KVHeads)
	how := tensor.Attending{Heads: d.Heads, Causal: !d.Bidirectional, Factor: d.Factor, Cap: d.Cap, Rate: g.mode.AttentionDropout}
	if d.slides(layer) {
		how.Window = d.Window
	}
	a := g.Attend(turned(q, "q", d.Heads), turned(k, "k", d.KVHeads), v, how)
	return d.add(g, a, module{name + "self_attn.o_proj", d.Hidden, d.OutputBias}, x, name+"post_attention_layernorm")
}

func (d Decoder) feedForward(g *builder, x tensor.Value, name string) tensor.Value {
	before := "post_attention_layernorm"
	if d.BlockNorms {
		before = "pre_feedforward_layernorm"
	}
	y := d.norm(g, x, name+before)
	gate := g.linear(y, module{name + "mlp.gate_proj", d.Intermediate, d.MLPBias}, tensor.Identity)
	up := g.linear(y, module{name + "mlp.up_proj", d.Intermediate, d.MLPBias}, tensor.Identity)
	y = g.Gate(gate, up, d.Activation)
	return d.add(g, y, module{name + "mlp.down_proj", d.Hidden, d.MLPBias}, x, name+"post_feedforward_layernorm")
}

// add ends a block: the module and the residual, with the norm between them where blocks have one.
func (d Decoder) add(g *builder, y tensor.Value, m module, residual tensor.Value, norm string) tensor.Value {
	if !d.BlockNorms {
		return g.add(y, m, residual)
	}
	return g.Add(d.norm(g, g.linear(y, m, tensor.Identity), norm), residual)
}

func (d Decoder) norm(g *builder, x tensor.Value, name string) tensor.Value {
	return g.RMSNorm(x, g.matrix(name+".weight", 1, d.Hidden), d.Epsilon, d.Offset)
}

// headNorm normalises each head by itself.
func (d Decoder) headNorm(g *builder, x tensor.Value, name string) tensor.Value {
	return g.RMSNorm(x, g.matrix(name+".weight", 1, d.HeadDim), d.Epsilon, d.Offset)
}
