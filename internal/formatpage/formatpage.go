// Package formatpage holds pages of docs/formats to the types whose JSON they describe.
package formatpage

import (
	"encoding"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// Check fails t for every key that the JSON of a value can have, at any depth, and that the page does not name in
// backquotes: by itself, or as the last part of a path (`dropped.window`).
func Check(t testing.TB, page string, values ...any) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatalf("formatpage: %v", err)
	}
	for _, v := range values {
		for _, key := range Keys(reflect.TypeOf(v)) {
			if !strings.Contains(string(text), "`"+key+"`") && !strings.Contains(string(text), "."+key+"`") {
				t.Errorf("%s does not name the key %q of %T", page, key, v)
			}
		}
	}
}

var marshalers = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}

// Keys are the names that encoding/json gives the fields of a type and of the types in it, depth first; what encodes itself has none.
func Keys(of reflect.Type) []string {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Array || of.Kind() == reflect.Map {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	for _, m := range marshalers {
		if of.Implements(m) || reflect.PointerTo(of).Implements(m) {
			return nil
		}
	}
	var keys []string
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case name == "" && !f.Anonymous:
			keys = append(keys, f.Name)
		case name != "":
			keys = append(keys, name)
		}
		keys = append(keys, Keys(f.Type)...)
	}
	return keys
}
