package tokenizer

import (
	"encoding/json"
	"fmt"
)

// section is a part of a tokenizer.json with its place, for errors: `tokenizer.json: normalizer.normalizers[1]: …`.
type section struct {
	file, path string
	raw        json.RawMessage
}

// topLevel is the path of a whole file.
const topLevel = "top level"

// typed is embedded in what a section decodes to, so that its type is a known key.
type typed struct {
	Type string `json:"type"`
}

type rawList []json.RawMessage

// has says whether a required key was there.
type has struct {
	key   string
	found bool
}

// absent reports whether the section is missing or null.
func (s section) absent() bool { return len(s.raw) == 0 || string(s.raw) == "null" }

// kind returns the type that the section names.
func (s section) kind() (string, error) {
	var t struct {
		Type *string `json:"type"`
	}
	if err := s.decodeSome(&t); err != nil {
		return "", err
	}
	if t.Type == nil {
		return "", s.errorf("no type")
	}
	return *t.Type, nil
}

// need returns an error that names the first required key that was not there.
func (s section) need(keys ...has) error {
	for _, k := range keys {
		if !k.found {
			return s.errorf("%s is missing", k.key)
		}
	}
	return nil
}

// child returns entry i of a list in the section.
func (s section) child(key string, i int, raw json.RawMessage) section {
	path := s.path
	if key != "" {
		path += "." + key
	}
	return section{s.file, fmt.Sprintf("%s[%d]", path, i), raw}
}

func (s section) unknown(kind, known string) error {
	return s.errorf("type %q is not supported; these are: %s", kind, known)
}

func (s section) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", s.file, s.path, fmt.Errorf(format, args...))
}
