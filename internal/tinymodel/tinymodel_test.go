package tinymodel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

func TestWrite(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options tinymodel.Options
	}{
		{"defaults", tinymodel.Options{}},
		{"other sizes", tinymodel.Options{Layers: 1, Hidden: 8, Heads: 2, Intermediate: 12, Positions: 16, Activation: "relu", Pooling: "cls"}},
		{"half", tinymodel.Options{DType: safetensors.F16, NoPooler: true}},
		{"brain", tinymodel.Options{DType: safetensors.BF16, Prefix: "bert.", NoNormalize: true}},
		{"plain", tinymodel.Options{Plain: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first, second := read(t, tc.options), read(t, tc.options)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("the same options gave other bytes:\n%s", diff)
			}
			other := tc.options
			other.Seed = 1
			if read(t, other)["model.safetensors"] == first["model.safetensors"] {
				t.Error("another seed gave the same weights")
			}
		})
	}
}

// read writes a model, checks that it is one, and returns its files.
func read(t *testing.T, o tinymodel.Options) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := tinymodel.Write(dir, o); err != nil {
		t.Fatal(err)
	}
	d, err := model.ReadDirectory(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if (len(d.Assumed) > 0) != o.Plain || d.Contract.Normalize == (o.NoNormalize || o.Plain) {
		t.Errorf("assumed %v, normalize %t", d.Assumed, d.Contract.Normalize)
	}
	weights, err := d.OpenWeights()
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	for _, tensor := range weights.Tensors() {
		if !strings.HasPrefix(tensor.Name, o.Prefix) {
			t.Errorf("%s lacks the prefix", tensor.Name)
		}
		if i, bad := safetensors.FirstNonFinite(tensor); bad {
			t.Errorf("%s: element %d is not finite", tensor.Where(), i)
		}
	}
	files := map[string]string{}
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(raw)
	}
	return files
}
