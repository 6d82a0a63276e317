package weightfiles_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/weightfiles"
)

const tiny = "../testdata"

// TestFormatsAgree: the tensors of a model are the same in each layout, and Files names what is read.
func TestFormatsAgree(t *testing.T) {
	want, err := weightfiles.Open(filepath.Join(tiny, "tiny-bert"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	for _, tc := range []struct {
		dir   string
		files []string
		more  int // tensors: old transformers saved position_ids
	}{
		{"tiny-bert", []string{"model.safetensors"}, 0},
		{"torch/f32", []string{"pytorch_model.bin"}, 1},
		{"torch/sharded", []string{"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"}, 0},
	} {
		t.Run(tc.dir, func(t *testing.T) {
			dir := filepath.Join(tiny, filepath.FromSlash(tc.dir))
			files, err := weightfiles.Files(dir)
			if err != nil || !slices.Equal(files, tc.files) {
				t.Errorf("files %q, want %q: %v", files, tc.files, err)
			}
			f, err := weightfiles.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got := len(f.Tensors()); got != len(want.Tensors())+tc.more {
				t.Errorf("%d tensors, want %d", got, len(want.Tensors())+tc.more)
			}
			for _, w := range want.Tensors() {
				g, err := f.Tensor(w.Name)
				if err != nil || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
					t.Errorf("%s differs: %v", w.Name, err)
				}
				if g.Copied() > 0 {
					t.Errorf("%s is no view of its file", g.Where())
				}
			}
		})
	}
}

func TestChoiceAndErrors(t *testing.T) {
	whole, sharded := filepath.Join(tiny, "torch", "f32"), filepath.Join(tiny, "torch", "sharded")
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { check(t, os.Remove(filepath.Join(dir, name))) }
	}
	add := func(name, from string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			raw, err := os.ReadFile(from)
			check(t, err)
			check(t, os.WriteFile(filepath.Join(dir, name), raw, 0o644))
		}
	}
	index := "pytorch_model.bin.index.json"
	edit := func(old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			raw, err := os.ReadFile(filepath.Join(dir, index))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(dir, index), bytes.Replace(raw, []byte(old), []byte(new), 1), 0o644))
		}
	}
	for _, tc := range []struct {
		name, from string
		change     func(t *testing.T, dir string)
		want       string // a part of the error; or the file that is read
	}{
		{"safetensors win", whole, add("model.safetensors", filepath.Join(tiny, "tiny-bert", "model.safetensors")), "model.safetensors"},
		{"single file", whole, nil, "pytorch_model.bin"},
		{"nothing", whole, remove("pytorch_model.bin"), "no weights: neither model.safetensors nor pytorch_model.bin, with or without an index"},
		{"both", sharded, add("pytorch_model.bin", filepath.Join(whole, "pytorch_model.bin")), "holds both pytorch_model.bin and " + index},
		{"no shard", sharded, remove("pytorch_model-00002-of-00002.bin"), "shard pytorch_model-00002-of-00002.bin is missing"},
		{"tensor in no shard", sharded, edit(`"weight_map": {`, `"weight_map": {"more": "pytorch_model-00001-of-00002.bin",`), `tensor "more" is listed in shard`},
		{"tensor in another shard", sharded, edit(`"embeddings.LayerNorm.bias": "pytorch_model-00001`, `"embeddings.LayerNorm.bias": "pytorch_model-00002`), "says that it lies in pytorch_model-00002-of-00002.bin"},
		{"tensor not listed", sharded, edit(`"embeddings.LayerNorm.bias"`, `"another"`), "is not listed in"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			check(t, os.CopyFS(dir, os.DirFS(tc.from)))
			if tc.change != nil {
				tc.change(t, dir)
			}
			f, err := weightfiles.Open(dir)
			if err == nil {
				if f.Name() != filepath.Join(dir, tc.want) {
					t.Errorf("read %s, want %s", f.Name(), tc.want)
				}
				check(t, f.Close())
				return
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestRounded: torch's bf16 is read as that.
func TestRounded(t *testing.T) {
	f, err := weightfiles.Open(filepath.Join(tiny, "torch", "bf16"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	of, err := weightfiles.Open(filepath.Join(tiny, "tiny-bert"))
	if err != nil {
		t.Fatal(err)
	}
	defer of.Close()
	for _, w := range of.Tensors() {
		var out bytes.Buffer
		check(t, safetensors.Rounded(t.Context(), w).Write(&out))
		g, err := f.Tensor(w.Name)
		if err != nil || g.DType != safetensors.BF16 || !bytes.Equal(g.Data, out.Bytes()) {
			t.Errorf("%s is not torch's rounding: %v", w.Name, err)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
