package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// object is a JSON object as it stands in a file: its keys in order, each once, and which of them were understood.
type object struct {
	file   string // for errors
	keys   []string
	values map[string]json.RawMessage
	taken  map[string]bool
}

// parseObject reads an object, refusing a key that comes twice (encoding/json alone would let the second win) and
// anything after the closing brace.
func parseObject(raw []byte, file string) (*object, error) {
	o := &object{file: file, values: map[string]json.RawMessage{}, taken: map[string]bool{}}
	if err := o.parse(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return o, nil
}

func (o *object) parse(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	token, err := d.Token()
	if err != nil {
		return notJSON(err)
	}
	if token != json.Delim('{') {
		return fmt.Errorf("begins with %v, not with an object", token)
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		key := token.(string) // the decoder accepts nothing else here
		if _, twice := o.values[key]; twice {
			return fmt.Errorf("key %q comes twice", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("%s: %w", key, notJSON(err))
		}
		o.keys = append(o.keys, key)
		o.values[key] = value
	}
	if _, err := d.Token(); err != nil {
		return notJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("holds more after its closing brace")
	}
	return nil
}

func notJSON(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not valid JSON: %w", err)
}

// take decodes the value of a key and marks it understood. An absent key and null leave into as it is and return false.
func (o *object) take(key string, into any) (present bool, err error) {
	o.taken[key] = true
	raw, ok := o.values[key]
	if !ok || string(raw) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return false, fmt.Errorf("%s: %s: found %s where %s belongs", o.file, key, wrong.Value, wrong.Type)
		}
		return false, fmt.Errorf("%s: %s: %w", o.file, key, err)
	}
	return true, nil
}

// ignore marks keys that do not change what is computed.
func (o *object) ignore(keys ...string) {
	for _, key := range keys {
		o.taken[key] = true
	}
}

// rest refuses keys that nothing took: what they would change is unknown.
func (o *object) rest() error {
	for _, key := range o.keys {
		if !o.taken[key] && string(o.values[key]) != "null" {
			return fmt.Errorf("%s: unknown key %q", o.file, key)
		}
	}
	return nil
}

// set gives a key a value, in its place or at the end.
func (o *object) set(key string, value any) {
	if _, present := o.values[key]; !present {
		o.keys = append(o.keys, key)
	}
	o.values[key] = encodeJSON(value, "")
}

// encode writes the object as Python's json.dump does with the same indent: keys in their order, no escapes for HTML.
func (o *object) encode(indent string) []byte {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(encodeJSON(key, ""))
		out.WriteByte(':')
		out.Write(o.values[key])
	}
	out.WriteByte('}')
	var indented bytes.Buffer
	if err := json.Indent(&indented, out.Bytes(), "", indent); err != nil {
		panic(err) // every value was decoded or encoded by encoding/json
	}
	indented.WriteByte('\n')
	return indented.Bytes()
}

// encodeJSON encodes values of this package's own types, whose encoding cannot fail.
func encodeJSON(value any, indent string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	if indent == "" {
		return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	}
	return out.Bytes()
}

// list joins the names that an error offers.
func list[S ~string](names []S) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}
