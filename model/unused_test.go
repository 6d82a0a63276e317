package model_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/transformer"
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

// TestMissingTensorsAreNamed: weights that lack what config.json counts are refused when the network is made, by the name
// of the first that is missing.
func TestMissingTensorsAreNamed(t *testing.T) {
	for _, tc := range []struct{ name, prefix, lost string }{
		{"a layer's", "", "encoder.layer.1.output.dense.weight"},
		{"a bias", "", "encoder.layer.0.attention.self.query.bias"},
		{"of the embeddings", "", "embeddings.LayerNorm.weight"},
		{"with a prefix", "bert.", "encoder.layer.1.output.dense.weight"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tinymodel.Write(dir, tinymodel.Options{Prefix: tc.prefix}); err != nil {
				t.Fatal(err)
			}
			keepTensors(t, filepath.Join(dir, "model.safetensors"), func(name string) bool { return name != tc.prefix+tc.lost })
			m, err := model.Open(dir, model.Options{})
			if err == nil {
				defer m.Close()
				g, failed := m.Graph(transformer.Mode{})
				if failed != nil {
					t.Fatal(failed)
				}
				_, err = m.Weights(g)
			}
			want := dir + `: no tensor "` + tc.prefix + tc.lost + `": the weights do not belong to this config.json`
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// TestATokenizerLargerThanTheModelIsRefused: of BERT, whose words stand in tokenizer.json or in vocab.txt.
func TestATokenizerLargerThanTheModelIsRefused(t *testing.T) {
	var vocabulary []string // every word once, as vocab.txt has them
	for _, word := range tinymodel.Vocabulary() {
		if !slices.Contains(vocabulary, word) {
			vocabulary = append(vocabulary, word)
		}
	}
	n, last := len(vocabulary), vocabulary[len(vocabulary)-1]
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
	}{
		{"tokenizer.json of more words", func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, "config.json"), fmt.Sprintf(`"vocab_size": %d`, n), fmt.Sprintf(`"vocab_size": %d`, n-1))
		}, fmt.Sprintf("the tokenizer has %d tokens, config.json's vocab_size is %d: they belong to different models, or tokens were added without embeddings (%q has id %d)", n, n-1, last, n-1)},
		{"vocab.txt of more words", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "tokenizer.json")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte(strings.Join(vocabulary, "\n")+"\nsurplus\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, fmt.Sprintf("the tokenizer has %d tokens, config.json's vocab_size is %d: they belong to different models, or tokens were added without embeddings (\"surplus\" has id %d)", n+1, n, n)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tinymodel.Write(dir, tinymodel.Options{Vocabulary: vocabulary}); err != nil {
				t.Fatal(err)
			}
			tc.spoil(t, dir)
			m, err := model.Open(dir, model.Options{})
			if err == nil {
				m.Close()
			}
			if want := dir + ": " + tc.want; err == nil || err.Error() != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// keepTensors takes tensors out of a file.
func keepTensors(t *testing.T, path string, keep func(name string) bool) {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []safetensors.Entry
	for _, x := range f.Tensors() {
		if keep(x.Name) {
			entries = append(entries, safetensors.Copy(x))
		}
	}
	if len(entries) == len(f.Tensors()) {
		t.Fatalf("%s: nothing was taken out", path)
	}
	var out bytes.Buffer
	if err := errors.Join(safetensors.Write(&out, entries, nil), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
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
