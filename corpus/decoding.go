package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// ErrJSONCut is what is wrong with JSON that ends before its value does.
var ErrJSONCut = errors.New("it ends before its JSON value does")

// DecodeStrict decodes one JSON value that is all of b. An unknown key and something behind the value are errors; they, and a value of
// another type than v has, are told as DecodeError tells them.
func DecodeStrict(b []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return DecodeError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// Decode decodes JSON as json.Unmarshal does. What is wrong is told as DecodeError tells it.
func Decode(b []byte, v any) error { return DecodeError(json.Unmarshal(b, v)) }

// DecodeError puts what encoding/json says of a value that it could not decode, in the words of Go, into those of JSON: the key, what is
// wanted there and what is there. JSON that ends too early is ErrJSONCut; nil stays nil.
func DecodeError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrJSONCut
	}
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		place := ""
		if other.Field != "" {
			place = fmt.Sprintf("%q: ", other.Field)
		}
		return fmt.Errorf("%swant %s, got %s", place, wantedKind(other.Type), foundKind(other.Value))
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("broken JSON at byte %d: %w", syntax.Offset, err)
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok { // which has no type
		return errors.New("unknown key " + key)
	}
	if strings.HasPrefix(err.Error(), "json: invalid number literal") { // of a json.Number, and neither has this
		return errors.New("want a number, got a string")
	}
	return err
}

// wantedKind is what JSON calls the values of a type.
func wantedKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wantedKind(t.Elem())
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		if t == reflect.TypeFor[json.Number]() {
			return "a number"
		}
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0 on"
	}
	return "a whole number"
}

// foundKind is what encoding/json calls a value, in the words of kind.
func foundKind(value string) string {
	if words, ok := map[string]string{"object": "an object", "array": "a list", "string": "a string", "bool": "a boolean", "number": "a number"}[value]; ok {
		return words
	}
	return strings.TrimPrefix(value, "number ")
}
