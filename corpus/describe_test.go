package corpus

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	if n := (Query{Text: " two\twords\n"}).Words(); n != 2 {
		t.Errorf("%d words", n)
	}
	counts := Frequencies([]Query{{Positives: []int32{3, 5}}, {Positives: []int32{3}}})
	if len(counts) != 2 || counts[3] != 2 || counts[5] != 1 {
		t.Errorf("counts %v", counts)
	}
}

func TestLabel(t *testing.T) {
	for value, want := range map[string]string{`"a b"`: "a b", `12.0`: "12", `true`: "true", `false`: "false", `null`: "null", `""`: ""} {
		if got, err := Label(json.RawMessage(value)); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", value, got, err, want)
		}
	}
	for value, want := range map[string]string{`[1]`: "got a list", `{}`: "got an object"} {
		if _, err := Label(json.RawMessage(value)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
