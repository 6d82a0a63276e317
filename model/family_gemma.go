package model

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/model/transformer"
)

// The text networks of Gemma; those that also read images are not among them. EmbeddingGemma is Gemma 3 with
// use_bidirectional_attention.
var (
	gemma2 = decoder("gemma2", classesOf("Gemma2"), readGemma2)
	gemma3 = withTokens(decoder("gemma3_text", []string{"Gemma3TextModel", "Gemma3ForCausalLM", "Gemma3TextForSequenceClassification"}, readGemma3),
		"<image_soft_token>") // all of Gemma 3 has one tokenizer; only networks that read images have a row for this
)

// withTokens is a family whose tokenizers have tokens without an embedding.
func withTokens(f *family, beyond ...string) *family {
	f.beyond = beyond
	return f
}

func readGemma2(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readGemma(c, o)
	if err != nil {
		return d, err
	}
	both, err := o.takeFlag("use_bidirectional_attention")
	if err != nil {
		return d, err
	}
	if both {
		return d, fmt.Errorf("%s: use_bidirectional_attention true means different things to transformers' kinds of attention in gemma2; say is_causal false", o.file)
	}
	if err := takeWindow(o, &d); err != nil {
		return d, err
	}
	if err := takeLayerTypes(o, &d, func(layer int) bool { return layer%2 == 0 }); err != nil {
		return d, err
	}
	limit := 50.0
	if o.isNull("attn_logit_softcapping") {
		limit = 0
	}
	present, err := o.take("attn_logit_softcapping", &limit)
	if err != nil {
		return d, err
	}
	if present && !(limit > 0 && limit <= math.MaxFloat32) {
		return d, fmt.Errorf("%s: attn_logit_softcapping %g is not a positive number", o.file, limit)
	}
	d.Cap = float32(limit)
	return d, shareRope(c, o, &d)
}

// readGemma3 leaves attn_logit_softcapping alone: the network of transformers does not use it.
func readGemma3(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readGemma(c, o)
	if err != nil {
		return d, err
	}
	d.HeadNorms = true
	if err := takeWindow(o, &d); err != nil {
		return d, err
	}
	both, err := o.takeFlag("use_bidirectional_attention")
	if err != nil {
		return d, err
	}
	if both && d.Bidirectional {
		return d, fmt.Errorf("%s: use_bidirectional_attention true and is_causal false count sliding_window differently; say one of them", o.file)
	}
	if both { // half of the window on either side, and the token itself
		d.Bidirectional, d.Window = true, d.Window/2+1
	}
	every := 6
	if err := o.takeSizes([]size{{"sliding_window_pattern", &every}}); err != nil {
		return d, err
	}
	if err := takeLayerTypes(o, &d, func(layer int) bool { return (layer+1)%every != 0 }); err != nil {
		return d, err
	}
	full, sliding, err := o.takeLayerRopes(1e6, 1e4, c.MaxPositions)
	if err != nil {
		return d, err
	}
	if d.Rotary, err = full.rotary(d.HeadDim); err != nil {
		return d, err
	}
	if d.SlidingRotary, err = sliding.rotary(d.HeadDim); err != nil {
		return d, err
	}
	return d, nil
}

// readGemma reads what both have: norms by 1 + weight, also of what a block gives, scaled embeddings and scores.
func readGemma(c *Config, o *object) (transformer.Decoder, error) {
	d, err := readDecoder(c, o, decoderDefaults{activation: "hidden_activation", function: "gelu_pytorch_tanh", headDim: 256})
	if err != nil {
		return d, err
	}
	d.Offset, d.BlockNorms, d.Window = 1, true, 4096
	d.Embedding = float32(math.Sqrt(float64(d.Hidden)))
	if d.QKVBias, err = o.takeFlag("attention_bias"); err != nil {
		return d, err
	}
	d.OutputBias = d.QKVBias
	scalar := 256.0
	if _, err := o.take("query_pre_attn_scalar", &scalar); err != nil {
		return d, err
	}
	if !(scalar > 0 && scalar <= math.MaxFloat32) {
		return d, fmt.Errorf("%s: query_pre_attn_scalar %g is not a positive number", o.file, scalar)
	}
	d.Factor = float32(1 / math.Sqrt(scalar))
	return d, nil
}
