package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Field is one key of a JSON object with its value as written.
type Field struct {
	Key   string
	Value json.RawMessage
}

// Object is a JSON object with its keys in the order of the file.
type Object []Field

// NextObject returns the JSON object on the next non-blank line, or io.EOF. The values are valid until the next call.
func (l *Lines) NextObject() (Object, error) {
	line, err := l.Next()
	if err != nil {
		return nil, err
	}
	object, err := ParseObject(line)
	if errors.Is(err, errCut) && l.open {
		return nil, l.Errorf("%w, which is the last of the file: the file looks truncated", err)
	}
	if err != nil {
		return nil, l.Errorf("%w", err)
	}
	return object, nil
}

// Each visits the JSON objects of all lines that are left. The values are valid until visit returns, whose error ends it and is
// returned as it is.
func (l *Lines) Each(visit func(Object) error) error {
	for {
		object, err := l.NextObject()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(object); err != nil {
			return err
		}
	}
}

// errCut says that a line ends before its value does.
var errCut = errors.New("the JSON object is cut off at the end of the line")

// ParseObject splits one JSON object into its fields. A key that occurs twice is an error: readers differ in which they take.
// The values alias line.
func ParseObject(line []byte) (Object, error) {
	if err := checkJSON(line); err != nil {
		return nil, err
	}
	s := splitter{data: line}
	s.space()
	if s.data[s.at] != '{' {
		return nil, fmt.Errorf("the line holds %s, not a JSON object", kind(line[s.at:]))
	}
	s.at++
	var object Object
	for s.space(); s.data[s.at] != '}'; s.space() {
		if s.data[s.at] == ',' {
			s.at++
			s.space()
		}
		key, err := Text(s.value())
		if err != nil {
			return nil, fmt.Errorf("a key: %w", err)
		}
		if object.Has(key) {
			return nil, fmt.Errorf("the key %q occurs twice", key)
		}
		s.space()
		s.at++ // the colon
		s.space()
		object = append(object, Field{key, s.value()})
	}
	return object, nil
}

// Get returns the value of key. A null counts as absent.
func (o Object) Get(key string) (json.RawMessage, bool) {
	for _, f := range o {
		if f.Key == key {
			return f.Value, string(f.Value) != "null"
		}
	}
	return nil, false
}

// Has reports whether key occurs, even as null.
func (o Object) Has(key string) bool {
	for _, f := range o {
		if f.Key == key {
			return true
		}
	}
	return false
}

// Text decodes a JSON string. Half of a surrogate pair is an error: it has no UTF-8 form.
func Text(value json.RawMessage) (string, error) {
	if len(value) == 0 || value[0] != '"' {
		return "", fmt.Errorf("want a string, got %s", kind(value))
	}
	if last := len(value) - 1; last > 0 && value[last] == '"' && isPlain(value[1:last]) {
		return string(value[1:last]), nil
	}
	if err := checkSurrogates(value); err != nil {
		return "", err
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return "", err
	}
	return text, nil
}

// isPlain says whether the inside of a JSON string stands for itself. Keys and ids mostly do, and large
// files have millions of them.
func isPlain(inside []byte) bool {
	for _, c := range inside {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Texts decodes a JSON list of strings.
func Texts(value json.RawMessage) ([]string, error) {
	values, err := list(value)
	if err != nil {
		return nil, fmt.Errorf("want a list of strings, got %s", kind(value))
	}
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i], err = Text(v); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return texts, nil
}

func list(value json.RawMessage) ([]json.RawMessage, error) {
	var values []json.RawMessage
	if len(value) == 0 || value[0] != '[' {
		return nil, errors.New("not a list")
	}
	return values, json.Unmarshal(value, &values)
}

// checkJSON turns what encoding/json says of a broken line into words that help.
func checkJSON(line []byte) error {
	if json.Valid(line) {
		return nil
	}
	var raw json.RawMessage
	err := json.Unmarshal(line, &raw)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return fmt.Errorf("broken JSON: %w", err)
	}
	if strings.Contains(syntax.Error(), "unexpected end") {
		return errCut
	}
	hint := ""
	if at := int(syntax.Offset) - 1; at >= 0 && at < len(line) && (line[at] == 'N' || line[at] == 'I') {
		hint = " (NaN and Infinity are not JSON)"
	}
	return fmt.Errorf("broken JSON at byte %d of the line: %w%s", syntax.Offset, err, hint)
}

// kind names the type of a JSON value, for errors.
func kind(value []byte) string {
	if len(value) == 0 {
		return "nothing"
	}
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// checkSurrogates finds \ud800-style escapes without their partner, which encoding/json would replace silently.
func checkSurrogates(value []byte) error {
	code := func(at int) rune {
		if at+6 > len(value) || value[at] != '\\' || value[at+1] != 'u' {
			return -1
		}
		r := rune(0)
		for _, c := range value[at+2 : at+6] {
			r = r<<4 | rune(hexDigit(c))
		}
		return r
	}
	for at := 0; at < len(value); at++ {
		if value[at] != '\\' {
			continue
		}
		first := code(at)
		switch {
		case first < 0:
			at++ // a short escape: skip what it escapes
		case !utf16.IsSurrogate(first):
			at += 5
		case utf16.DecodeRune(first, code(at+6)) == '\uFFFD':
			return fmt.Errorf("half of a surrogate pair (%s) in a string", value[at:at+6])
		default:
			at += 11
		}
	}
	return nil
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// splitter walks JSON that is known to be valid.
type splitter struct {
	data []byte
	at   int
}

func (s *splitter) space() {
	for s.at < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.at]) >= 0 {
		s.at++
	}
}

// value returns the value that starts here and moves behind it.
func (s *splitter) value() json.RawMessage {
	start, depth := s.at, 0
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case '"':
			s.quoted()
			if depth == 0 {
				return s.data[start:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s.data[start:s.at] // a bare number or word before the end of its object
			}
			depth--
			if depth == 0 {
				s.at++
				return s.data[start:s.at]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.data[start:s.at]
			}
		}
		s.at++
	}
	return s.data[start:s.at]
}

// quoted moves behind the string that starts here.
func (s *splitter) quoted() {
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}
