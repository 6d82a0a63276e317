package model

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/transformer"
)

// encoderKeys are what the configurations that descend from BERT's say by the same keys, beside Config's own.
type encoderKeys struct {
	heads, intermediate int
	activation          tensor.Activation
	epsilon             float32
}

// encoderDefaults are those of a configuration class for keys that are absent.
type encoderDefaults struct {
	hiddenDropout, attentionDropout float64
	activation                      string
	allowed                         []string // activations
}

// readEncoder takes the sizes, which must be stated, and the rest. The hidden units divide into the heads.
func (c *Config) readEncoder(o *object, d encoderDefaults) (encoderKeys, error) {
	var e encoderKeys
	err := o.takeSizes([]size{
		{"hidden_size", &c.HiddenSize},
		{"num_hidden_layers", &c.Layers},
		{"num_attention_heads", &e.heads},
		{"intermediate_size", &e.intermediate},
		{"vocab_size", &c.VocabSize},
		{"max_position_embeddings", &c.MaxPositions},
	})
	if err != nil {
		return e, err
	}
	if c.HiddenSize%e.heads != 0 {
		return e, fmt.Errorf("%s: hidden_size %d is not a multiple of num_attention_heads %d", o.file, c.HiddenSize, e.heads)
	}
	epsilon, err := o.takeEpsilon("layer_norm_eps", 1e-12)
	if err != nil {
		return e, err
	}
	e.epsilon = float32(epsilon)
	if c.HiddenDropout, err = o.takeProbability("hidden_dropout_prob", d.hiddenDropout); err != nil {
		return e, err
	}
	if c.AttentionDropout, err = o.takeProbability("attention_probs_dropout_prob", d.attentionDropout); err != nil {
		return e, err
	}
	e.activation, err = o.takeActivation("hidden_act", d.activation, d.allowed)
	return e, err
}

// flag and number are keys of config.json whose absence keeps what stands in their place.
type (
	flag struct {
		key  string
		into *bool
	}
	number struct {
		key  string
		into *float64
	}
)

func (o *object) takeFlags(flags []flag) error {
	for _, f := range flags {
		if _, err := o.take(f.key, f.into); err != nil {
			return err
		}
	}
	return nil
}

func (o *object) takeNumbers(numbers []number) error {
	for _, n := range numbers {
		if _, err := o.take(n.key, n.into); err != nil {
			return err
		}
	}
	return nil
}

// encodersOnly refuses what would make a decoder of a network.
func (o *object) encodersOnly() error {
	for _, key := range []string{"is_decoder", "add_cross_attention"} {
		set, err := o.takeFlag(key)
		if err != nil {
			return err
		}
		if set {
			return fmt.Errorf("%s: %s true is not supported: only encoders are", o.file, key)
		}
	}
	return nil
}

// takePadding reads the padding token, whose embedding does not learn; tensor.None where config.json says null.
func (o *object) takePadding(fallback, vocabulary int) (int, error) {
	if o.isNull("pad_token_id") {
		return tensor.None, nil
	}
	padding := fallback
	if present, err := o.take("pad_token_id", &padding); err != nil || !present && fallback == tensor.None {
		return fallback, err
	}
	if padding < 0 || padding >= vocabulary {
		return 0, fmt.Errorf("%s: pad_token_id %d is outside the vocabulary of %d", o.file, padding, vocabulary)
	}
	return padding, nil
}

// withHeads are a base class and those with a head on it.
func withHeads(stem string, heads ...string) []string {
	all := []string{stem + "Model"}
	for _, head := range heads {
		all = append(all, stem+"For"+head)
	}
	return all
}

// takeTypes reads the rows of the table of token types, which may be none.
func (o *object) takeTypes(fallback int) (int, error) {
	types := fallback
	if _, err := o.take("type_vocab_size", &types); err != nil {
		return 0, err
	}
	if types < 0 || types > math.MaxInt32 {
		return 0, fmt.Errorf("%s: type_vocab_size %d is not a size", o.file, types)
	}
	return types, nil
}

// checkRotaryHeads wants heads that divide the hidden units, and pairs of columns in each.
func (o *object) checkRotaryHeads(hidden, heads int) error {
	if hidden%heads != 0 {
		return fmt.Errorf("%s: %d hidden units do not divide into %d heads", o.file, hidden, heads)
	}
	if dim := hidden / heads; dim%2 != 0 || dim > math.MaxUint16 {
		return fmt.Errorf("%s: heads are %d wide, which is no even number below 65536: rotary embeddings turn pairs", o.file, dim)
	}
	return nil
}

// takeSharedRotary reads rotary embeddings that all layers share, for heads that divide the hidden units.
func (c *Config) takeSharedRotary(o *object, theta float64, heads int) (transformer.Rotary, error) {
	if err := o.checkRotaryHeads(c.HiddenSize, heads); err != nil {
		return transformer.Rotary{}, err
	}
	dim := c.HiddenSize / heads
	stated := dim
	if err := o.takeSizes([]size{{"head_dim", &stated}}); err != nil {
		return transformer.Rotary{}, err
	}
	if stated != dim {
		return transformer.Rotary{}, fmt.Errorf("%s: head_dim %d is not supported; %d hidden units in %d heads make %d", o.file, stated, c.HiddenSize, heads, dim)
	}
	r, err := o.takeRope(theta, c.MaxPositions)
	if err != nil {
		return transformer.Rotary{}, err
	}
	made, err := r.rotary(dim)
	if err != nil {
		return transformer.Rotary{}, err
	}
	c.Positions = c.MaxPositions
	c.MaxPositions, err = r.reach()
	return made, err
}
