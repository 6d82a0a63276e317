package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/transformer"
)

// Config is what config.json says of any network; the rest is its family's. Defaults of absent keys are those of the
// family's configuration class in transformers; sizes have none and must be stated.
type Config struct {
	ModelType        string // of a supported family, such as "bert"
	Architectures    []string
	HiddenSize       int
	Layers           int
	VocabSize        int
	MaxPositions     int     // tokens of the longest text
	Positions        int     // tokens of a text where nothing states a length; fewer than MaxPositions where rotary embeddings stretch
	HiddenDropout    float64 // probability, of embeddings and of every block's output
	AttentionDropout float64 // probability, of attention weights
	DType            string  // "float32" and so on, as stated; empty when it is not

	tokenTypes  int     // rows of the table of token types, of families with cross-encoders
	headDropout float64 // probability, in the head of a cross-encoder

	family  *family
	network transformer.Network
	raw     []byte // the file, to be written back unchanged
}

// ParseConfig reads config.json; file stands for it in errors. Keys that have no part in the network are ignored, as
// transformers does; a key that would change it beyond what is supported is an error.
func ParseConfig(raw []byte, file string) (*Config, error) {
	o, err := parseObject(raw, file)
	if err != nil {
		return nil, err
	}
	c := &Config{raw: bytes.Clone(raw)}
	if err := c.readKind(o); err != nil {
		return nil, err
	}
	if c.network, err = c.family.read(c, o); err != nil {
		return nil, err
	}
	if c.Positions == 0 {
		c.Positions = c.MaxPositions
	}
	if err := c.readDType(o); err != nil {
		return nil, err
	}
	return c, nil
}

// Decoder says whether the network is one of transformers' decoders, such as Mistral, in whatever direction it attends.
func (c *Config) Decoder() bool { return c.family.decodes }

// readKind finds the family.
func (c *Config) readKind(o *object) error {
	present, err := o.take("model_type", &c.ModelType)
	if err != nil {
		return err
	}
	if !present {
		return fmt.Errorf(`%s: no "model_type"; supported are %s`, o.file, supported())
	}
	if c.family = familyOf(c.ModelType); c.family == nil {
		return fmt.Errorf("%s: model_type %q is not supported; supported are %s", o.file, c.ModelType, supported())
	}
	if _, err := o.take("architectures", &c.Architectures); err != nil {
		return err
	}
	for _, name := range c.Architectures {
		if !slices.Contains(c.family.classes, name) {
			return fmt.Errorf("%s: architecture %q is not supported; supported are %s", o.file, name, list(c.family.classes))
		}
	}
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
