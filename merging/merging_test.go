package merging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

var probes = []string{"add the digits", "subtract a fraction", "what is zero", "the sum of 3 and 4", "order"}

func TestMergeGivesTheVectorsOfBaseAndAdapter(t *testing.T) {
	for _, tc := range []struct {
		name  string
		model tinymodel.Options
		limit float64
		dev   float64
	}{
		{"f32", tinymodel.Options{}, toleranceF32, 0.0005},
		{"bf16", tinymodel.Options{DType: safetensors.BF16}, toleranceBF16, 0.002},
		{"f16", tinymodel.Options{DType: safetensors.F16}, toleranceF16, 0.002},
		{"prefix", tinymodel.Options{Prefix: "bert."}, toleranceF32, 0.0005},
		{"not normalised", tinymodel.Options{NoNormalize: true}, toleranceF32, 0.0005},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := project(t, tc.model)
			into := filepath.Join(t.TempDir(), "merged")
			c, err := Merge(t.Context(), engine(t), o, into, files(into))
			if err != nil {
				t.Fatal(err)
			}
			if c.Tolerance != tc.limit || c.Probes != len(probes) {
				t.Errorf("check %+v, want tolerance %g on %d probes", c, tc.limit, len(probes))
			}
			if got := c.MetricTolerance(); got != tc.dev {
				t.Errorf("a measure on dev may differ by %g, want %g", got, tc.dev)
			}
			// A tolerance is only worth something where the adapter does more than it allows.
			if c.Change < 4*c.Tolerance {
				t.Errorf("the adapter changes vectors by %g only, tolerance %g", c.Change, c.Tolerance)
			}
			if c.MaxDifference > c.Tolerance/4 {
				t.Errorf("differs by %g, more than a quarter of the tolerance %g: its comment is wrong", c.MaxDifference, c.Tolerance)
			}
		})
	}
}

func TestMergeOfReplacedTensors(t *testing.T) {
	o := project(t, tinymodel.Options{})
	addSaved(t, o, "embeddings.LayerNorm", []int{32}, "embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias")
	into := filepath.Join(t.TempDir(), "merged")
	if _, err := Merge(t.Context(), engine(t), o, into, files(into)); err != nil {
		t.Fatal(err)
	}
}

// TestMergeKeepsDense: what an adapter changes is the network; Dense modules come along as they are.
func TestMergeKeepsDense(t *testing.T) {
	dir := t.TempDir()
	o := Options{Base: "../model/testdata/dense", Adapter: filepath.Join(dir, "adapter"), Probes: probes}
	adapt(t, o)
	into := filepath.Join(dir, "merged")
	c, err := Merge(t.Context(), engine(t), o, into, files(into))
	if err != nil {
		t.Fatal(err)
	}
	if c.Change < 4*c.Tolerance {
		t.Errorf("the adapter changes vectors by %g only", c.Change)
	}
	for _, name := range []string{"2_Dense", "3_Dense"} {
		was, now := denseWeights(t, o.Base, name), denseWeights(t, into, name)
		if diff := cmp.Diff(was, now); diff != "" || len(now) == 0 {
			t.Errorf("%s has other weights:\n%s", name, diff)
		}
	}
}

func denseWeights(t *testing.T, dir, module string) map[string][]byte {
	t.Helper()
	f, err := safetensors.OpenDir(filepath.Join(dir, module))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string][]byte{}
	for _, tensor := range f.Tensors() {
		found[fmt.Sprintf("%s %s %v", tensor.Name, tensor.DType, tensor.Shape)] = slices.Clone(tensor.Data)
	}
	return found
}

func TestMergeNoticesALostAdapter(t *testing.T) {
	for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.BF16, safetensors.F16} {
		t.Run(string(dtype), func(t *testing.T) {
			o := project(t, tinymodel.Options{DType: dtype})
			into := filepath.Join(t.TempDir(), "merged")
			// The merged weights are lost on the way: the base's own arrive.
			sink := func(name string, write func(io.Writer) error) error {
				if name != safetensors.SingleName {
					return files(into)(name, write)
				}
				raw, err := os.ReadFile(filepath.Join(o.Base, name))
				if err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(into, name), raw, 0o600)
			}
			c, err := Merge(t.Context(), engine(t), o, into, sink)
			if !errors.Is(err, ErrDiffers) {
				t.Fatalf("error %v, want ErrDiffers", err)
			}
			if c.MaxDifference != c.Change {
				t.Errorf("differs by %g, want the adapter's whole change %g", c.MaxDifference, c.Change)
			}
		})
	}
}

func TestMergeErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, o *Options)
		want   string
	}{
		{"no probes", func(_ *testing.T, o *Options) { o.Probes = nil }, "no probe texts"},
		{"no base", func(_ *testing.T, o *Options) { o.Base += "-elsewhere" }, "base: "},
		{"no adapter", func(_ *testing.T, o *Options) { o.Adapter = o.Base }, "adapter_config.json: missing"},
		{"adapter of another base", func(t *testing.T, o *Options) { o.Base = project(t, tinymodel.Options{Hidden: 16}).Base }, "does not fit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := project(t, tinymodel.Options{})
			tc.change(t, &o)
			into := filepath.Join(t.TempDir(), "merged")
			_, err := Merge(t.Context(), engine(t), o, into, files(into))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestMergeStops(t *testing.T) {
	o := project(t, tinymodel.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	into := filepath.Join(t.TempDir(), "merged")
	if _, err := Merge(ctx, engine(t), o, into, files(into)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestProbes(t *testing.T) {
	m, err := model.Open(project(t, tinymodel.Options{}).Base, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := Probes(m.Tokenizer, 42, Count)
	if len(texts) != Count || !slices.Equal(texts, Probes(m.Tokenizer, 42, Count)) {
		t.Error("not the same probes twice")
	}
	distinct := map[string]bool{}
	for _, text := range texts {
		distinct[text] = true
		if n := len(m.Tokenizer.Encode(nil, text)); n < 2 {
			t.Errorf("%q has %d tokens", text, n)
		}
	}
	if len(distinct) != Count {
		t.Errorf("%d distinct probes of %d", len(distinct), Count)
	}
	if slices.Equal(texts, Probes(m.Tokenizer, 43, Count)) {
		t.Error("another seed gives the same probes")
	}
}

func engine(t testing.TB) *compute.Engine {
	t.Helper()
	e, err := compute.New(compute.Options{Path: kernel.Portable, Precision: compute.F32, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// project makes a base and an adapter that changes its vectors.
func project(t testing.TB, tiny tinymodel.Options) Options {
	t.Helper()
	dir := t.TempDir()
	o := Options{Base: filepath.Join(dir, "base"), Adapter: filepath.Join(dir, "adapter"), Probes: probes}
	if err := tinymodel.Write(o.Base, tiny); err != nil {
		t.Fatal(err)
	}
	adapt(t, o)
	return o
}

// adapt makes an adapter that changes the base's vectors.
func adapt(t testing.TB, o Options) {
	t.Helper()
	m, err := model.Open(o.Base, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	modules, err := lora.Modules(m.Base()) // with the pooler, which no vector comes from
	if err != nil {
		t.Fatal(err)
	}
	config := lora.DefaultConfig()
	config.Targets.Pattern = lora.AllLinear
	a, err := lora.New(config, modules, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, l := range a.Layers {
		for i := range l.B {
			l.B[i] = float32(random.NormFloat64() / 4)
		}
	}
	if err := a.Write(files(o.Adapter)); err != nil {
		t.Fatal(err)
	}
}

// addSaved makes an adapter also replace the tensors of a module, which have one shape, as PEFT's modules_to_save.
func addSaved(t testing.TB, o Options, module string, shape []int, tensors ...string) {
	t.Helper()
	config := filepath.Join(o.Adapter, lora.ConfigName)
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), `"modules_to_save": null`, `"modules_to_save": ["`+module+`"]`, 1)
	if text == string(raw) {
		t.Fatalf("no modules_to_save in %s", raw)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(o.Adapter, lora.WeightsName)
	f, err := safetensors.Open(weights)
	if err != nil {
		t.Fatal(err)
	}
	var entries []safetensors.Entry
	for _, old := range f.Tensors() {
		entries = append(entries, safetensors.Copy(old))
	}
	n := 1
	for _, size := range shape {
		n *= size
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = 0.5 + float32(i%7)/8
	}
	for _, tensor := range tensors {
		entries = append(entries, safetensors.Float32("base_model.model."+tensor, shape, values))
	}
	slices.SortFunc(entries, func(a, b safetensors.Entry) int { return strings.Compare(a.Name, b.Name) })
	grown := weights + ".grown"
	if err := writeTo(grown, func(w io.Writer) error { return safetensors.Write(w, entries, nil) }); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), os.Rename(grown, weights)); err != nil {
		t.Fatal(err)
	}
}

// files is a sink into a directory.
func files(dir string) model.Sink {
	return func(name string, write func(io.Writer) error) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return writeTo(path, write)
	}
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func TestCheckCopy(t *testing.T) {
	write := func(o tinymodel.Options) string {
		dir := t.TempDir()
		if err := tinymodel.Write(dir, o); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	original := write(tinymodel.Options{})
	for _, tc := range []struct {
		name string
		copy tinymodel.Options
		want string // of the error; empty is none
	}{
		{"the same", tinymodel.Options{}, ""},
		{"other weights", tinymodel.Options{Seed: 7}, "on probe"},
		{"another pooling", tinymodel.Options{Pooling: "cls"}, "on probe"},
		{"another width", tinymodel.Options{Hidden: 64}, "in the length of a vector: 64, not 32"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := CheckCopy(t.Context(), engine(t), original, write(tc.copy), model.Options{}, probes)
			if tc.want == "" {
				if err != nil || c.Probes != len(probes) || c.MaxDifference != 0 {
					t.Errorf("got %+v, %v", c, err)
				}
				return
			}
			if !errors.Is(err, ErrCopyDiffers) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
