package model_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

func TestUnusedWeightsAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name, prefix string
		layers       string // in config.json; the file holds 2
		more         []string
		want         string
	}{
		{"fewer layers than the file", "", "1", nil, "encoder.layer.1.attention.output.LayerNorm.bias"},
		{"with a prefix", "bert.", "1", nil, "bert.encoder.layer.1.attention.output.LayerNorm.bias"},
		{"as many", "", "2", nil, ""},
		{"buffers of older transformers", "", "2", []string{"embeddings.position_ids", "embeddings.token_type_ids"}, ""},
		{"heads", "bert.", "2", []string{"cls.predictions.bias", "cls.seq_relationship.weight", "classifier.weight", "qa_outputs.bias"}, ""},
		{"a layer of no BERT", "", "2", []string{"encoder.relative_attention_bias.weight"}, "encoder.relative_attention_bias.weight"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tinymodel.Write(dir, tinymodel.Options{Prefix: tc.prefix}); err != nil {
				t.Fatal(err)
			}
			replace(t, filepath.Join(dir, "config.json"), `"num_hidden_layers": 2`, `"num_hidden_layers": `+tc.layers)
			addTensors(t, filepath.Join(dir, "model.safetensors"), tc.more)
			m, err := model.Open(dir, model.Options{})
			if err == nil {
				m.Close()
			}
			if tc.want == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), "without use: "+tc.want)) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func replace(t *testing.T, path, old, new string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte(old)) {
		t.Fatalf("%s has no %s:\n%s", path, old, raw)
	}
	if err := os.WriteFile(path, bytes.Replace(raw, []byte(old), []byte(new), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

func addTensors(t *testing.T, path string, names []string) {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []safetensors.Entry
	for _, x := range f.Tensors() {
		entries = append(entries, safetensors.Copy(x))
	}
	for _, name := range names {
		entries = append(entries, safetensors.Float32(name, []int{1}, []float32{0}))
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, entries, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
