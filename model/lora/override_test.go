package lora_test

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model/lora"
)

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
