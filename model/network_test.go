package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/transformer"
)

// tinyBERT is a random BERT and what transformers computes with it in float64; see parity/bert_fixture.py.
const tinyBERT = "testdata/tiny-bert"

func open(t *testing.T, dir string, o model.Options) *model.Model {
	t.Helper()
	m, err := model.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func expectedTensors(t *testing.T, path string) map[string][]float32 {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensors := map[string][]float32{}
	for _, x := range f.Tensors() {
		values, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		tensors[x.Name] = append([]float32(nil), values...)
	}
	return tensors
}

func tinyBatch(t *testing.T) compute.Batch {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(tinyBERT, "expected/inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var inputs struct{ Sequences [][]int32 }
	if err := json.Unmarshal(raw, &inputs); err != nil {
		t.Fatal(err)
	}
	b := compute.Batch{Offsets: []int32{0}}
	for _, s := range inputs.Sequences {
		b.IDs = append(b.IDs, s...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	return b
}

// pass runs a batch forward and, for trainable weights, backward from the cotangent.
func pass(t *testing.T, m *model.Model, path kernel.Path, trainable func(name string) bool, cotangent []float32) ([]float32, []*compute.Weight) {
	t.Helper()
	e, err := compute.New(compute.Options{Path: path, Precision: compute.F32, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	g, err := m.Graph(transformer.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	weights, err := m.Weights(g)
	if err != nil {
		t.Fatal(err)
	}
	var trained []bool
	for _, w := range weights {
		if cotangent != nil && trainable(w.Name) {
			w.Gradient = make([]float32, len(w.Values))
		}
		trained = append(trained, w.Trainable())
	}
	if cotangent == nil {
		trained = nil
	}
	run, err := e.NewWorkspace(tensor.NewPlan(g, trained, 64, 8), weights)
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.Forward(context.Background(), tinyBatch(t))
	if err != nil {
		t.Fatal(err)
	}
	out = append([]float32(nil), out...)
	if cotangent != nil {
		if err := run.Backward(context.Background(), cotangent); err != nil {
			t.Fatal(err)
		}
	}
	return out, weights
}

func equalWithin(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// gradientsEqual holds every gradient to ‖Δ‖ ≤ 1e-4 · max(‖gradient‖, 1e-3 · global norm).
func gradientsEqual(t *testing.T, weights []*compute.Weight, want func(name string) []float32) {
	t.Helper()
	norm := func(x []float32) (sum float64) {
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		return sum
	}
	var global float64
	for _, w := range weights {
		if w.Trainable() {
			global += norm(want(w.Name))
		}
	}
	if global == 0 {
		t.Fatal("no gradient at all")
	}
	for _, w := range weights {
		if !w.Trainable() {
			continue
		}
		expected := want(w.Name)
		if len(expected) != len(w.Gradient) {
			t.Fatalf("%s: %d gradient values, want %d", w.Name, len(w.Gradient), len(expected))
		}
		difference := make([]float32, len(expected))
		for i := range expected {
			difference[i] = w.Gradient[i] - expected[i]
		}
		if limit := 1e-4 * math.Max(math.Sqrt(norm(expected)), 1e-3*math.Sqrt(global)); math.Sqrt(norm(difference)) > limit {
			t.Errorf("%s: the gradient is off by %.3g, allowed %.3g", w.Name, math.Sqrt(norm(difference)), limit)
		}
	}
}

func TestPoolingsAgainstTransformers(t *testing.T) {
	want := expectedTensors(t, filepath.Join(tinyBERT, "expected/gelu.safetensors"))
	no := false
	for _, mode := range []model.PoolingMode{model.PoolCLS, model.PoolMean, model.PoolMax, model.PoolLastToken, model.PoolWeightedMean} {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", mode, path), func(t *testing.T) {
				m := open(t, tinyBERT, model.Options{Pooling: mode, Normalize: &no})
				got, _ := pass(t, m, path, nil, nil)
				equalWithin(t, "vectors", got, want["pooled."+string(mode)], 5e-6)
			})
		}
	}
}

// withActivation copies the tiny model under another hidden_act.
func withActivation(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tinyBERT)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	config["hidden_act"] = name
	if raw, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGradientsAgainstTorch(t *testing.T) {
	for _, activation := range []string{"gelu", "gelu_new", "relu"} {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", activation, path), func(t *testing.T) {
				want := expectedTensors(t, filepath.Join(tinyBERT, "expected", activation+".safetensors"))
				cotangent := want["cotangent"]
				if cotangent == nil {
					cotangent = expectedTensors(t, filepath.Join(tinyBERT, "expected/gelu.safetensors"))["cotangent"]
				}
				m := open(t, withActivation(t, activation), model.Options{})
				got, weights := pass(t, m, path, func(name string) bool { return want["gradient."+name] != nil }, cotangent)
				equalWithin(t, "embeddings", got, want["embeddings"], 2e-6)
				gradientsEqual(t, weights, func(name string) []float32 { return want["gradient."+name] })
			})
		}
	}
}

func TestAdapterAgainstPEFT(t *testing.T) {
	want := expectedTensors(t, filepath.Join(tinyBERT, "lora/expected.safetensors"))
	for _, path := range kernel.Available() {
		t.Run(string(path), func(t *testing.T) {
			m := open(t, tinyBERT, model.Options{})
			a, err := lora.Open(filepath.Join(tinyBERT, "lora"), m.Base())
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Attach(a); err != nil {
				t.Fatal(err)
			}
			gradient := func(name string) []float32 { return want["gradient.base_model.model."+name] }
			got, weights := pass(t, m, path, func(name string) bool { return gradient(name) != nil }, want["cotangent"])
			equalWithin(t, "embeddings", got, want["embeddings"], 2e-6)
			gradientsEqual(t, weights, gradient)
		})
	}
}
