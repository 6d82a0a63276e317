package model

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/model/transformer"
)

// modernbert is transformers' ModernBertModel. Without part are its heads.
var modernbert = &family{
	kind:        "modernbert",
	classes:     withHeads("ModernBert", "MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice"),
	read:        readModernBERT,
	first:       "embeddings.tok_embeddings.weight",
	prefixes:    []string{"model."},
	withoutPart: []string{"head.", "decoder.", "classifier."},
}

func readModernBERT(c *Config, o *object) (transformer.Network, error) {
	var m transformer.ModernBERT
	err := o.takeSizes([]size{
		{"hidden_size", &c.HiddenSize},
		{"num_hidden_layers", &c.Layers},
		{"num_attention_heads", &m.Heads},
		{"intermediate_size", &m.Intermediate},
		{"vocab_size", &c.VocabSize},
		{"max_position_embeddings", &c.MaxPositions},
	})
	if err != nil {
		return nil, err
	}
	if c.Layers > math.MaxUint16 {
		return nil, fmt.Errorf("%s: num_hidden_layers %d is not a size", o.file, c.Layers)
	}
	m.Hidden, m.Layers, m.Vocabulary = c.HiddenSize, c.Layers, c.VocabSize
	if err := o.checkRotaryHeads(m.Hidden, m.Heads); err != nil {
		return nil, err
	}
	if m.Padding, err = o.takePadding(50283, c.VocabSize); err != nil {
		return nil, err
	}
	if m.Activation, err = o.takeActivation("hidden_activation", "gelu", gatedActivations); err != nil {
		return nil, err
	}
	epsilon, err := o.takeEpsilon("norm_eps", 1e-5)
	if err != nil {
		return nil, err
	}
	m.Epsilon = float32(epsilon)
	if err := o.takeFlags([]flag{{"norm_bias", &m.NormBias}, {"attention_bias", &m.AttentionBias}, {"mlp_bias", &m.MLPBias}}); err != nil {
		return nil, err
	}
	if err := takeModernBERTDropout(c, o); err != nil {
		return nil, err
	}
	if err := takeLocalLayers(o, &m); err != nil {
		return nil, err
	}
	return m, takeModernBERTRopes(c, o, &m)
}

// takeModernBERTDropout reads rates of which Quarry has one for all hidden values.
func takeModernBERTDropout(c *Config, o *object) (err error) {
	if c.AttentionDropout, err = o.takeProbability("attention_dropout", 0); err != nil {
		return err
	}
	if c.HiddenDropout, err = o.takeProbability("mlp_dropout", 0); err != nil {
		return err
	}
	embeddings, err := o.takeProbability("embedding_dropout", 0)
	if err == nil && embeddings != c.HiddenDropout {
		err = fmt.Errorf("%s: embedding_dropout %g beside mlp_dropout %g is not supported: they must be equal", o.file, embeddings, c.HiddenDropout)
	}
	return err
}

// takeLocalLayers reads which layers are local, and how far their tokens see: half of local_attention on either side.
func takeLocalLayers(o *object, m *transformer.ModernBERT) error {
	local, every := 128, 3
	if err := o.takeSizes([]size{{"local_attention", &local}, {"global_attn_every_n_layers", &every}}); err != nil {
		return err
	}
	m.Window = local/2 + 1
	var err error
	m.Local, err = o.takeSlidingLayers(m.Layers, func(layer int) bool { return layer%every != 0 })
	return err
}

// takeModernBERTRopes reads the bases of global and local layers, which have keys of their own in the published files.
func takeModernBERTRopes(c *Config, o *object, m *transformer.ModernBERT) error {
	global, local := 160000.0, 10000.0
	if err := o.takeNumbers([]number{{"global_rope_theta", &global}, {"local_rope_theta", &local}}); err != nil {
		return err
	}
	full, sliding, err := o.takeLayerRopes(global, local, c.MaxPositions)
	if err != nil {
		return err
	}
	if m.Rotary, err = full.rotary(m.Hidden / m.Heads); err != nil {
		return err
	}
	m.SlidingRotary, err = sliding.rotary(m.Hidden / m.Heads)
	return err
}
