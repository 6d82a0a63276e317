package corpus

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestDecodeErrors says what is wrong in the words of JSON, not of Go.
func TestDecodeErrors(t *testing.T) {
	type inner struct {
		N     *uint32      `json:"n"`
		Exact *json.Number `json:"exact"`
	}
	for _, tc := range []struct{ name, text, want string }{
		{"fine", `{"text":"a","list":[1],"in":{"n":1}}`, ""},
		{"a number for a string", `{"text":1}`, `"text": want a string, got a number`},
		{"a list for an object", `{"in":[]}`, `"in": want an object, got a list`},
		{"a string in an object", `{"in":{"n":"1"}}`, `"in.n": want a whole number from 0 on, got a string`},
		{"half a number", `{"list":[1.5]}`, `"list": want a whole number, got 1.5`},
		{"a boolean for a number", `{"in":{"exact":true}}`, `"in.exact": want a number, got a boolean`},
		{"a string for a number", `{"in":{"exact":"x"}}`, `want a number, got a string`},
		{"another value", `[]`, `want an object, got a list`},
		{"an unknown key", `{"why":1}`, `unknown key "why"`},
		{"broken", `{"text":x}`, `broken JSON at byte 9: invalid character 'x' looking for beginning of value`},
		{"cut", `{"text":`, `it ends before its JSON value does`},
		{"more", `{} {}`, `something follows the JSON value`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v struct {
				Text string `json:"text"`
				List []int  `json:"list"`
				In   inner  `json:"in"`
			}
			got := ""
			if err := DecodeStrict([]byte(tc.text), &v); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	if err := Decode([]byte(`{"text":`), new(map[string]string)); err == nil || errors.Is(err, ErrJSONCut) {
		t.Errorf("of a whole text json.Unmarshal says where it breaks: %v", err)
	}
	if err := Decode([]byte(`"a"`), new(string)); err != nil {
		t.Error(err)
	}
}
