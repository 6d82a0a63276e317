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

// ParseConfig reads adapter_config.json; file stands for it in errors. A key that this package does not implement is
// accepted only with a value that switches it off.
func ParseConfig(raw []byte, file string) (Config, error) {
	c, err := parseConfig(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

func parseConfig(raw []byte) (Config, error) {
	fields, err := parseFields(raw)
	if err != nil {
		return Config{}, err
	}
	c := DefaultConfig()
	c.TaskType = ""
	kind, bias, transposed := "", "none", false
	var start json.RawMessage
	for _, f := range []struct {
		key  string
		into any
	}{
		{"peft_type", &kind}, {"bias", &bias}, {"fan_in_fan_out", &transposed}, {"init_lora_weights", &start},
		{"r", &c.Rank}, {"lora_alpha", &c.Alpha}, {"lora_dropout", &c.Dropout}, {"use_rslora", &c.RSLoRA},
		{"target_modules", &c.Targets}, {"exclude_modules", &c.Exclude},
		{"layers_to_transform", (*integers)(&c.LayersToTransform)}, {"layers_pattern", (*texts)(&c.LayersPattern)},
		{"rank_pattern", (*overrides)(&c.RankPattern)}, {"alpha_pattern", (*overrides)(&c.AlphaPattern)},
		{"modules_to_save", &c.ModulesToSave},
		{"base_model_name_or_path", &c.BaseModel}, {"task_type", &c.TaskType},
	} {
		if err := fields.take(f.key, f.into); err != nil {
			return Config{}, err
		}
	}
	for _, check := range []error{
		refuse("peft_type", kind, "LORA"), refuse("bias", bias, "none"), checkStart(start), fields.rest(),
	} {
		if check != nil {
			return Config{}, check
		}
	}
	if transposed {
		return Config{}, errors.New("fan_in_fan_out true is not supported: weights are [out, in]")
	}
	return c, c.Validate()
}

func refuse(key, value, supported string) error {
	if value == supported {
		return nil
	}
	return fmt.Errorf("%s %q is not supported; supported is %q", key, value, supported)
}

// checkStart refuses initialisations that take a part out of the base's weights: such an adapter fits the changed base
// only, which its files do not hold.
func checkStart(raw json.RawMessage) error {
	switch string(raw) {
	case "", "null", "true", "false", `"gaussian"`, `"orthogonal"`, `"eva"`:
		return nil
	}
	return fmt.Errorf("init_lora_weights %s is not supported: it may change the base's weights; convert the adapter with PEFT's path_initial_model_for_weight_conversion", raw)
}

// harmless are keys that say nothing about the arithmetic, whatever their value.
var harmless = []string{
	"auto_mapping", "inference_mode", "peft_version", "revision", "runtime_config", "megatron_core", "qalora_group_size", "eva_config",
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

// UnmarshalJSON reads a list of names or a pattern.
func (t *Targets) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &t.Pattern)
	}
	return json.Unmarshal(raw, &t.Names)
}

// MarshalJSON writes what UnmarshalJSON reads; null when nothing is chosen.
func (t Targets) MarshalJSON() ([]byte, error) {
	if t.Pattern != "" {
		return json.Marshal(t.Pattern)
	}
	return json.Marshal(t.Names)
}

// integers is a list or a single number.
type integers []int

func (n *integers) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] != '[' {
		raw = slices.Concat([]byte{'['}, raw, []byte{']'})
	}
	var list []int
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list) > 0 { // PEFT takes an empty list as none
		*n = list
	}
	return nil
}

// texts is a list or a single text.
type texts []string

func (t *texts) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] != '[' {
		raw = slices.Concat([]byte{'['}, raw, []byte{']'})
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list) > 0 && !(len(list) == 1 && list[0] == "") {
		*t = list
	}
	return nil
}

// overrides is an object whose order counts.
type overrides []Override

func (o *overrides) UnmarshalJSON(raw []byte) error {
	f, err := parseFields(raw)
	if err != nil {
		return err
	}
	for _, pattern := range f.keys {
		var value float64
		if err := json.Unmarshal(f.values[pattern], &value); err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
		*o = append(*o, Override{pattern, value})
	}
	return nil
}

func (o overrides) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, override := range o {
		if i > 0 {
			out = append(out, ',')
		}
		pattern, err := json.Marshal(override.Pattern)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(override.Value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, pattern...), ':'), value...)
	}
	return append(out, '}'), nil
}

// Encode returns adapter_config.json as PEFT writes it, keys sorted, two spaces, with the keys that its releases since
// 0.5 know: older ones refuse keys they do not know. Only exclude_modules, where it is used, asks for 0.14.
func (c Config) Encode() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	nullable := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	content := map[string]any{
		"alpha_pattern": overrides(c.AlphaPattern), "auto_mapping": nil, "base_model_name_or_path": nullable(c.BaseModel),
		"bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
		"layers_pattern": c.LayersPattern, "layers_to_transform": c.LayersToTransform,
		"lora_alpha": c.Alpha, "lora_dropout": c.Dropout, "modules_to_save": c.ModulesToSave, "peft_type": "LORA",
		"r": c.Rank, "rank_pattern": overrides(c.RankPattern), "revision": nil, "target_modules": c.Targets,
		"task_type": nullable(c.TaskType), "use_rslora": c.RSLoRA,
	}
	if !c.Exclude.empty() {
		content["exclude_modules"] = c.Exclude
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return nil, fmt.Errorf("encode %s: %w", ConfigName, err)
	}
	return out.Bytes(), nil
}
