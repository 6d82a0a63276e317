package beir

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// Figures are rounded as Python rounds them, and stay numbers with a point.
func TestTaskResult(t *testing.T) {
	r := TaskResult{Task: "a \"task\"", Revision: "r", Split: "test", Subset: "default", Main: "b", Scores: []TaskScore{
		{"a", 1, 5}, {"b", 0.123456789, 5}, {"c", 2.0 / 3, 6}, {"d", 0.000001, 5}, {"e", 0.000015, 6},
	}}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	want := `"a":1.0,"b":0.12346,"c":0.666667,"d":0.0,"e":0.000015,"main_score":0.12346,"hf_subset":"default","languages":[]}`
	var compact bytes.Buffer
	if err := json.Compact(&compact, out.Bytes()); err != nil || !strings.Contains(compact.String(), want) {
		t.Errorf("%v\n%s\nwant %s", err, compact.String(), want)
	}
	r.Main = "z"
	if err := r.Write(&out); err == nil || !strings.Contains(err.Error(), "no score z") {
		t.Errorf("got %v", err)
	}
}
