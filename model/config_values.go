package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// size is a key of config.json that holds a number of things.
type size struct {
	key  string
	into *int
}

// takeSizes reads sizes, which are at least 1. An absent one keeps what stands in its place; where that is 0 the key must
// be there.
func (o *object) takeSizes(sizes []size) error {
	for _, s := range sizes {
		present, err := o.take(s.key, s.into)
		if err != nil {
			return err
		}
		if !present && *s.into == 0 {
			return fmt.Errorf("%s: no %q", o.file, s.key)
		}
		if *s.into < 1 || *s.into > math.MaxInt32 {
			return fmt.Errorf("%s: %s %d is not a size", o.file, s.key, *s.into)
		}
	}
	return nil
}

// takeProbability reads a probability below 1: a rate of dropout.
func (o *object) takeProbability(key string, fallback float64) (float64, error) {
	p := fallback
	if _, err := o.take(key, &p); err != nil {
		return 0, err
	}
	if !(p >= 0 && p < 1) {
		return 0, fmt.Errorf("%s: %s %g is not a probability below 1", o.file, key, p)
	}
	return p, nil
}

// takeEpsilon reads what a norm adds to a variance.
func (o *object) takeEpsilon(key string, fallback float64) (float64, error) {
	epsilon := fallback
	if _, err := o.take(key, &epsilon); err != nil {
		return 0, err
	}
	if !(epsilon >= 0 && epsilon < 1) {
		return 0, fmt.Errorf("%s: %s %g is not in [0, 1)", o.file, key, epsilon)
	}
	return epsilon, nil
}

// takeFlag reads what is false where it is absent.
func (o *object) takeFlag(key string) (set bool, err error) {
	_, err = o.take(key, &set)
	return set, err
}

// only reads a key that may have one value, also when it is absent.
func (o *object) only(key, value string) error {
	stated := value
	if _, err := o.take(key, &stated); err != nil {
		return err
	}
	if stated != value {
		return fmt.Errorf("%s: %s %q is not supported; supported is %s", o.file, key, stated, value)
	}
	return nil
}

// takeObject reads an object inside; an absent one is empty.
func (o *object) takeObject(key string) (*object, error) {
	var raw json.RawMessage
	name := o.file + ": " + key
	present, err := o.take(key, &raw)
	if err != nil || !present {
		return &object{file: name, taken: map[string]bool{}}, err
	}
	return parseObject(raw, name)
}

// over returns an object with the keys of both, those of o where both have one.
func (o *object) over(under *object) *object {
	both := &object{file: o.file, values: maps.Clone(under.values), taken: map[string]bool{}}
	if both.values == nil {
		both.values = map[string]json.RawMessage{}
	}
	both.keys = slices.Clone(under.keys)
	for _, key := range o.keys {
		if _, present := both.values[key]; !present {
			both.keys = append(both.keys, key)
		}
		both.values[key] = o.values[key]
	}
	return both
}

// isNull says whether a key is there without a value, which for transformers is another thing than an absent key.
func (o *object) isNull(key string) bool { return string(o.values[key]) == "null" }

// takeSlidingLayers reads layer_types: which layers have attention within a window. Where it is absent, slides says.
func (o *object) takeSlidingLayers(layers int, slides func(layer int) bool) ([]bool, error) {
	var types []string
	present, err := o.take("layer_types", &types)
	if err != nil {
		return nil, err
	}
	if present && len(types) != layers {
		return nil, fmt.Errorf("%s: layer_types has %d entries for num_hidden_layers %d", o.file, len(types), layers)
	}
	sliding := make([]bool, layers)
	for layer := range layers {
		if !present {
			sliding[layer] = slides(layer)
			continue
		}
		switch types[layer] {
		case "sliding_attention":
			sliding[layer] = true
		case "full_attention":
		default:
			return nil, fmt.Errorf("%s: layer_types: %q is not supported; supported are full_attention, sliding_attention", o.file, types[layer])
		}
	}
	return sliding, nil
}

// checkPadding checks the padding token, which takes no part: nothing is padded.
func (o *object) checkPadding(vocabulary int) error {
	padding := 0
	if _, err := o.take("pad_token_id", &padding); err != nil {
		return err
	}
	if padding < 0 || padding >= vocabulary {
		return fmt.Errorf("%s: pad_token_id %d is outside the vocabulary of %d", o.file, padding, vocabulary)
	}
	return nil
}
