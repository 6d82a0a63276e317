package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Config is the network's description in config.json, for the BERT family. Defaults of absent keys are those of
// transformers' BertConfig; sizes have none and must be stated.
type Config struct {
	ModelType        string // "bert"
	Architectures    []string
	HiddenSize       int
	Layers           int
	Heads            int
	Intermediate     int // width of the feed-forward layer
	Activation       Activation
	LayerNormEps     float64
	HiddenDropout    float64 // probability, of embeddings and of every block's output
	AttentionDropout float64 // probability, of attention weights
	VocabSize        int
	MaxPositions     int
	TypeVocabSize    int
	PadTokenID       int
	DType            string // "float32" and so on, as stated; empty when it is not

	raw []byte // the file, to be written back unchanged
}

// Activation is a function applied element by element.
type Activation string

// The activations: the first three in the network, those from Tanh on in a Dense module only.
const (
	GELU     Activation = "gelu"      // x·Φ(x) with the exact error function
	GELUTanh Activation = "gelu_tanh" // the tanh approximation, which transformers knows under three names
	ReLU     Activation = "relu"
	Tanh     Activation = "tanh"
	Identity Activation = "identity"
)

// hiddenActivations maps config.json's hidden_act to what it computes (transformers.activations.ACT2FN).
var hiddenActivations = map[string]Activation{
	"gelu": GELU, "gelu_python": GELU,
	"gelu_new": GELUTanh, "gelu_fast": GELUTanh, "gelu_pytorch_tanh": GELUTanh,
	"relu": ReLU,
}

// architectures are the BERT classes whose encoder is BertModel itself; heads on top of it are not read.
var architectures = []string{
	"BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForNextSentencePrediction",
	"BertForSequenceClassification", "BertForTokenClassification", "BertForQuestionAnswering", "BertForMultipleChoice",
}

// ParseConfig reads config.json; file stands for it in errors. Keys that have no part in a BERT encoder are ignored, as
// transformers does; a key that would change it beyond what is supported is an error.
func ParseConfig(raw []byte, file string) (*Config, error) {
	o, err := parseObject(raw, file)
	if err != nil {
		return nil, err
	}
	c := &Config{
		LayerNormEps: 1e-12, HiddenDropout: 0.1, AttentionDropout: 0.1, TypeVocabSize: 2,
		raw: bytes.Clone(raw),
	}
	for _, read := range []func(*object) error{c.readKind, c.readSizes, c.readNumbers, c.readActivation, c.readDType} {
		if err := read(o); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Config) readKind(o *object) error {
	present, err := o.take("model_type", &c.ModelType)
	if err != nil {
		return err
	}
	if !present {
		return fmt.Errorf(`%s: no "model_type"; supported is bert`, o.file)
	}
	if c.ModelType != "bert" {
		return fmt.Errorf("%s: model_type %q is not supported; supported is bert", o.file, c.ModelType)
	}
	if _, err := o.take("architectures", &c.Architectures); err != nil {
		return err
	}
	for _, name := range c.Architectures {
		if !slices.Contains(architectures, name) {
			return fmt.Errorf("%s: architecture %q is not supported; supported are %s", o.file, name, list(architectures))
		}
	}
	positions := "absolute"
	if _, err := o.take("position_embedding_type", &positions); err != nil {
		return err
	}
	if positions != "absolute" {
		return fmt.Errorf("%s: position_embedding_type %q is not supported; supported is absolute", o.file, positions)
	}
	for _, key := range []string{"is_decoder", "add_cross_attention"} {
		var set bool
		if _, err := o.take(key, &set); err != nil {
			return err
		}
		if set {
			return fmt.Errorf("%s: %s true is not supported: only encoders are", o.file, key)
		}
	}
	return nil
}

func (c *Config) readSizes(o *object) error {
	for _, size := range []struct {
		key  string
		into *int
	}{
		{"hidden_size", &c.HiddenSize},
		{"num_hidden_layers", &c.Layers},
		{"num_attention_heads", &c.Heads},
		{"intermediate_size", &c.Intermediate},
		{"vocab_size", &c.VocabSize},
		{"max_position_embeddings", &c.MaxPositions},
	} {
		present, err := o.take(size.key, size.into)
		if err != nil {
			return err
		}
		if !present {
			return fmt.Errorf("%s: no %q", o.file, size.key)
		}
		if *size.into < 1 || *size.into > math.MaxInt32 {
			return fmt.Errorf("%s: %s %d is not a size", o.file, size.key, *size.into)
		}
	}
	if c.HiddenSize%c.Heads != 0 {
		return fmt.Errorf("%s: hidden_size %d is not a multiple of num_attention_heads %d", o.file, c.HiddenSize, c.Heads)
	}
	if _, err := o.take("type_vocab_size", &c.TypeVocabSize); err != nil {
		return err
	}
	if c.TypeVocabSize < 1 || c.TypeVocabSize > math.MaxInt32 {
		return fmt.Errorf("%s: type_vocab_size %d is not a size", o.file, c.TypeVocabSize)
	}
	if _, err := o.take("pad_token_id", &c.PadTokenID); err != nil {
		return err
	}
	if c.PadTokenID < 0 || c.PadTokenID >= c.VocabSize {
		return fmt.Errorf("%s: pad_token_id %d is outside the vocabulary of %d", o.file, c.PadTokenID, c.VocabSize)
	}
	return nil
}

func (c *Config) readNumbers(o *object) error {
	if _, err := o.take("layer_norm_eps", &c.LayerNormEps); err != nil {
		return err
	}
	if !(c.LayerNormEps >= 0 && c.LayerNormEps < 1) {
		return fmt.Errorf("%s: layer_norm_eps %g is not in [0, 1)", o.file, c.LayerNormEps)
	}
	for _, dropout := range []struct {
		key  string
		into *float64
	}{
		{"hidden_dropout_prob", &c.HiddenDropout},
		{"attention_probs_dropout_prob", &c.AttentionDropout},
	} {
		if _, err := o.take(dropout.key, dropout.into); err != nil {
			return err
		}
		if !(*dropout.into >= 0 && *dropout.into < 1) {
			return fmt.Errorf("%s: %s %g is not a probability below 1", o.file, dropout.key, *dropout.into)
		}
	}
	return nil
}

func (c *Config) readActivation(o *object) error {
	name := "gelu"
	if _, err := o.take("hidden_act", &name); err != nil {
		return err
	}
	activation, known := hiddenActivations[name]
	if !known {
		return fmt.Errorf("%s: hidden_act %q is not supported; supported are %s", o.file, name,
			"gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, relu")
	}
	c.Activation = activation
	return nil
}

// readDType takes the name under either key: transformers renamed torch_dtype to dtype in its fifth version.
func (c *Config) readDType(o *object) error {
	for _, key := range []string{"torch_dtype", "dtype"} {
		if _, err := o.take(key, &c.DType); err != nil {
			return err
		}
	}
	return nil
}

// encode returns config.json as it was read, with the stated dtype replaced where the weights have another: transformers
// loads in the stated type, and a float16 left over from the base would round a merged model's weights.
func (c *Config) encode(dtype string) []byte {
	if dtype == "" || c.DType == "" || strings.TrimPrefix(c.DType, "torch.") == dtype {
		return c.raw
	}
	o, err := parseObject(c.raw, "config.json")
	if err != nil {
		panic(err) // it was parsed before
	}
	for _, key := range []string{"torch_dtype", "dtype"} {
		if _, present := o.values[key]; present {
			o.values[key] = json.RawMessage(encodeJSON(dtype, ""))
		}
	}
	return o.encode("  ")
}
