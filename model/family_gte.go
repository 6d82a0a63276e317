package model

import (
	"fmt"
	"math"

	"github.com/quarry-ml/quarry/model/transformer"
)

// gte is transformers' GteModel, gteNew the model that it was published as. Their files have the same names. Without part
// are pooler and heads.
var (
	gte    = gteFamily("gte", "Gte", []string{"gte.", "new."})
	gteNew = gteFamily("new", "New", []string{"new."})
)

func gteFamily(kind, stem string, prefixes []string) *family {
	return &family{
		kind:        kind,
		classes:     withHeads(stem, "MaskedLM", "SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice"),
		read:        readGTE,
		lowers:      kind == "new", // the native models' tokenizer is XLM-RoBERTa's
		first:       "embeddings.word_embeddings.weight",
		prefixes:    prefixes,
		withoutPart: []string{"pooler.", "lm_head.", "classifier.", "qa_outputs."},
	}
}

func readGTE(c *Config, o *object) (transformer.Network, error) {
	if err := refuseOtherGTE(o); err != nil {
		return nil, err
	}
	e, err := c.readEncoder(o, encoderDefaults{hiddenDropout: 0.1, activation: "gelu", allowed: gatedActivations})
	if err != nil {
		return nil, err
	}
	n := transformer.GTE{
		Hidden: c.HiddenSize, Layers: c.Layers, Heads: e.heads, Intermediate: e.intermediate, Vocabulary: c.VocabSize,
		Activation: e.activation, Epsilon: e.epsilon,
	}
	if n.Types, err = o.takeTypes(1); err != nil {
		return nil, err
	}
	published := c.ModelType == "new"
	padding, theta := 1, 160000.0
	if published {
		padding, theta = 0, 10000
	}
	if n.Padding, err = o.takePadding(padding, c.VocabSize); err != nil {
		return nil, err
	}
	if published {
		n.Rotary, err = takePublishedGTERotary(c, o, theta, e.heads)
	} else {
		n.Rotary, err = c.takeSharedRotary(o, theta, e.heads)
	}
	return n, err
}

// refuseOtherGTE finds what the published code knows and no published model has.
func refuseOtherGTE(o *object) error {
	for _, key := range []struct{ name, value string }{{"position_embedding_type", "rope"}, {"layer_norm_type", "layer_norm"}} {
		if err := o.only(key.name, key.value); err != nil {
			return err
		}
	}
	for _, key := range []string{"logn_attention_scale", "logn_attention_clip1"} {
		set, err := o.takeFlag(key)
		if err != nil {
			return err
		}
		if set {
			return fmt.Errorf("%s: %s true is not supported", o.file, key)
		}
	}
	packed := true
	if _, err := o.take("pack_qkv", &packed); err != nil {
		return err
	}
	if !packed {
		return fmt.Errorf("%s: pack_qkv false is not supported", o.file)
	}
	return nil
}

// takePublishedGTERotary reads rope_theta and the fixed NTK scaling of Su (https://kexue.fm/archives/9706): the base grows
// by the factor, and all frequencies shrink by its power of 2/dim.
func takePublishedGTERotary(c *Config, o *object, theta float64, heads int) (transformer.Rotary, error) {
	if err := o.checkRotaryHeads(c.HiddenSize, heads); err != nil {
		return transformer.Rotary{}, err
	}
	if _, err := o.take("rope_theta", &theta); err != nil {
		return transformer.Rotary{}, err
	}
	settings, err := o.takeObject("rope_scaling")
	if err != nil {
		return transformer.Rotary{}, err
	}
	if len(settings.keys) == 0 {
		r, err := o.readRope(settings, theta, c.MaxPositions)
		if err != nil {
			return transformer.Rotary{}, err
		}
		return r.rotary(c.HiddenSize / heads)
	}
	for _, key := range []string{"type", "rope_type"} {
		if _, stated := settings.values[key]; stated || key == "type" {
			if err := settings.only(key, "ntk"); err != nil {
				return transformer.Rotary{}, err
			}
		}
	}
	if _, mixed := settings.values["mixed_b"]; mixed && !settings.isNull("mixed_b") {
		return transformer.Rotary{}, fmt.Errorf("%s: mixed_b is not supported", settings.file)
	}
	factor, err := rope{kind: "ntk", settings: settings}.factor()
	if err != nil {
		return transformer.Rotary{}, err
	}
	r, err := o.readRope(&object{file: settings.file, taken: map[string]bool{}}, theta*factor, c.MaxPositions)
	if err != nil {
		return transformer.Rotary{}, err
	}
	made, err := r.rotary(c.HiddenSize / heads)
	shrink := float32(math.Pow(factor, 2/float64(c.HiddenSize/heads)))
	for i := range made.Frequencies {
		made.Frequencies[i] /= shrink
	}
	return made, err
}
