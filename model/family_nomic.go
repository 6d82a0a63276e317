package model

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// nomicBERT is NomicBertModel, of transformers and of the code that it was published with: config.json has the keys of one
// or the other, the weights have the same names. Without part are its pooler and heads.
var nomicBERT = &family{
	kind:        "nomic_bert",
	classes:     withHeads("NomicBert", "PreTraining", "MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice"),
	read:        readNomicBERT,
	bos:         "[CLS]",
	eos:         "[SEP]",
	lowers:      true,
	first:       "embeddings.word_embeddings.weight",
	prefixes:    []string{"bert.", "nomic_bert."},
	withoutPart: []string{"pooler.", "cls.", "classifier.", "qa_outputs."},
}

func readNomicBERT(c *Config, o *object) (transformer.Network, error) {
	if _, published := o.values["n_embd"]; published {
		return readPublishedNomicBERT(c, o)
	}
	e, err := c.readEncoder(o, encoderDefaults{activation: "silu", allowed: gatedActivations})
	if err != nil {
		return nil, err
	}
	n := transformer.NomicBERT{
		Hidden: c.HiddenSize, Layers: c.Layers, Heads: e.heads, Intermediate: e.intermediate, Vocabulary: c.VocabSize, Types: 2,
		Activation: e.activation, Gated: true, Epsilon: e.epsilon,
	}
	if err := o.takeSizes([]size{{"type_vocab_size", &n.Types}}); err != nil {
		return nil, err
	}
	if n.Padding, err = o.takePadding(0, c.VocabSize); err != nil {
		return nil, err
	}
	n.Rotary, err = c.takeSharedRotary(o, 1000, e.heads)
	return n, err
}

// readPublishedNomicBERT reads the keys of GPT-2's configuration and those that the published code adds.
func readPublishedNomicBERT(c *Config, o *object) (transformer.Network, error) {
	if err := refuseOtherNomicBERT(o); err != nil {
		return nil, err
	}
	n := transformer.NomicBERT{AttentionBias: true, UpBias: true, DownBias: true, Types: 2}
	multiple := 1
	err := o.takeSizes([]size{
		{"n_embd", &c.HiddenSize},
		{"n_layer", &c.Layers},
		{"n_head", &n.Heads},
		{"vocab_size", &c.VocabSize},
		{"n_positions", &c.MaxPositions},
		{"pad_vocab_size_multiple", &multiple},
	})
	if err != nil {
		return nil, err
	}
	c.VocabSize = roundUp(c.VocabSize, multiple)
	n.Hidden, n.Layers, n.Vocabulary = c.HiddenSize, c.Layers, c.VocabSize
	if err := o.checkRotaryHeads(n.Hidden, n.Heads); err != nil {
		return nil, err
	}
	if n.Types, err = o.takeTypes(n.Types); err != nil {
		return nil, err
	}
	if n.Padding, err = o.takePadding(tensor.None, c.VocabSize); err != nil {
		return nil, err
	}
	epsilon, err := o.takeEpsilon("layer_norm_epsilon", 1e-5)
	if err != nil {
		return nil, err
	}
	n.Epsilon = float32(epsilon)
	if c.HiddenDropout, err = o.takeProbability("resid_pdrop", 0.1); err != nil {
		return nil, err
	}
	if c.AttentionDropout, err = o.takeProbability("attn_pdrop", 0.1); err != nil {
		return nil, err
	}
	if err := o.takeFlags([]flag{{"qkv_proj_bias", &n.AttentionBias}, {"mlp_fc1_bias", &n.UpBias}, {"mlp_fc2_bias", &n.DownBias}}); err != nil {
		return nil, err
	}
	if err := takePublishedMLP(o, &n); err != nil {
		return nil, err
	}
	return n, takePublishedRotary(c, o, &n)
}

// refuseOtherNomicBERT finds what the published code knows and no published text model of this kind has.
func refuseOtherNomicBERT(o *object) error {
	for _, key := range []string{"prenorm", "parallel_block", "use_rms_norm", "causal", "rotary_emb_interleaved"} {
		set, err := o.takeFlag(key)
		if err != nil {
			return err
		}
		if set {
			return fmt.Errorf("%s: %s true is not supported", o.file, key)
		}
	}
	for _, key := range []string{"moe_every_n_layers", "num_heads_kv", "rotary_emb_scale_base"} {
		var n float64
		if _, err := o.take(key, &n); err != nil {
			return err
		}
		if n != 0 {
			return fmt.Errorf("%s: %s %g is not supported", o.file, key, n)
		}
	}
	fraction := 0.0
	if _, err := o.take("rotary_emb_fraction", &fraction); err != nil {
		return err
	}
	if fraction != 1 {
		return fmt.Errorf("%s: rotary_emb_fraction %g is not supported; supported is 1", o.file, fraction)
	}
	return nil
}

// takePublishedMLP reads the feed-forward block: a gated one is as wide as the next multiple of 256.
func takePublishedMLP(o *object, n *transformer.NomicBERT) error {
	gated := map[string]Activation{"swiglu": SiLU, "geglu": GELU}
	name := "gelu"
	if _, err := o.take("activation_function", &name); err != nil {
		return err
	}
	activation, isGated := gated[name]
	if !isGated && name != "gelu" {
		return fmt.Errorf("%s: activation_function %q is not supported; supported are swiglu, geglu, gelu", o.file, name)
	}
	n.Gated, n.Activation, n.Intermediate = isGated, tensor.GELU, 4*n.Hidden
	if isGated {
		n.Activation, n.Intermediate = activations[activation], 8*n.Hidden/3
	}
	if err := o.takeSizes([]size{{"n_inner", &n.Intermediate}}); err != nil {
		return err
	}
	if isGated {
		n.Intermediate = roundUp(n.Intermediate, 256)
	}
	return nil
}

// takePublishedRotary reads the base, and the factor that stretches it for texts longer than those of the training.
func takePublishedRotary(c *Config, o *object, n *transformer.NomicBERT) error {
	r := rope{kind: "default", theta: 1000, settings: o, positions: 2048}
	var factor float64
	if err := o.takeNumbers([]number{{"rotary_emb_base", &r.theta}, {"rotary_scaling_factor", &factor}}); err != nil {
		return err
	}
	if !(r.theta > 1 && r.theta <= math.MaxFloat32) {
		return fmt.Errorf("%s: rotary_emb_base %g is not a base above 1", o.file, r.theta)
	}
	if !(factor >= 0 && factor <= math.MaxFloat32) {
		return fmt.Errorf("%s: rotary_scaling_factor %g is not a positive number", o.file, factor)
	}
	if err := o.takeSizes([]size{{"max_trained_positions", &r.positions}}); err != nil {
		return err
	}
	var err error
	if n.Rotary, err = r.rotary(n.Hidden / n.Heads); err != nil || factor == 0 {
		return err
	}
	if n.Hidden/n.Heads < 4 {
		return fmt.Errorf("%s: rotary_scaling_factor needs heads at least 4 wide, not %d", o.file, n.Hidden/n.Heads)
	}
	n.Rotary.Stretch = tensor.Stretch{Base: r.theta, Factor: factor, Positions: r.positions}
	return nil
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }
