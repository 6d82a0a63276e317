package lora_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// openBase writes a tiny model and opens its weights.
func openBase(t *testing.T, o tinymodel.Options) *safetensors.File {
	t.Helper()
	dir := t.TempDir()
	if err := tinymodel.Write(dir, o); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func modulesOf(t *testing.T, base *safetensors.File) []lora.Module {
	t.Helper()
	modules, err := lora.Modules(base)
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

func fresh(t *testing.T, base *safetensors.File, targets ...string) *lora.Adapter {
	t.Helper()
	c := lora.DefaultConfig()
	c.Rank, c.Alpha, c.Targets = 4, 8, lora.Targets{Names: targets}
	a, err := lora.New(c, modulesOf(t, base), 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// trained is a fresh adapter whose B is not zero.
func trained(t *testing.T, base *safetensors.File, targets ...string) *lora.Adapter {
	t.Helper()
	a := fresh(t, base, targets...)
	for _, l := range a.Layers {
		for i := range l.B {
			l.B[i] = float32(i%7-3) / 16
		}
	}
	return a
}

func save(t *testing.T, dir string, a *lora.Adapter) {
	t.Helper()
	var config, weights bytes.Buffer
	if err := a.WriteConfig(&config); err != nil {
		t.Fatal(err)
	}
	if err := a.WriteWeights(&weights); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{lora.ConfigName: config.Bytes(), lora.WeightsName: weights.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestModules(t *testing.T) {
	var want []string
	for _, m := range bertModules("") {
		if !strings.Contains(m.Name, "layer.2.") {
			want = append(want, m.Name)
		}
	}
	for _, prefix := range []string{"", "bert.", "0.auto_model.bert."} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			var got []string
			for _, m := range modulesOf(t, openBase(t, tinymodel.Options{Prefix: prefix})) {
				got = append(got, m.Name)
				if m.Tensor != prefix+m.Name+".weight" {
					t.Errorf("module %s in tensor %s", m.Name, m.Tensor)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("heads are left out, two of a name refused", func(t *testing.T) {
		names := func(list ...string) *safetensors.File {
			var entries []safetensors.Entry
			for _, name := range list {
				entries = append(entries, safetensors.Float32(name, []int{1, 1}, []float32{1}))
			}
			return parsed(t, entries)
		}
		modules := modulesOf(t, names("cls.predictions.decoder.weight", "lm_head.weight", "embed_tokens.weight", "bert.a.weight"))
		if len(modules) != 1 || modules[0].Name != "a" {
			t.Errorf("got %v", modules)
		}
		_, err := lora.Modules(names("bert.a.weight", "a.weight"))
		if err == nil || !strings.Contains(err.Error(), `are both the weight of module "a"`) {
			t.Errorf("got %v", err)
		}
	})
}

func parsed(t *testing.T, entries []safetensors.Entry) *safetensors.File {
	t.Helper()
	var out bytes.Buffer
	if err := safetensors.Write(&out, entries, nil); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(out.Bytes(), "parsed.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNew(t *testing.T) {
	base := openBase(t, tinymodel.Options{})
	a, again := fresh(t, base, "query", "output.dense"), fresh(t, base, "query", "output.dense")
	if diff := cmp.Diff(a, again); diff != "" {
		t.Errorf("the same seed gave another adapter:\n%s", diff)
	}
	// A module's weights do not depend on which others there are.
	if diff := cmp.Diff(a.Layers[0], fresh(t, base, "query").Layers[0]); diff != "" {
		t.Errorf("another choice of modules changed this one:\n%s", diff)
	}
	if slices.Equal(a.Layers[0].A, a.Layers[2].A) {
		t.Error("two modules have the same draws")
	}
	for _, l := range a.Layers {
		bound := 1 / math.Sqrt(float64(l.In))
		sum, squares := 0.0, 0.0
		for _, v := range l.A {
			if math.Abs(float64(v)) > bound {
				t.Fatalf("%s: %g is beyond the bound %g", l.Name, v, bound)
			}
			sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		}
		n := float64(len(l.A))
		// A uniform variable on ±bound has mean 0 and variance bound²/3; four standard errors are allowed.
		if deviation := math.Abs(sum / n); deviation > 4*bound/math.Sqrt(3*n) {
			t.Errorf("%s: mean %g", l.Name, sum/n)
		}
		if ratio := squares / n / (bound * bound / 3); ratio < 0.6 || ratio > 1.4 {
			t.Errorf("%s: variance is %g of what it should be", l.Name, ratio)
		}
		if slices.ContainsFunc(l.B, func(v float32) bool { return v != 0 }) {
			t.Errorf("%s: B is not zero", l.Name)
		}
	}
	c := a.Config
	c.ModulesToSave = []string{"pooler"}
	if _, err := lora.New(c, modulesOf(t, base), 7, 0); err == nil || !strings.Contains(err.Error(), "modules_to_save") {
		t.Errorf("modules_to_save: %v", err)
	}
	other, err := lora.New(a.Config, modulesOf(t, base), 7, 1)
	if err != nil || slices.Equal(other.Layers[0].A, a.Layers[0].A) {
		t.Errorf("round 1 has the draws of round 0 (%v)", err)
	}
}

func TestSaveAndOpen(t *testing.T) {
	for _, prefix := range []string{"", "bert."} {
		t.Run("base with prefix "+prefix, func(t *testing.T) {
			base := openBase(t, tinymodel.Options{Prefix: prefix})
			want := trained(t, base, "query", "intermediate.dense")
			dir := t.TempDir()
			save(t, dir, want)
			got, err := lora.Open(dir, base)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Layers, got.Layers); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(want.Config, got.Config); diff != "" {
				t.Error(diff)
			}
		})
	}
}

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
		{"weights pickled", nil, func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, lora.WeightsName), filepath.Join(dir, "adapter_model.bin")); err != nil {
				t.Fatal(err)
			}
		}, "pickle format are not read"},
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
