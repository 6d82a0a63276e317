package model

import (
	"encoding/json"
	"fmt"
	"slices"
)

// PoolingMode says how the vectors of a text's tokens become one. The names are sentence-transformers'.
type PoolingMode string

// The pooling modes.
const (
	PoolCLS          PoolingMode = "cls"          // the first token
	PoolMean         PoolingMode = "mean"         // the mean over tokens
	PoolMax          PoolingMode = "max"          // the maximum of each dimension over tokens
	PoolLastToken    PoolingMode = "lasttoken"    // the last token
	PoolWeightedMean PoolingMode = "weightedmean" // the mean weighted by position, counted from one
)

var poolingModes = []PoolingMode{PoolCLS, PoolMean, PoolMax, PoolLastToken, PoolWeightedMean}

// Pooling is the configuration of a Pooling module.
type Pooling struct {
	Mode          PoolingMode
	IncludePrompt bool // whether the prompt's tokens are pooled too
	Dimension     int  // of the token vectors
}

// ParsePooling returns the mode of that name; an unknown one is an error that lists the supported.
func ParsePooling(name string) (PoolingMode, error) {
	if !slices.Contains(poolingModes, PoolingMode(name)) {
		return "", fmt.Errorf("pooling %q is not supported; supported are %s", name, list(poolingModes))
	}
	return PoolingMode(name), nil
}

// oldPoolingKeys are the booleans by which sentence-transformers named the mode before its sixth version, in the order
// in which it concatenates.
var oldPoolingKeys = []struct{ key, mode string }{
	{"pooling_mode_cls_token", "cls"},
	{"pooling_mode_max_tokens", "max"},
	{"pooling_mode_mean_tokens", "mean"},
	{"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
	{"pooling_mode_weightedmean_tokens", "weightedmean"},
	{"pooling_mode_lasttoken", "lasttoken"},
}

// parsePooling reads 1_Pooling/config.json in both forms: booleans and word_embedding_dimension, or pooling_mode and
// embedding_dimension. Where both forms are present the new one counts, as in sentence-transformers.
func parsePooling(raw []byte, file string) (*Pooling, error) {
	o, err := parseObject(raw, file)
	if err != nil {
		return nil, err
	}
	p := &Pooling{IncludePrompt: true}
	for _, key := range []string{"word_embedding_dimension", "embedding_dimension"} {
		if _, err := o.take(key, &p.Dimension); err != nil {
			return nil, err
		}
	}
	if _, err := o.take("include_prompt", &p.IncludePrompt); err != nil {
		return nil, err
	}
	modes, err := poolingModesIn(o)
	if err != nil {
		return nil, err
	}
	if err := o.rest(); err != nil {
		return nil, err
	}
	if len(modes) != 1 {
		return nil, fmt.Errorf("%s: %d pooling modes %v are not supported together; supported is one of %s", file, len(modes), modes, list(poolingModes))
	}
	if p.Mode, err = ParsePooling(modes[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if p.Dimension < 1 {
		return nil, fmt.Errorf("%s: no embedding_dimension (word_embedding_dimension before sentence-transformers 6)", file)
	}
	return p, nil
}

// poolingModesIn collects the modes of either form. With every boolean false the mode is mean, as in sentence-transformers.
func poolingModesIn(o *object) ([]string, error) {
	var old []string
	hasOld := false
	for _, k := range oldPoolingKeys {
		var set bool
		present, err := o.take(k.key, &set)
		if err != nil {
			return nil, err
		}
		hasOld = hasOld || present
		if set {
			old = append(old, k.mode)
		}
	}
	var modes json.RawMessage
	present, err := o.take("pooling_mode", &modes)
	switch {
	case err != nil:
		return nil, err
	case !present && !hasOld:
		return nil, fmt.Errorf("%s: names no pooling mode", o.file)
	case !present && len(old) == 0:
		return []string{string(PoolMean)}, nil
	case !present:
		return old, nil
	}
	if len(modes) > 0 && modes[0] == '[' {
		var several []string
		_, err := o.take("pooling_mode", &several)
		return several, err
	}
	var one string
	_, err = o.take("pooling_mode", &one)
	return []string{one}, err
}

// encode writes the configuration in the old form, which every release reads, or in that of sentence-transformers 6.
func (p *Pooling) encode(current bool) []byte {
	o := &object{values: map[string]json.RawMessage{}}
	if current {
		o.set("embedding_dimension", p.Dimension)
		o.set("pooling_mode", p.Mode)
		o.set("include_prompt", p.IncludePrompt)
		return o.encode("    ")
	}
	o.set("word_embedding_dimension", p.Dimension)
	for _, k := range oldPoolingKeys {
		// Releases that lack a mode refuse its key: the two late ones are written only where they are meant.
		late := k.mode == string(PoolWeightedMean) || k.mode == string(PoolLastToken)
		if chosen := k.mode == string(p.Mode); chosen || !late {
			o.set(k.key, chosen)
		}
	}
	if !p.IncludePrompt {
		o.set("include_prompt", false)
	}
	return o.encode("  ")
}
