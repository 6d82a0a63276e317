package corpus

import (
	"strings"
	"testing"
)

func TestDecodeID(t *testing.T) {
	for _, tc := range []struct{ name, value, want, err string }{
		{"string", `"1287"`, "1287", ""},
		{"integer", `1287`, "1287", ""},
		{"float of pandas", `1287.0`, "1287", ""},
		{"exponent", `1.287e3`, "1287", ""},
		{"exponent with sign", `1287000E-03`, "1287", ""},
		{"exponent that adds zeros", `12e+3`, "12000", ""},
		{"fraction", `1.50`, "1.5", ""},
		{"small fraction", `5e-3`, "0.005", ""},
		{"zero", `0`, "0", ""},
		{"minus zero", `-0.0`, "0", ""},
		{"negative", `-7.0`, "-7", ""},
		{"beyond 2^53", `12345678901234567890123.0`, "12345678901234567890123", ""},
		{"a string stays as it is", `"007.0"`, "007.0", ""},
		{"spaces stay", `" a "`, " a ", ""},
		{"empty string", `""`, "", "the id is empty"},
		{"huge exponent", `1e999999999999`, "", "no usable id"},
		{"boolean", `true`, "", "want a string or a number as id, got a boolean"},
		{"list", `[1]`, "", "got a list"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := DecodeID([]byte(tc.value))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestNumberIDRefusesText(t *testing.T) {
	for _, text := range []string{"", "-", "a", "1.2.3", "0x10"} {
		if id, err := NumberID(text); err == nil {
			t.Errorf("%q became %q", text, id)
		}
	}
}
