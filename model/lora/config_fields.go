package lora

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// harmless are keys that say nothing about the arithmetic, whatever their value.
var harmless = []string{
	"auto_mapping", "inference_mode", "peft_version", "runtime_config", "megatron_core", "qalora_group_size", "eva_config",
}

// fields are the keys of a JSON object, in order and each once.
type fields struct {
	keys   []string
	values map[string]json.RawMessage
	taken  map[string]bool
}

func parseFields(raw []byte) (*fields, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("is not valid UTF-8")
	}
	f := &fields{values: map[string]json.RawMessage{}, taken: map[string]bool{}}
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("not valid JSON: %w", err)
		}
		key := token.(string) // the decoder accepts nothing else here
		if _, twice := f.values[key]; twice {
			return nil, fmt.Errorf("key %q comes twice", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%s: not valid JSON: %w", key, err)
		}
		f.keys = append(f.keys, key)
		f.values[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("holds more after its closing brace")
	}
	return f, nil
}

// take decodes a key's value; an absent key and null leave into as it is.
func (f *fields) take(key string, into any) error {
	f.taken[key] = true
	raw, ok := f.values[key]
	if !ok || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// rest refuses every other key that is switched on: PEFT's variants of LoRA are keys of this one file.
func (f *fields) rest() error {
	for _, key := range f.keys {
		if f.taken[key] || slices.Contains(harmless, key) {
			continue
		}
		switch compact(f.values[key]) {
		case "null", "false", "{}", "[]", `""`:
		default:
			return fmt.Errorf("%s %s is not supported", key, f.values[key])
		}
	}
	return nil
}

func compact(raw json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		panic(err) // a decoder made it
	}
	return out.String()
}
