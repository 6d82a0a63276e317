package lora

import (
	"encoding/json"
	"fmt"
	"slices"
)

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
