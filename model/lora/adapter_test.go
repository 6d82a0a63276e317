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
	"github.com/google/go-cmp/cmp/cmpopts"

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
	other, err := lora.New(a.Config, modulesOf(t, base), 7, 1)
	if err != nil || slices.Equal(other.Layers[0].A, a.Layers[0].A) {
		t.Errorf("round 1 has the draws of round 0 (%v)", err)
	}
}

// The targets that are written find the adapter's modules and no others, in a network with a pooler too.
func TestWrittenTargets(t *testing.T) {
	base := openBase(t, tinymodel.Options{})
	all := modulesOf(t, base)
	network := slices.DeleteFunc(slices.Clone(all), func(m lora.Module) bool { return m.Name == "pooler.dense" })
	if len(network) == len(all) {
		t.Fatal("the base has no pooler")
	}
	for _, tc := range []struct {
		name    string
		modules []lora.Module
		targets lora.Targets
		want    lora.Targets
	}{
		{"all-linear", network, lora.Targets{Pattern: lora.AllLinear}, lora.Targets{Names: []string{"query", "key", "value", "output.dense", "intermediate.dense"}}},
		{"all-linear with the pooler", all, lora.Targets{Pattern: lora.AllLinear}, lora.Targets{Names: []string{"query", "key", "value", "dense"}}},
		{"a name that the pooler has too", network, lora.Targets{Names: []string{"dense"}}, lora.Targets{Names: []string{"output.dense", "intermediate.dense"}}},
		{"names", network, lora.Targets{Names: []string{"value", "query"}}, lora.Targets{Names: []string{"value", "query"}}},
		{"a pattern", network, lora.Targets{Pattern: `.*\.1\..*query`}, lora.Targets{Pattern: `.*\.1\..*query`}},
		{"a pattern that the pooler has too", network, lora.Targets{Pattern: `(.*layer\.0\..*|pooler)\.dense`}, lora.Targets{Names: []string{
			"0.attention.output.dense", "0.intermediate.dense", "0.output.dense",
		}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := lora.DefaultConfig()
			c.Targets = tc.targets
			a, err := lora.New(c, tc.modules, 7, 0)
			if err != nil {
				t.Fatal(err)
			}
			less := func(a, b string) bool { return a < b }
			if diff := cmp.Diff(tc.want, a.Config.Targets, cmpopts.SortSlices(less)); diff != "" {
				t.Error(diff)
			}
			found, err := a.Config.Match(all)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, l := range a.Layers {
				names = append(names, l.Name)
			}
			if len(found) != len(names) || slices.ContainsFunc(found, func(f lora.Target) bool { return !slices.Contains(names, f.Name) }) {
				t.Errorf("the written targets find %d modules, the adapter has %v", len(found), names)
			}
		})
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
