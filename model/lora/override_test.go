package lora_test

import (
	"math"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model/lora"
)

// FuzzParseOverride: a text is refused with its own words, or read, and read again as it is written.
func FuzzParseOverride(f *testing.F) {
	for _, seed := range []string{"q_proj=8", `layers\.[01]\..*=0.5`, "a=b=3", "a=1e400", "a=0x1p-2", "(?=x)=8", "a{,3}=1", "=", "é|b=-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := lora.ParseOverride(text)
		if err != nil {
			return
		}
		if again, err := lora.ParseOverride(o.String()); err != nil || again != o {
			t.Errorf("%q is read as %+v, written as %q, and that is read as %+v, %v", text, o, o, again, err)
		}
		if !strings.HasPrefix(text, o.Pattern+"=") || math.IsNaN(o.Value) || math.IsInf(o.Value, 0) {
			t.Errorf("%q is read as %+v", text, o)
		}
	})
}

func TestParseOverride(t *testing.T) {
	for _, tc := range []struct {
		text string
		want lora.Override
	}{
		{"q_proj=8", lora.Override{Pattern: "q_proj", Value: 8}},
		{`layers\.[01]\..*=0.5`, lora.Override{Pattern: `layers\.[01]\..*`, Value: 0.5}},
		{"a=b=3", lora.Override{Pattern: "a=b", Value: 3}},
	} {
		got, err := lora.ParseOverride(tc.text)
		if err != nil || got != tc.want || got.String() != tc.text {
			t.Errorf("%s: %+v, %v", tc.text, got, err)
		}
	}
	for text, want := range map[string]string{
		"q_proj": "such as", "=8": "such as", "q_proj=": "is not a number", "q_proj=NaN": "is not a number", "(=8": "not a regular expression", "(?=x)=8": "no look-around",
	} {
		if _, err := lora.ParseOverride(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
