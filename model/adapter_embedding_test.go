package model_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// ofFlagEmbedding is the adapter of the grown model with its table beside it, as FlagEmbedding's trainers leave it; the tensors
// within are in PEFT's older file.
func ofFlagEmbedding(t *testing.T) string {
	return overlaid(t, filepath.Join(grown, "adapter"), filepath.Join(torchSaved, "added"))
}

func TestTableBesideAnAdapter(t *testing.T) {
	_, texts := grownCases(t)
	want := expectedTensors(t, filepath.Join(grown, "expected.safetensors"))["adapted"]
	base := filepath.Join(grown, "base")
	vectors := func(t *testing.T, base, adapter string) []float32 {
		m, err := model.OpenAdapted(base, adapter, lastToken())
		mustBe(t, err)
		defer m.Close()
		return vectorsOf(t, m, texts)
	}
	t.Run("alone", func(t *testing.T) { equalWithin(t, "PEFT's", vectors(t, base, ofFlagEmbedding(t)), want, 1e-5) })
	t.Run("below the adapter's own, whatever it is", func(t *testing.T) {
		adapter := copyOf(t, filepath.Join(grown, "adapter"))
		mustBe(t, os.Mkdir(filepath.Join(adapter, "embedding"), 0o755))
		mustBe(t, os.WriteFile(filepath.Join(adapter, filepath.FromSlash(lora.EmbeddingName)), []byte("x"), 0o600))
		equalWithin(t, "PEFT's", vectors(t, base, adapter), want, 1e-5)
	})
	t.Run("on a base that has the tokens already", func(t *testing.T) {
		m := open(t, base, lastToken("<instruct>", "<query>", "<response>"))
		a, err := lora.Open(ofFlagEmbedding(t), m.Base())
		mustBe(t, err)
		if s := a.Saved["model.embed_tokens.weight"]; len(a.Saved) != 1 || s.Shape[0] != 43 || len(s.Values) != 43*8 {
			t.Errorf("%d tensors are saved, the table with shape %v", len(a.Saved), s.Shape)
		}
	})
	for name, adapter := range map[string]string{"beside": ofFlagEmbedding(t), "within": filepath.Join(grown, "adapter")} {
		t.Run(name+", shorter than a base with rows in reserve", func(t *testing.T) {
			m := open(t, base, lastToken("<instruct>", "<query>", "<response>", "<more>", "<still>"))
			a, err := lora.Open(adapter, m.Base())
			mustBe(t, err)
			own, err := m.Base().Tensor("model.embed_tokens.weight")
			mustBe(t, err)
			values, err := own.Float32s()
			mustBe(t, err)
			s := a.Saved["model.embed_tokens.weight"]
			if s.Shape[0] != 45 || len(s.Values) != 45*8 || s.Values[44*8] != values[44*8] || s.Values[42*8] == values[42*8] {
				t.Errorf("shape %v of %d values: rows beyond the table are not the base's", s.Shape, len(s.Values))
			}
			equalWithin(t, "PEFT's", vectors(t, withReserve(t, 48), adapter), want, 1e-5)
		})
	}
}

// withReserve is the grown model's base with rows that no token has behind its table and head, as Qwen2's has.
func withReserve(t *testing.T, rows int) string {
	base := copyOf(t, filepath.Join(grown, "base"))
	edit(t, filepath.Join(base, "config.json"), `"vocab_size": 40`, `"vocab_size": `+strconv.Itoa(rows))
	rewritten(t, filepath.Join(base, safetensors.SingleName), func(entries []safetensors.Entry) []safetensors.Entry {
		for i, e := range entries {
			if len(e.Shape) != 2 || e.Shape[0] != 40 {
				continue
			}
			entries[i].Shape = []int{rows, e.Shape[1]}
			entries[i].Write = func(w io.Writer) error {
				return errors.Join(e.Write(w), safetensors.WriteFloat32s(w, make([]float32, (rows-40)*e.Shape[1])))
			}
		}
		return entries
	})
	return base
}

func TestTableBesideAnAdapterRefused(t *testing.T) {
	embedding := filepath.FromSlash(lora.EmbeddingName)
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, dir string)
		want   string
	}{
		{"none", func(t *testing.T, dir string) { mustBe(t, os.Remove(filepath.Join(dir, embedding))) },
			`adapter_model.bin: tokens were added to the vocabulary ("<response>"), and their embeddings are not here, nor in embedding/emb.pth beside it`},
		{"of fewer tokens", func(t *testing.T, dir string) { copyOver(t, dir, embedding, "torchfile/testdata/embedding.pth") },
			`has rows for 4 tokens, and the tokenizer beside the adapter has token "<response>" with id 42`},
		{"within, of fewer tokens", func(t *testing.T, dir string) {
			mustBe(t, os.Remove(filepath.Join(dir, lora.TorchWeightsName)))
			copyOver(t, dir, lora.WeightsName, filepath.Join(grown, "adapter", lora.WeightsName))
			rewritten(t, filepath.Join(dir, lora.WeightsName), func(entries []safetensors.Entry) []safetensors.Entry {
				i := slices.IndexFunc(entries, func(e safetensors.Entry) bool { return strings.HasSuffix(e.Name, "embed_tokens.weight") })
				entries[i] = safetensors.Float32(entries[i].Name, []int{42, 8}, make([]float32, 42*8))
				return entries
			})
		}, `has rows for 42 tokens, and the tokenizer beside the adapter has token "<response>" with id 42`},
		{"of another base", func(t *testing.T, dir string) {
			copyOver(t, dir, embedding, "torchfile/testdata/embedding.pth")
			mustBe(t, os.Remove(filepath.Join(dir, "tokenizer.json")))
		}, "shape [4 3], but the base's \"model.embed_tokens.weight\" has [40 8]: it is the table of another base or vocabulary"},
		{"a state dict", func(t *testing.T, dir string) {
			copyOver(t, dir, embedding, filepath.Join(torchSaved, "lora", "adapter_model.bin"))
		}, `has no tensor "weight"`},
		{"more than one tensor", func(t *testing.T, dir string) { copyOver(t, dir, embedding, "torchfile/testdata/state_dict.bin") }, "and one table of word embeddings is wanted"},
		{"one that executes", func(t *testing.T, dir string) { copyOver(t, dir, embedding, "torchfile/testdata/malicious.bin") }, `asks for "posix.system"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := ofFlagEmbedding(t)
			tc.change(t, dir)
			_, err := model.OpenAdapted(filepath.Join(grown, "base"), dir, lastToken())
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// copyOver copies a file over one below a directory.
func copyOver(t *testing.T, dir, name, from string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	mustBe(t, err)
	mustBe(t, os.WriteFile(filepath.Join(dir, name), raw, 0o600))
}
