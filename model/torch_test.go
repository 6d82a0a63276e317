package model_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/transformer"
)

// torchSaved are weights of models here as torch.save writes them; see parity/torch_fixture.py.
const torchSaved = "testdata/torch"

// overlaid is a model directory with the weights of another in the place of its own.
func overlaid(t *testing.T, dir, weights string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "model")
	mustBe(t, os.CopyFS(to, os.DirFS(dir)))
	mustBe(t, fs.WalkDir(os.DirFS(weights), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(weights, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		file := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		own, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.safetensors"))
		for _, name := range own {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
		return os.WriteFile(file, raw, 0o600)
	}))
	return to
}

// TestTorchWeightsAreTheSame: a model of either format has the same parameters, bit for bit, and Files names what was read.
func TestTorchWeightsAreTheSame(t *testing.T) {
	for _, tc := range []struct{ dir, weights, files string }{
		{tinyBERT, "f32", "pytorch_model.bin"},
		{tinyBERT, "sharded", "pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json"},
		{"testdata/dense", "dense", "2_Dense/pytorch_model.bin 3_Dense/pytorch_model.bin model.safetensors"},
	} {
		t.Run(tc.weights, func(t *testing.T) {
			dir := overlaid(t, tc.dir, filepath.Join(torchSaved, tc.weights))
			want, got := open(t, tc.dir, model.Options{}), open(t, dir, model.Options{})
			sameParameters(t, want, got)
			names, err := model.Files(dir)
			mustBe(t, err)
			names = slices.DeleteFunc(names, func(name string) bool {
				return !strings.Contains(path.Base(name), "pytorch_model") && path.Ext(name) != ".safetensors"
			})
			if files := strings.Join(names, " "); files != tc.files {
				t.Errorf("files %s, want %s", files, tc.files)
			}
		})
	}
}

func sameParameters(t *testing.T, want, got *model.Model) {
	t.Helper()
	g, err := want.Graph(transformer.Mode{})
	mustBe(t, err)
	ours, err := got.Weights(g)
	mustBe(t, err)
	theirs, err := want.Weights(g)
	mustBe(t, err)
	if len(theirs) == 0 {
		t.Fatal("no parameters")
	}
	for i, w := range theirs {
		if !slices.Equal(w.Values, ours[i].Values) || !slices.Equal(w.Halves.Bits, ours[i].Halves.Bits) || len(w.Values)+len(w.Halves.Bits) == 0 {
			t.Errorf("%s differs", w.Name)
		}
	}
}

func TestTorchWeightsOfACrossEncoder(t *testing.T) {
	dir := overlaid(t, crossEncoderDir("bert"), filepath.Join(torchSaved, "cross-encoder"))
	sameParameters(t, openCrossEncoder(t, crossEncoderDir("bert")).Network, openCrossEncoder(t, dir).Network)
	names, err := model.CrossEncoderFiles(dir)
	if err != nil || !slices.Contains(names, "pytorch_model.bin") {
		t.Errorf("files %q: %v", names, err)
	}
}

// TestTorchWeightsAreWrittenAsSafetensors: rounded, and with all files that the model is of.
func TestTorchWeightsAreWrittenAsSafetensors(t *testing.T) {
	rounded := t.TempDir()
	for name, dir := range map[string]string{"safetensors": tinyBERT, "torch": overlaid(t, tinyBERT, filepath.Join(torchSaved, "sharded"))} {
		mustBe(t, readDirectory(t, dir).WriteBF16(t.Context(), into(filepath.Join(rounded, name)), 0))
	}
	sameParameters(t, open(t, filepath.Join(rounded, "safetensors"), model.Options{}), open(t, filepath.Join(rounded, "torch"), model.Options{}))
	if names, err := filepath.Glob(filepath.Join(rounded, "torch", "pytorch_model*")); err != nil || len(names) > 0 {
		t.Errorf("%q were copied beside what was written: %v", names, err)
	}
}

func TestTorchAdapter(t *testing.T) {
	source := filepath.Join(tinyBERT, "lora")
	base, err := safetensors.OpenDir(tinyBERT)
	mustBe(t, err)
	defer base.Close()
	want, err := lora.Open(source, base)
	mustBe(t, err)
	got, err := lora.Open(overlaid(t, source, filepath.Join(torchSaved, "lora")), base)
	mustBe(t, err)
	if len(got.Layers) == 0 || len(got.Layers) != len(want.Layers) {
		t.Fatalf("%d layers, want %d", len(got.Layers), len(want.Layers))
	}
	for i, l := range want.Layers {
		if g := got.Layers[i]; g.Name != l.Name || !slices.Equal(g.A, l.A) || !slices.Equal(g.B, l.B) {
			t.Errorf("%s differs", l.Name)
		}
	}
}

// TestOldNames: TensorFlow's names of a LayerNorm's parameters are read as today's, and written as such.
func TestOldNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "old")
	mustBe(t, os.CopyFS(dir, os.DirFS(tinyBERT)))
	rewrite := func(change func(name string) []string) {
		f, err := safetensors.OpenDir(tinyBERT)
		mustBe(t, err)
		defer f.Close()
		var entries []safetensors.Entry
		for _, w := range f.Tensors() {
			for _, name := range change(w.Name) {
				e := safetensors.Copy(w)
				e.Name = name
				entries = append(entries, e)
			}
		}
		var out bytes.Buffer
		mustBe(t, safetensors.Write(&out, entries, nil))
		mustBe(t, os.WriteFile(filepath.Join(dir, safetensors.SingleName), out.Bytes(), 0o600))
	}
	old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace
	rewrite(func(name string) []string { return []string{old(name)} })
	got := open(t, dir, model.Options{})
	sameParameters(t, open(t, tinyBERT, model.Options{}), got)
	f, err := readDirectory(t, dir).OpenWeights()
	mustBe(t, err)
	defer f.Close()
	const today = "embeddings.LayerNorm.weight"
	if w, err := f.Tensor(today); err != nil || !strings.Contains(w.Where(), `"embeddings.LayerNorm.gamma"`) {
		t.Errorf("an error would not name the tensor as the file does: %s, %v", w.Where(), err)
	}
	rewrite(func(name string) []string {
		if name == today {
			return []string{name, old(name)}
		}
		return []string{name}
	})
	if _, err := model.Open(dir, model.Options{}); err == nil || !strings.Contains(err.Error(), `"embeddings.LayerNorm.gamma": is another name of "embeddings.LayerNorm.weight", which is there, too`) {
		t.Errorf("both names: %v", err)
	}
}
