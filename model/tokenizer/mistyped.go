package tokenizer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// mistyped is the error of a section that could not be read into a value of type t: the first value of another kind, by its place,
// with what is wanted there and what was found, else err. strict makes a key that t does not have an error as well.
func (s section) mistyped(t reflect.Type, strict bool, err error) error {
	if !json.Valid(s.raw) {
		return s.errorf("not JSON: %w", err)
	}
	if found := s.search(t, strict); found != nil {
		return found
	}
	return s.errorf("%w", err)
}

// search compares the section with a type, keys of a structure in their order there and those of an object by name.
func (s section) search(t reflect.Type, strict bool) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s.absent() || t == reflect.TypeFor[json.RawMessage]() {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		var values map[string]json.RawMessage
		if json.Unmarshal(s.raw, &values) != nil {
			return s.wants("an object")
		}
		for _, f := range reflect.VisibleFields(t) {
			name := cmp.Or(f.Tag.Get("json"), f.Name)
			value, there := values[name]
			if delete(values, name); !there {
				continue
			}
			if err := s.key(name, value).search(f.Type, strict); err != nil {
				return err
			}
		}
		if strict && len(values) > 0 {
			return s.errorf("unknown key %q", slices.Min(slices.Collect(maps.Keys(values))))
		}
		return nil
	case reflect.Map:
		var values map[string]json.RawMessage
		if json.Unmarshal(s.raw, &values) != nil {
			return s.wants("an object")
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if err := (section{s.file, fmt.Sprintf("%s[%q]", s.path, name), values[name]}).search(t.Elem(), strict); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		var values []json.RawMessage
		if json.Unmarshal(s.raw, &values) != nil {
			return s.wants("a list")
		}
		for i, value := range values {
			if err := s.child("", i, value).search(t.Elem(), strict); err != nil {
				return err
			}
		}
		return nil
	}
	if json.Unmarshal(s.raw, reflect.New(t).Interface()) == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return s.wants("true or false")
	case reflect.String:
		return s.wants("a text")
	case reflect.Float64:
		return s.wants("a number")
	default:
		return s.wants("a whole number")
	}
}

// key is the value of a key of the section.
func (s section) key(name string, raw json.RawMessage) section {
	if s.path == topLevel {
		return section{s.file, name, raw}
	}
	return section{s.file, s.path + "." + name, raw}
}

// wants is the error of a section that is of another kind. A short value is shown, of another its kind is said.
func (s section) wants(kind string) error {
	found := strings.TrimSpace(string(s.raw))
	switch {
	case found[0] == '{':
		found = "an object"
	case found[0] == '[':
		found = "a list"
	case len(found) > 40 && found[0] == '"':
		found = "a text"
	case len(found) > 40:
		found = "a number"
	}
	return s.errorf("want %s, found %s", kind, found)
}

// decode reads the section into v. A key that v does not have is an error, and so is anything behind the value.
func (s section) decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(s.raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return s.mistyped(reflect.TypeOf(v), true, err)
	}
	if rest := bytes.Trim(s.raw[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return s.errorf("not JSON: it goes on behind its end, with %.20q", rest)
	}
	return nil
}

// decodeSome reads the keys of the section that v has into it.
func (s section) decodeSome(v any) error {
	if err := json.Unmarshal(s.raw, v); err != nil {
		return s.mistyped(reflect.TypeOf(v), false, err)
	}
	return nil
}
