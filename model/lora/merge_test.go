package lora_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// parity/adapters_live.py gives these: a base, and adapters made by PEFT that are to be merged into it.
var (
	mergeBase     = flag.String("merge-base", "", "model directory that TestMergeFiles merges into; a tiny one by default")
	mergeAdapters = flag.String("merge-adapters", "", "folder of adapters; one made here by default")
	mergeOutput   = flag.String("merge-output", "", "folder that gets NAME.safetensors an adapter, and new/, an adapter made here")
)

// TestMergeFiles merges every adapter of a folder, by default one that it has saved itself, and compares with the plain sum.
func TestMergeFiles(t *testing.T) {
	base, output := openBase(t, tinymodel.Options{}), t.TempDir()
	if *mergeBase != "" {
		var err error
		if base, err = safetensors.OpenDir(*mergeBase); err != nil {
			t.Fatal(err)
		}
		defer base.Close()
	}
	if *mergeOutput != "" {
		output = *mergeOutput
	}
	save(t, filepath.Join(output, "new"), trained(t, base, "query", "key", "intermediate.dense"))
	adapters := *mergeAdapters
	if adapters == "" {
		adapters = output
	}
	found, err := filepath.Glob(filepath.Join(adapters, "*", lora.ConfigName))
	if err != nil || len(found) == 0 {
		t.Fatalf("no adapters in %s (%v)", adapters, err)
	}
	for _, config := range append(found, filepath.Join(output, "new", lora.ConfigName)) {
		dir := filepath.Dir(config)
		a, err := lora.Open(dir, base)
		if err != nil {
			t.Error(err)
			continue
		}
		merged, err := merge(a, base)
		if err != nil {
			t.Error(err)
			continue
		}
		comparePlainly(t, a, base, merged, func(l lora.Layer) float64 { return l.Scaling })
		if err := os.WriteFile(filepath.Join(output, filepath.Base(dir)+".safetensors"), merged, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMergeByConfiguration merges adapters that went through files, with the scaling of each module worked out by hand.
func TestMergeByConfiguration(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*lora.Config)
		scaling func(module string) float64
	}{
		{"alpha by rank", func(c *lora.Config) { c.Rank, c.Alpha = 4, 10 }, func(string) float64 { return 2.5 }},
		{"rslora", func(c *lora.Config) { c.Rank, c.Alpha, c.RSLoRA = 4, 3, true }, func(string) float64 { return 1.5 }},
		{"patterns", func(c *lora.Config) {
			c.Rank, c.Alpha = 4, 6
			c.RankPattern = []lora.Override{{Pattern: "layer.0.*query", Value: 2}, {Pattern: "key", Value: 3}}
			c.AlphaPattern = []lora.Override{{Pattern: "query", Value: 5}}
		}, func(module string) float64 {
			return map[string]float64{
				"encoder.layer.0.attention.self.query": 5.0 / 2, "encoder.layer.1.attention.self.query": 5.0 / 4,
				"encoder.layer.0.attention.self.key": 6.0 / 3, "encoder.layer.1.attention.self.key": 6.0 / 3,
				"encoder.layer.0.intermediate.dense": 6.0 / 4, "encoder.layer.1.intermediate.dense": 6.0 / 4,
			}[module]
		}},
	} {
		for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.F16, safetensors.BF16} {
			t.Run(tc.name+"/"+string(dtype), func(t *testing.T) {
				base, dir := openBase(t, tinymodel.Options{DType: dtype}), t.TempDir()
				c := lora.DefaultConfig()
				c.Targets.Names = []string{"query", "key", "intermediate.dense"}
				tc.change(&c)
				made, err := lora.New(c, modulesOf(t, base), 3, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range made.Layers {
					copy(l.B, ramp(len(l.B), 5))
				}
				save(t, dir, made)
				a, err := lora.Open(dir, base)
				if err != nil {
					t.Fatal(err)
				}
				if len(a.Layers) != 6 {
					t.Fatalf("%d layers, want 6", len(a.Layers))
				}
				merged, err := merge(a, base)
				if err != nil {
					t.Fatal(err)
				}
				comparePlainly(t, made, base, merged, func(l lora.Layer) float64 { return tc.scaling(l.Name) })
			})
		}
	}
}

// comparePlainly holds merged weights to W + scaling·B·A in float64, rounded to the base's type, or to what the adapter brings whole,
// and every other tensor to the base's bytes.
func comparePlainly(t *testing.T, a *lora.Adapter, base *safetensors.File, raw []byte, scaling func(lora.Layer) float64) {
	t.Helper()
	merged, err := safetensors.Parse(raw, "merged")
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.Tensors()) != len(base.Tensors()) {
		t.Fatalf("%d tensors, want %d", len(merged.Tensors()), len(base.Tensors()))
	}
	layers := map[string]lora.Layer{}
	for _, l := range a.Layers {
		layers[l.Tensor] = l
	}
	for i, before := range base.Tensors() {
		after := merged.Tensors()[i]
		if after.Name != before.Name || after.DType != before.DType || !slices.Equal(after.Shape, before.Shape) {
			t.Fatalf("%s %s %v became %s %s %v", before.Name, before.DType, before.Shape, after.Name, after.DType, after.Shape)
		}
		l, adapted := layers[before.Name]
		saved, replaced := a.Saved[before.Name]
		if !adapted && !replaced {
			if !bytes.Equal(after.Data, before.Data) {
				t.Errorf("%s is no part of the adapter and changed", before.Name)
			}
			continue
		}
		want := doubles(saved.Values)
		if adapted {
			want = plainSum(values(t, base, before.Name), l, scaling(l))
		}
		for at, got := range values(t, merged, before.Name) {
			if exact := round(big.NewFloat(want[at]), before.DType); got != exact {
				t.Fatalf("%s: element %d is %g, want %g", before.Name, at, got, exact)
			}
		}
	}
}

func doubles(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// plainSum is W + scaling·B·A.
func plainSum(w []float32, l lora.Layer, scaling float64) []float64 {
	sum := make([]float64, len(w))
	for i := range l.Out {
		for j := range l.In {
			product := 0.0
			for k := range l.Rank {
				product += float64(l.B[i*l.Rank+k]) * float64(l.A[k*l.In+j])
			}
			sum[i*l.In+j] = float64(w[i*l.In+j]) + float64(scaling*product)
		}
	}
	return sum
}

func merge(a *lora.Adapter, base *safetensors.File) ([]byte, error) {
	entries, err := a.Merge(context.Background(), base, 3)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = safetensors.Write(&out, entries, nil)
	return out.Bytes(), err
}

func values(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	tensor, err := f.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMergeSmall computes W + 2·B·A by hand: W [2, 3], rank 1, alpha 2.
func TestMergeSmall(t *testing.T) {
	base := parsed(t, []safetensors.Entry{
		safetensors.Float32("x.weight", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}),
		safetensors.Float32("x.bias", []int{2}, []float32{7, 8}),
	})
	a := &lora.Adapter{Layers: []lora.Layer{{
		Target: lora.Target{Module: lora.Module{Name: "x", Tensor: "x.weight", Out: 2, In: 3}, Rank: 1, Scaling: 2},
		A:      []float32{1, 10, 100}, B: []float32{0.5, -1},
	}}}
	raw, err := merge(a, base)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := safetensors.Parse(raw, "merged")
	if err != nil {
		t.Fatal(err)
	}
	// Row 0 gains 1, 10, 100; row 1 loses 2, 20, 200.
	want := []float32{2, 12, 103, 2, -15, -194}
	for i, got := range values(t, merged, "x.weight") {
		if got != want[i] {
			t.Errorf("element %d is %g, want %g", i, got, want[i])
		}
	}
	if bias := values(t, merged, "x.bias"); bias[0] != 7 || bias[1] != 8 {
		t.Errorf("the bias became %v", bias)
	}
}

// TestMergeExact compares every element with the exact sum, rounded once to the base's type.
func TestMergeExact(t *testing.T) {
	for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.F16, safetensors.BF16} {
		t.Run(string(dtype), func(t *testing.T) {
			base := openBase(t, tinymodel.Options{DType: dtype})
			a := trained(t, base, "query", "output.dense")
			raw, err := merge(a, base)
			if err != nil {
				t.Fatal(err)
			}
			merged, err := safetensors.Parse(raw, "merged")
			if err != nil {
				t.Fatal(err)
			}
			layers := map[string]lora.Layer{}
			for _, l := range a.Layers {
				layers[l.Tensor] = l
			}
			for i, after := range merged.Tensors() {
				before := base.Tensors()[i]
				if after.Name != before.Name || after.DType != dtype {
					t.Fatalf("%s %s became %s %s", before.Name, before.DType, after.Name, after.DType)
				}
				if l, adapted := layers[after.Name]; adapted {
					compareExactly(t, l, before, after)
				} else if !bytes.Equal(before.Data, after.Data) {
					t.Errorf("%s changed", after.Name)
				}
			}
		})
	}
}

// TestMergeByWorkers: as many as there are write the same bytes, of rows and ranks that divide by nothing, and the exact ones.
func TestMergeByWorkers(t *testing.T) {
	const out, in, rank = 37, 5, 7
	base := parsed(t, []safetensors.Entry{safetensors.Float32("x.weight", []int{out, in}, ramp(out*in, 11))})
	a := &lora.Adapter{Layers: []lora.Layer{{
		Target: lora.Target{Module: lora.Module{Name: "x", Tensor: "x.weight", Out: out, In: in}, Rank: rank, Scaling: 0.3},
		A:      ramp(rank*in, 3), B: ramp(out*rank, 5),
	}}}
	var want []byte
	for _, workers := range []int{0, 1, 2, 3, 50} {
		entries, err := a.Merge(t.Context(), base, workers)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := safetensors.Write(&got, entries, nil); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got.Bytes()
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%d workers write other bytes", workers)
		}
	}
	merged, err := safetensors.Parse(want, "merged")
	if err != nil {
		t.Fatal(err)
	}
	compareExactly(t, a.Layers[0], base.Tensors()[0], merged.Tensors()[0])
}

// ramp is n numbers of both signs that are not round.
func ramp(n, step int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i*step%17-8) / 7
	}
	return values
}

func compareExactly(t *testing.T, l lora.Layer, before, after safetensors.Tensor) {
	t.Helper()
	w, err := before.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	got, err := after.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	exact := func(v float32) *big.Float { return new(big.Float).SetPrec(500).SetFloat64(float64(v)) }
	for i := range l.Out {
		for j := range l.In {
			sum := exact(0)
			for k := range l.Rank {
				sum.Add(sum, new(big.Float).SetPrec(500).Mul(exact(l.B[i*l.Rank+k]), exact(l.A[k*l.In+j])))
			}
			sum.Mul(sum, new(big.Float).SetFloat64(l.Scaling))
			sum.Add(sum, exact(w[i*l.In+j]))
			if want := round(sum, before.DType); got[i*l.In+j] != want {
				t.Fatalf("%s [%d, %d] is %g, want %g", after.Name, i, j, got[i*l.In+j], want)
			}
		}
	}
}

// round rounds to a type's precision for values in its normal range; smaller ones get the fixed spacing of subnormals.
func round(v *big.Float, dtype safetensors.DType) float32 {
	precision, smallest := map[safetensors.DType]int{safetensors.F32: 24, safetensors.F16: 11, safetensors.BF16: 8}[dtype], -149
	if dtype == safetensors.F16 {
		smallest = -24
	} else if dtype == safetensors.BF16 {
		smallest = -133
	}
	bits := v.MantExp(nil) - smallest // from the number's first to the smallest spacing
	if bits < 1 {
		least := math.Ldexp(1, smallest)
		if new(big.Float).Abs(v).Cmp(big.NewFloat(least/2)) <= 0 {
			return 0 // the middle is even there
		}
		return float32(math.Copysign(least, float64(v.Sign())))
	}
	precision = min(precision, bits)
	f, _ := new(big.Float).SetPrec(uint(precision)).SetMode(big.ToNearestEven).Set(v).Float32()
	return f
}

func TestMergeRefuses(t *testing.T) {
	base := openBase(t, tinymodel.Options{DType: safetensors.F16})
	a := trained(t, base, "query")
	t.Run("not finite", func(t *testing.T) {
		large := trained(t, base, "query")
		for i := range large.Layers[1].A[:32] {
			large.Layers[1].A[i], large.Layers[1].B[4] = 30000, 4
		}
		_, err := merge(large, base)
		if err == nil || !strings.Contains(err.Error(), `"encoder.layer.1.attention.self.query.weight": element [1, 0] is not finite after merging`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another base", func(t *testing.T) {
		_, err := a.Merge(context.Background(), openBase(t, tinymodel.Options{Layers: 1}), 1)
		if err == nil || !strings.Contains(err.Error(), "the adapter changes 2 tensors, of which the base has 1") {
			t.Errorf("got %v", err)
		}
		_, err = a.Merge(context.Background(), openBase(t, tinymodel.Options{Hidden: 16}), 1)
		if err == nil || !strings.Contains(err.Error(), "shape [16 16], but the adapter's module is [32, 32]") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("quantised base", func(t *testing.T) {
		eight := safetensors.Copy(safetensors.Tensor{Name: "encoder.layer.0.attention.self.query.weight", DType: safetensors.I8, Shape: []int{32, 32}, Data: make([]byte, 1024)})
		_, err := a.Merge(context.Background(), parsed(t, []safetensors.Entry{eight}), 1)
		if err == nil || !strings.Contains(err.Error(), "is I8; adapters merge into F32, F16 and BF16") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		entries, err := a.Merge(ctx, base, 1)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := safetensors.Write(io.Discard, entries, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMergeSaved(t *testing.T) {
	base := openBase(t, tinymodel.Options{DType: safetensors.BF16, Prefix: "bert."})
	dir := t.TempDir()
	a := trained(t, base, "query")
	save(t, dir, a)
	var entries []safetensors.Entry
	for _, l := range a.Layers {
		name := "base_model.model.bert." + l.Name
		entries = append(entries, safetensors.Float32(name+".lora_A.weight", []int{4, 32}, l.A), safetensors.Float32(name+".lora_B.weight", []int{32, 4}, l.B))
	}
	bias := make([]float32, 32)
	bias[3] = 1 + 1.0/512 // rounds to 1 in BF16
	entries = append(entries, safetensors.Float32("base_model.model.bert.pooler.dense.bias", []int{32}, bias))
	scale := make([]float32, 32)
	scale[1] = 3
	entries = append(entries, safetensors.Float32("base_model.model.bert.embeddings.LayerNorm.weight", []int{32}, scale))
	write := func(entries []safetensors.Entry) {
		t.Helper()
		var out bytes.Buffer
		if err := safetensors.Write(&out, entries, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, lora.WeightsName), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(entries)
	edit(`"modules_to_save": null`, `"modules_to_save": ["pooler", "ings.LayerNorm"]`)(t, dir) // PEFT takes the end of a name
	if _, err := lora.Open(dir, base); err == nil || !strings.Contains(err.Error(), `has no tensor "base_model.model.bert.embeddings.LayerNorm.bias", which modules_to_save selects`) {
		t.Errorf("without a tensor that modules_to_save names: %v", err)
	}
	write(append(entries, safetensors.Float32("base_model.model.bert.embeddings.LayerNorm.bias", []int{32}, scale)))
	opened, err := lora.Open(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := merge(opened, base)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := safetensors.Parse(raw, "merged")
	if err != nil {
		t.Fatal(err)
	}
	if got := values(t, merged, "bert.pooler.dense.bias"); got[3] != 1 || got[0] != 0 {
		t.Errorf("the saved bias became %v", got[:4])
	}
	if got := values(t, merged, "bert.embeddings.LayerNorm.weight"); got[1] != 3 {
		t.Errorf("the saved scale became %v", got[:4])
	}
	again := t.TempDir()
	save(t, again, opened)
	if read, err := lora.Open(again, base); err != nil || !reflect.DeepEqual(read, opened) {
		t.Errorf("written and read again: %+v, %v", read, err)
	}
	opened.Saved = nil
	if err := opened.WriteWeights(io.Discard); err == nil || !strings.Contains(err.Error(), "modules_to_save pooler, ings.LayerNorm: the adapter holds no tensor") {
		t.Errorf("written without its saved tensors: %v", err)
	}
}

// TestRoundToOdd checks the one case that rounding twice gets wrong: just above the middle between two BF16 numbers,
// where float32 rounds to the middle itself.
func TestRoundToOdd(t *testing.T) {
	middle := 1 + 1.0/256
	base := parsed(t, []safetensors.Entry{safetensors.Copy(safetensors.Tensor{Name: "x.weight", DType: safetensors.BF16, Shape: []int{1, 1}, Data: []byte{0, 0}})})
	a := &lora.Adapter{Layers: []lora.Layer{{
		Target: lora.Target{Module: lora.Module{Name: "x", Tensor: "x.weight", Out: 1, In: 1}, Rank: 2, Scaling: 1},
		A:      []float32{float32(middle), float32(math.Ldexp(1, -40))}, B: []float32{1, 1},
	}}}
	raw, err := merge(a, base)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := safetensors.Parse(raw, "merged")
	if err != nil {
		t.Fatal(err)
	}
	if got := values(t, merged, "x.weight")[0]; got != 1+1.0/128 {
		t.Errorf("got %g, want %g", got, 1+1.0/128)
	}
}
