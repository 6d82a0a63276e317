package lora_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// renamed saves an adapter under tensor names changed by rename; an empty one drops the tensor.
func renamed(t *testing.T, dir string, a *lora.Adapter, rename func(string) string) {
	t.Helper()
	save(t, dir, a)
	path := filepath.Join(dir, lora.WeightsName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(raw, path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []safetensors.Entry
	for _, tensor := range f.Tensors() {
		e := safetensors.Copy(tensor)
		if e.Name = rename(tensor.Name); e.Name != "" {
			entries = append(entries, e)
		}
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, entries, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func replacing(old, new string) func(string) string {
	return func(name string) string { return strings.Replace(name, old, new, 1) }
}

func TestOpenWrapped(t *testing.T) {
	base := openBase(t, tinymodel.Options{})
	want := trained(t, base, "query")
	for _, wrapping := range []string{"bert.", "model.", "0.auto_model.", "0.model.bert."} {
		t.Run(wrapping, func(t *testing.T) {
			dir := t.TempDir()
			renamed(t, dir, want, replacing("base_model.model.", "base_model.model."+wrapping))
			got, err := lora.Open(dir, base)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Layers, got.Layers); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	base := openBase(t, tinymodel.Options{})
	const query = "base_model.model.encoder.layer.0.attention.self.query."
	for _, tc := range []struct {
		name   string
		rename func(string) string
		change func(t *testing.T, dir string)
		want   string
	}{
		{"bare names", replacing("base_model.model.", ""), nil, `does not begin with "base_model.model."`},
		{"another network", replacing("encoder.layer", "layers"), nil, `has no linear module "layers.0.attention.self.query"`},
		{"no pair", replacing(query+"lora_B.weight", ""), nil, `module "encoder.layer.0.attention.self.query" has no lora_B.weight`},
		{"module left out", func(name string) string {
			if strings.HasPrefix(name, query) {
				return ""
			}
			return name
		}, nil, `has no weights for module "encoder.layer.0.attention.self.query", which target_modules selects`},
		{"module not selected", replacing("layer.1.attention.self.query", "layer.1.attention.self.key"), nil, `"encoder.layer.1.attention.self.query", which target_modules selects`},
		{"mixed wrapping", replacing("base_model.model.encoder.layer.1", "base_model.model.bert.encoder.layer.1"), nil, `is wrapped in "bert.", other tensors in ""`},
		{"DoRA", replacing("lora_B.weight", "lora_magnitude_vector"), nil, "this kind of weight is not supported"},
		{"adapter's name in the key", replacing("lora_A.weight", "lora_A.default.weight"), nil, "this kind of weight is not supported"},
		{"stray tensor", replacing("query.lora_B.weight", "query.weight"), nil, "belongs neither to a LoRA pair nor to modules_to_save"},
		{"A and B exchanged", func(name string) string {
			if strings.Contains(name, "lora_A") {
				return strings.Replace(name, "lora_A", "lora_B", 1)
			}
			return strings.Replace(name, "lora_B", "lora_A", 1)
		}, nil, "does not fit the base's"},
		{"no tensors", func(string) string { return "" }, nil, "holds no LoRA weights"},
		{"rank in the configuration", nil, edit(`"r": 4`, `"r": 8`), "its rank is not 8, which adapter_config.json says"},
		{"target without weights", nil, edit(`"query"`, `"query", "key"`), `has no weights for module "encoder.layer.0.attention.self.key"`},
		{"weights without target", nil, edit(`"query"`, `"layer.0.attention.self.query"`), `has weights for module "encoder.layer.1.attention.self.query", which target_modules does not select (1 such modules)`},
		{"weights missing", nil, remove(lora.WeightsName), "adapter_model.safetensors: missing"},
		{"configuration missing", nil, remove(lora.ConfigName), "is not an adapter's directory"},
		{"not what its name says", nil, func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, lora.WeightsName), filepath.Join(dir, "adapter_model.bin")); err != nil {
				t.Fatal(err)
			}
		}, "is no file of torch.save"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if tc.rename == nil {
				tc.rename = func(name string) string { return name }
			}
			renamed(t, dir, trained(t, base, "query"), tc.rename)
			if tc.change != nil {
				tc.change(t, dir)
			}
			_, err := lora.Open(dir, base)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("NaN", func(t *testing.T) {
		dir := t.TempDir()
		a := trained(t, base, "query")
		a.Layers[1].B[3] = float32(math.NaN())
		save(t, dir, a)
		_, err := lora.Open(dir, base)
		if err == nil || !strings.Contains(err.Error(), `layer.1.attention.self.query.lora_B.weight": element 3 is not a finite number`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a pooler may be left out", func(t *testing.T) {
		dir := t.TempDir()
		renamed(t, dir, trained(t, base, "dense"), func(name string) string {
			if strings.Contains(name, "pooler") {
				return ""
			}
			return name
		})
		if _, err := lora.Open(dir, base); err != nil {
			t.Error(err)
		}
	})
}

func edit(old, new string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, lora.ConfigName)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(raw), old, new, 1)
		if changed == string(raw) {
			t.Fatalf("%s is not in the configuration", old)
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzRead reads arbitrary weights for a fixed base: no panic, and what is accepted merges.
func FuzzRead(f *testing.F) {
	var entries []safetensors.Entry
	for _, m := range bertModules("") {
		entries = append(entries, safetensors.Float32(m.Tensor, []int{m.Out, m.In}, make([]float32, m.Out*m.In)))
	}
	var out bytes.Buffer
	if err := safetensors.Write(&out, entries, nil); err != nil {
		f.Fatal(err)
	}
	base, err := safetensors.Parse(out.Bytes(), "base")
	if err != nil {
		f.Fatal(err)
	}
	modules, err := lora.Modules(base)
	if err != nil {
		f.Fatal(err)
	}
	c := lora.Config{Rank: 2, Alpha: 2, Targets: lora.Targets{Names: []string{"layer.1.attention.self.query"}}, ModulesToSave: []string{"pooler"}}
	fresh := c
	fresh.ModulesToSave = nil
	a, err := lora.New(fresh, modules, 1, 0)
	if err != nil {
		f.Fatal(err)
	}
	var weights bytes.Buffer
	if err := a.WriteWeights(&weights); err != nil {
		f.Fatal(err)
	}
	f.Add(weights.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := safetensors.Parse(raw, "fuzz")
		if err != nil {
			return
		}
		a, err := lora.Read(c, file, base)
		if err != nil {
			return
		}
		if _, err := a.Merge(t.Context(), base, 2); err != nil {
			t.Fatal(err)
		}
	})
}
