package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/model/transformer"
)

// decoder makes the family of a decoder of transformers by its classes: the network and what stands on it. Without part are
// the heads of ForCausalLM, ForSequenceClassification and ForTokenClassification, and frequencies that older versions of
// transformers saved. The prefix is that of all these classes.
func decoder(kind string, classes []string, read func(*Config, *object) (transformer.Decoder, error)) *family {
	return &family{
		kind:        kind,
		decodes:     true,
		classes:     classes,
		read:        func(c *Config, o *object) (transformer.Network, error) { return read(c, o) },
		first:       "embed_tokens.weight",
		prefixes:    []string{"model."},
		withoutPart: []string{"lm_head.", "score.", "classifier."},
		buffers:     []string{".rotary_emb.inv_freq"},
	}
}

// classesOf are a network's class and those of its heads, whose names begin with a stem.
func classesOf(stem string) []string {
	return []string{stem + "Model", stem + "ForCausalLM", stem + "ForSequenceClassification", stem + "ForTokenClassification"}
}

// The decoders whose layers are alike.
var (
	llama   = decoder("llama", classesOf("Llama"), readLlama)
	mistral = decoder("mistral", classesOf("Mistral"), readMistral)
	qwen2   = decoder("qwen2", classesOf("Qwen2"), readQwen2)
	qwen3   = decoder("qwen3", classesOf("Qwen3"), readQwen3)
)

func readLlama(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readDecoder(c, o, decoderDefaults{activation: "hidden_act", function: "silu"})
	if err != nil {
		return d, err
	}
	if d.QKVBias, err = o.takeFlag("attention_bias"); err != nil {
		return d, err
	}
	d.OutputBias = d.QKVBias
	if d.MLPBias, err = o.takeFlag("mlp_bias"); err != nil {
		return d, err
	}
	return d, shareRope(c, o, &d)
}

func readMistral(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readDecoder(c, o, decoderDefaults{activation: "hidden_act", function: "silu"})
	if err != nil {
		return d, err
	}
	d.Window = 4096
	if err := takeWindow(o, &d); err != nil {
		return d, err
	}
	if d.Window > 0 {
		d.Sliding = slices.Repeat([]bool{true}, d.Layers)
	}
	return d, shareRope(c, o, &d)
}

func readQwen2(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readQwen(c, o, decoderDefaults{activation: "hidden_act", function: "silu"})
	d.QKVBias = true
	return d, err
}

func readQwen3(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readQwen(c, o, decoderDefaults{activation: "hidden_act", function: "silu", headDim: 128})
	if err != nil {
		return d, err
	}
	d.HeadNorms = true
	d.QKVBias, err = o.takeFlag("attention_bias")
	d.OutputBias = d.QKVBias
	return d, err
}

// readQwen reads what both have: a window from some layer on, if it is used at all.
func readQwen(c *Config, o *object, defaults decoderDefaults) (transformer.Decoder, error) {
	d, err := readDecoder(c, o, defaults)
	if err != nil {
		return d, err
	}
	used, err := o.takeFlag("use_sliding_window")
	if err != nil {
		return d, err
	}
	if used {
		d.Window = 4096
	}
	if err := takeWindow(o, &d); err != nil {
		return d, err
	}
	if !used {
		d.Window = 0
	}
	whole := 28
	if _, err := o.take("max_window_layers", &whole); err != nil {
		return d, err
	}
	if err := takeLayerTypes(o, &d, func(layer int) bool { return d.Window > 0 && layer >= whole }); err != nil {
		return d, err
	}
	return d, shareRope(c, o, &d)
}

// decoderDefaults is what families give a key that is absent.
type decoderDefaults struct {
	activation, function string // the key of the activation and its value
	headDim              int    // 0 is hidden_size / num_attention_heads
}

// readDecoder reads what all decoders have: sizes, the activation, norms, direction.
func readDecoder(c *Config, o *object, defaults decoderDefaults) (d transformer.Decoder, err error) {
	if err := o.takeSizes([]size{
		{"hidden_size", &c.HiddenSize},
		{"num_hidden_layers", &c.Layers},
		{"num_attention_heads", &d.Heads},
		{"intermediate_size", &d.Intermediate},
		{"vocab_size", &c.VocabSize},
		{"max_position_embeddings", &c.MaxPositions},
	}); err != nil {
		return d, err
	}
	if c.Layers > math.MaxUint16 {
		return d, fmt.Errorf("%s: num_hidden_layers %d is not a size", o.file, c.Layers)
	}
	d.Hidden, d.Layers, d.Vocabulary = c.HiddenSize, c.Layers, c.VocabSize
	if err := takeHeads(o, &d, defaults.headDim); err != nil {
		return d, err
	}
	if d.Activation, err = o.takeActivation(defaults.activation, defaults.function, gatedActivations); err != nil {
		return d, err
	}
	epsilon, err := o.takeEpsilon("rms_norm_eps", 1e-6)
	if err != nil {
		return d, err
	}
	d.Epsilon = float32(epsilon)
	if c.AttentionDropout, err = o.takeProbability("attention_dropout", 0); err != nil {
		return d, err
	}
	causal := true
	if _, err := o.take("is_causal", &causal); err != nil {
		return d, err
	}
	d.Bidirectional = !causal
	d.Factor = float32(1 / math.Sqrt(float64(d.HeadDim)))
	return d, nil
}

// takeHeads reads the heads of keys and the width of a head.
func takeHeads(o *object, d *transformer.Decoder, headDim int) error {
	d.KVHeads = d.Heads
	if d.HeadDim = headDim; headDim == 0 {
		d.HeadDim = max(1, d.Hidden/d.Heads)
		if _, stated := o.values["head_dim"]; d.Hidden%d.Heads != 0 && (!stated || o.isNull("head_dim")) {
			return fmt.Errorf("%s: hidden_size %d is not a multiple of num_attention_heads %d, and there is no head_dim", o.file, d.Hidden, d.Heads)
		}
	}
	if err := o.takeSizes([]size{{"num_key_value_heads", &d.KVHeads}, {"head_dim", &d.HeadDim}}); err != nil {
		return err
	}
	if d.Heads%d.KVHeads != 0 {
		return fmt.Errorf("%s: num_attention_heads %d is not a multiple of num_key_value_heads %d", o.file, d.Heads, d.KVHeads)
	}
	if d.HeadDim%2 != 0 || d.HeadDim > math.MaxUint16 {
		return fmt.Errorf("%s: head_dim %d is not an even number below 65536: rotary embeddings turn pairs", o.file, d.HeadDim)
	}
	return nil
}

// takeWindow reads sliding_window, which null takes away. Without causality transformers counts it to either side, the
// token itself not among them.
func takeWindow(o *object, d *transformer.Decoder) error {
	if o.isNull("sliding_window") {
		d.Window = 0
		return nil
	}
	window := d.Window
	present, err := o.take("sliding_window", &window)
	if err != nil {
		return err
	}
	if present && (window < 1 || window > math.MaxInt32) {
		return fmt.Errorf("%s: sliding_window %d is not a size", o.file, window)
	}
	if d.Window = window; d.Bidirectional && window > 0 {
		d.Window++
	}
	return nil
}

// takeLayerTypes reads which layers have the window; where config.json does not say, the family does.
func takeLayerTypes(o *object, d *transformer.Decoder, slides func(layer int) bool) (err error) {
	if d.Sliding, err = o.takeSlidingLayers(d.Layers, slides); err != nil {
		return err
	}
	if slices.Contains(d.Sliding, true) && d.Window == 0 {
		return fmt.Errorf("%s: layer_types has sliding_attention, but there is no sliding_window", o.file)
	}
	return nil
}

// shareRope reads rotary embeddings that all layers share.
func shareRope(c *Config, o *object, d *transformer.Decoder) error {
	r, err := o.takeRope(10000, c.MaxPositions)
	if err != nil {
		return err
	}
	if d.Rotary, err = r.rotary(d.HeadDim); err != nil {
		return err
	}
	d.SlidingRotary = d.Rotary
	c.Positions = c.MaxPositions
	c.MaxPositions, err = r.reach()
	return err
}
