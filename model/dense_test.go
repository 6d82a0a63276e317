package model_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/model"
)

// denseDir is a small random model with two Dense modules and what sentence-transformers computes with it in float64; see
// parity/dense_fixture.py.
const denseDir = "testdata/dense"

func denseSequences(t *testing.T) [][]int32 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(denseDir, "expected/inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var inputs struct{ Sequences [][]int32 }
	if err := json.Unmarshal(raw, &inputs); err != nil {
		t.Fatal(err)
	}
	return inputs.Sequences
}

// withDenseActivation copies the model under another activation in one of its Dense modules; an empty one is not named.
func withDenseActivation(t *testing.T, module, class string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(denseDir)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, module, "config.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	config["activation_function"] = class
	if class == "" {
		delete(config, "activation_function")
	}
	if raw, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDenseAgainstSentenceTransformers compares vectors and the gradients of every weight, and sees that a vector does not depend
// on its batch.
func TestDenseAgainstSentenceTransformers(t *testing.T) {
	for _, tc := range []struct{ name, module, class, expected string }{
		{"gelu", "3_Dense", "torch.nn.modules.activation.GELU", "gelu"},
		{"identity", "3_Dense", "torch.nn.modules.linear.Identity", "identity"},
		{"relu", "3_Dense", "torch.nn.modules.activation.ReLU", "relu"},
		{"tanh by default", "2_Dense", "", "gelu"},
	} {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", tc.name, path), func(t *testing.T) {
				want, sequences := expectedTensors(t, filepath.Join(denseDir, "expected", tc.expected+".safetensors")), denseSequences(t)
				m := open(t, withDenseActivation(t, tc.module, tc.class), model.Options{})
				r := newRunner(t, m, path, graphOf(t, m), func(name string) bool { return want["gradient."+name] != nil })
				got := r.forward(batchOf(sequences...))
				equalWithin(t, "embeddings", got, want["embeddings"], 2e-6)
				r.backward(want["cotangent"])
				gradientsEqual(t, r.weights, func(name string) []float32 { return want["gradient."+name] })
				for _, name := range []string{"2_Dense/linear.weight", "2_Dense/linear.bias", "3_Dense/linear.weight"} {
					if want["gradient."+name] == nil {
						t.Errorf("no gradient of %s to compare with", name)
					}
				}

				alone := newRunner(t, m, path, graphOf(t, m), nil)
				for i, s := range sequences {
					if !slices.Equal(alone.forward(batchOf(s)), got[i*m.Dimension():(i+1)*m.Dimension()]) {
						t.Errorf("sequence %d: the vector depends on the batch", i)
					}
				}
			})
		}
	}
}

// TestDenseRewritten writes the model again in both forms: the same modules, and the same bits of every vector.
func TestDenseRewritten(t *testing.T) {
	src := readDirectory(t, denseDir)
	b := batchOf(denseSequences(t)...)
	vectors := func(dir string) []float32 {
		m := open(t, dir, model.Options{})
		return newRunner(t, m, kernel.Portable, graphOf(t, m), nil).forward(b)
	}
	want := vectors(denseDir)
	for name, form := range map[string]model.Form{"source": model.FormOfSource, "old": model.FormOld, "current": model.FormCurrent} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := model.WriteDirectory(into(dir), src, copies(t, src), model.WriteOptions{Form: form}); err != nil {
				t.Fatal(err)
			}
			got := readDirectory(t, dir)
			for i, m := range src.Modules {
				if again := got.Modules[i]; again.Kind != m.Kind || m.Dense != nil && *again.Dense != *m.Dense {
					t.Errorf("module %d became %+v", i, again)
				}
			}
			if !slices.Equal(vectors(dir), want) {
				t.Error("other vectors")
			}
			class := "sentence_transformers.models.Dense"
			if form != model.FormOld {
				class = "sentence_transformers.base.modules.dense.Dense"
			}
			written := files(t, dir)
			if n := strings.Count(written["modules.json"], `"`+class+`"`); n != 2 {
				t.Errorf("modules.json has %d of %s", n, class)
			}
			// Releases of the old form know no such key.
			if has := strings.Contains(written["3_Dense/config.json"], "module_input_name"); has != (form != model.FormOld) {
				t.Errorf("3_Dense/config.json is %s", written["3_Dense/config.json"])
			}
		})
	}
}
