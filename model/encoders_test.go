package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/transformer"
)

// encoder is a small random model of an architecture and what transformers computes with it in float64; see
// parity/encoders_fixture.py.
type encoder struct{ name string }

var encoders = []encoder{
	{"roberta"}, {"xlm-roberta"}, {"modernbert"}, {"mpnet"}, {"nomic"}, {"nomic-published"}, {"gte"}, {"gte-published"},
}

func (e encoder) dir() string { return filepath.Join("testdata/encoders", e.name) }

// encoderInputs are texts, and sequences of token ids: those of the texts first.
type encoderInputs struct {
	MaxLength int `json:"max_length"`
	Texts     []string
	Sequences [][]int32
}

func (e encoder) inputs(t *testing.T) encoderInputs {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(e.dir(), "expected/inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var in encoderInputs
	if err := json.Unmarshal(raw, &in); err != nil {
		t.Fatal(err)
	}
	return in
}

func (e encoder) outputs(t *testing.T) map[string][]float32 {
	t.Helper()
	return expectedTensors(t, filepath.Join(e.dir(), "expected/outputs.safetensors"))
}

// runner computes with a model's graph on one path.
type runner struct {
	t       *testing.T
	run     *compute.Workspace
	weights []*compute.Weight
}

// newRunner trains the weights that trained names; nil is inference.
func newRunner(t *testing.T, m *model.Model, path kernel.Path, g *tensor.Graph, trained func(name string) bool) runner {
	t.Helper()
	e, err := compute.New(compute.Options{Path: path, Precision: compute.F32, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	weights, err := m.Weights(g)
	if err != nil {
		t.Fatal(err)
	}
	var trainable []bool
	for _, w := range weights {
		if trained == nil {
			break
		}
		if trained(w.Name) {
			w.Gradient = make([]float32, len(w.Values))
		}
		trainable = append(trainable, w.Trainable())
	}
	run, err := e.NewWorkspace(tensor.NewPlan(g, trainable, 400, 16), weights)
	if err != nil {
		t.Fatal(err)
	}
	return runner{t, run, weights}
}

func (r runner) forward(b compute.Batch) []float32 {
	r.t.Helper()
	out, err := r.run.Forward(context.Background(), b)
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.Clone(out)
}

func (r runner) backward(cotangent []float32) {
	r.t.Helper()
	if err := r.run.Backward(context.Background(), cotangent); err != nil {
		r.t.Fatal(err)
	}
}

func graphOf(t *testing.T, m *model.Model) *tensor.Graph {
	t.Helper()
	g, err := m.Graph(transformer.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// untilPooling cuts the head off a graph: what is left gives the last hidden state.
func untilPooling(g *tensor.Graph) *tensor.Graph {
	at := slices.IndexFunc(g.Ops, func(o tensor.Op) bool { return o.Kind == tensor.Pool })
	g.Output, g.Ops = g.Ops[at].In[0], g.Ops[:at]
	return g
}

// alike holds values to 1e-5 of the largest among them.
func alike(t *testing.T, what string, got, want []float32) {
	t.Helper()
	var largest float64
	for _, v := range want {
		largest = math.Max(largest, math.Abs(float64(v)))
	}
	equalWithin(t, what, got, want, 1e-5*largest)
}

func TestEncodersAgainstTransformers(t *testing.T) {
	for _, e := range encoders {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", e.name, path), func(t *testing.T) {
				want, b := e.outputs(t), batchOf(e.inputs(t).Sequences...)
				m := open(t, e.dir(), model.Options{})
				alike(t, "hidden state", newRunner(t, m, path, untilPooling(graphOf(t, m)), nil).forward(b), want["hidden"])
				alike(t, "embeddings", newRunner(t, m, path, graphOf(t, m), nil).forward(b), want["embeddings"])
			})
		}
	}
}

// TestGradientsOfEncodersAgainstTorch trains every weight.
func TestGradientsOfEncodersAgainstTorch(t *testing.T) {
	for _, e := range encoders {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", e.name, path), func(t *testing.T) {
				want := e.outputs(t)
				m := open(t, e.dir(), model.Options{})
				r := newRunner(t, m, path, graphOf(t, m), func(string) bool { return true })
				r.forward(batchOf(e.inputs(t).Sequences...))
				r.backward(want["cotangent"])
				gradientsEqual(t, r.weights, func(name string) []float32 { return want["gradient."+name] })
			})
		}
	}
}

// TestVectorsOfEncodersDoNotDependOnTheBatch compares bits.
func TestVectorsOfEncodersDoNotDependOnTheBatch(t *testing.T) {
	for _, e := range encoders {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", e.name, path), func(t *testing.T) {
				sequences := e.inputs(t).Sequences
				m := open(t, e.dir(), model.Options{})
				r := newRunner(t, m, path, graphOf(t, m), nil)
				together := r.forward(batchOf(sequences...))
				backwards := slices.Clone(sequences)
				slices.Reverse(backwards)
				reversed := r.forward(batchOf(backwards...))
				n := m.Dimension()
				for i, s := range sequences {
					alone, at := r.forward(batchOf(s)), len(sequences)-1-i
					if !slices.Equal(alone, together[i*n:(i+1)*n]) || !slices.Equal(alone, reversed[at*n:(at+1)*n]) {
						t.Errorf("sequence %d: the vector depends on the batch", i)
					}
				}
			})
		}
	}
}

// TestEncodersReadTexts holds token ids and the longest text to those of transformers' tokenizer and model.
func TestEncodersReadTexts(t *testing.T) {
	for _, e := range encoders {
		t.Run(e.name, func(t *testing.T) {
			in := e.inputs(t)
			m := open(t, e.dir(), model.Options{})
			if m.Contract.MaxLength != in.MaxLength {
				t.Errorf("texts of up to %d tokens, want %d", m.Contract.MaxLength, in.MaxLength)
			}
			for i, text := range in.Texts {
				s, err := m.Sequence(text, m.Contract.Passage, 0)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(s.IDs, in.Sequences[i]) {
					t.Errorf("%q: ids %v, want %v", text, s.IDs, in.Sequences[i])
				}
			}
			first, _ := m.Tokenizer.ID(m.Contract.BOS)
			last, _ := m.Tokenizer.ID(m.Contract.EOS)
			if s := in.Sequences[0]; s[0] != first || s[len(s)-1] != last {
				t.Errorf("%q and %q are not around the text %v", m.Contract.BOS, m.Contract.EOS, s)
			}
			if _, err := m.Sequence("a", m.Contract.Passage, m.Config.MaxPositions+1); err == nil {
				t.Error("a text longer than the positions is not refused")
			}
		})
	}
}

// TestAdaptersFindTheModulesOfEncoders looks for every linear module of the network in the weights' file, whatever stands
// before its name there, and for no other but the pooler's.
func TestAdaptersFindTheModulesOfEncoders(t *testing.T) {
	for _, e := range encoders {
		t.Run(e.name, func(t *testing.T) {
			m := open(t, e.dir(), model.Options{})
			want := m.LinearModules()
			found, err := m.AdapterModules()
			if err != nil {
				t.Fatal(err)
			}
			all, err := lora.Modules(m.Base())
			if err != nil {
				t.Fatal(err)
			}
			for _, module := range found {
				if !slices.Contains(want, module.Name) {
					t.Errorf("%s is no module of the network", module.Name)
				}
			}
			if len(found) != len(want) {
				t.Errorf("%d modules, want %d", len(found), len(want))
			}
			for _, module := range all {
				if module.Name != "pooler.dense" && !slices.Contains(want, module.Name) {
					t.Errorf("%s counts as a linear module", module.Name)
				}
			}
		})
	}
}

func TestAdaptersOfEncodersAgainstPEFT(t *testing.T) {
	for _, name := range []string{"roberta", "modernbert", "mpnet"} {
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", name, path), func(t *testing.T) {
				e := encoder{name}
				want := expectedTensors(t, filepath.Join(e.dir(), "lora/expected.safetensors"))
				m := open(t, e.dir(), model.Options{})
				a, err := lora.Open(filepath.Join(e.dir(), "lora"), m.Base())
				if err != nil {
					t.Fatal(err)
				}
				for _, module := range m.LinearModules() {
					if !slices.ContainsFunc(a.Layers, func(l lora.Layer) bool { return l.Name == module }) {
						t.Errorf("PEFT's all-linear has no %s", module)
					}
				}
				if err := m.Attach(a); err != nil {
					t.Fatal(err)
				}
				gradient := func(name string) []float32 { return want["gradient.base_model.model."+name] }
				r := newRunner(t, m, path, graphOf(t, m), func(name string) bool { return gradient(name) != nil })
				alike(t, "embeddings", r.forward(batchOf(e.inputs(t).Sequences...)), want["embeddings"])
				r.backward(want["cotangent"])
				gradientsEqual(t, r.weights, gradient)
			})
		}
	}
}

// TestAdaptersOnClassesThatTakeMapsApart: PEFT's adapters on transformers' NomicBERT and GTE name a third of a map, or half of
// it. In one fixture ranks and scalings differ within a map, in the other some thirds have no adapter.
func TestAdaptersOnClassesThatTakeMapsApart(t *testing.T) {
	for name, layers := range map[string]int{"nomic": 10, "gte": 6} {
		t.Run(name, func(t *testing.T) {
			e := encoder{name}
			want := expectedTensors(t, filepath.Join(e.dir(), "lora/expected.safetensors"))["embeddings"]
			m := open(t, e.dir(), model.Options{})
			a, err := lora.Open(filepath.Join(e.dir(), "lora"), m.Base())
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Layers) != layers {
				t.Errorf("%d layers, want %d", len(a.Layers), layers)
			}
			entries, err := a.Merge(t.Context(), m.Base(), 2)
			if err != nil {
				t.Fatal(err)
			}
			merged := t.TempDir()
			sink := func(name string, write func(io.Writer) error) error {
				var content bytes.Buffer
				if err := write(&content); err != nil {
					return err
				}
				file := filepath.Join(merged, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					return err
				}
				return os.WriteFile(file, content.Bytes(), 0o600)
			}
			if err := model.WriteDirectory(sink, m.Directory, entries, model.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := m.Attach(a); err != nil {
				t.Fatal(err)
			}
			for place, m := range map[string]*model.Model{"attached": m, "merged": open(t, merged, model.Options{})} {
				r := newRunner(t, m, kernel.Available()[0], graphOf(t, m), func(string) bool { return false })
				alike(t, place, r.forward(batchOf(e.inputs(t).Sequences...)), want)
			}
		})
	}
}

// TestPartsThatAreScaledByNothing: an adapter on parts with lora_alpha 0 leaves the base as it is.
func TestPartsThatAreScaledByNothing(t *testing.T) {
	m := open(t, encoder{"gte"}.dir(), model.Options{})
	adapter := copyOf(t, filepath.Join(encoder{"gte"}.dir(), "lora"))
	edit(t, filepath.Join(adapter, lora.ConfigName), `"lora_alpha": 8`, `"lora_alpha": 0`)
	a, err := lora.Open(adapter, m.Base())
	mustBe(t, err)
	if !a.Joined {
		t.Error("not joined")
	}
	for _, l := range a.Layers {
		if l.Scaling != 0 || slices.ContainsFunc(l.B, func(v float32) bool { return v != v }) {
			t.Errorf("%s: scaling %g of %v", l.Name, l.Scaling, l.B)
		}
	}
}

// TestLoweringIsNotLeftToATokenizerThatDoesNot asks for it beside RoBERTa's, and beside MPNet's, which lowers by itself.
func TestLoweringIsNotLeftToATokenizerThatDoesNot(t *testing.T) {
	for name, lowers := range map[string]bool{"roberta": false, "xlm-roberta": false, "modernbert": false, "mpnet": true} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(encoder{name}.dir())); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "sentence_bert_config.json"), []byte(`{"do_lower_case": true}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := model.ReadDirectory(dir, model.Options{}); lowers != (err == nil) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestEncoderLayersComputedAgainChangeNoBit compares gradients with those of activations that are kept.
func TestEncoderLayersComputedAgainChangeNoBit(t *testing.T) {
	for _, e := range encoders {
		t.Run(e.name, func(t *testing.T) {
			cotangent, b := e.outputs(t)["cotangent"], batchOf(e.inputs(t).Sequences...)
			gradients := func(plan func(*tensor.Graph, []bool, int, int) *tensor.Plan) (all [][]float32, size int) {
				m := open(t, e.dir(), model.Options{})
				g := graphOf(t, m)
				engine, err := compute.New(compute.Options{Precision: compute.F32, Workers: 1})
				if err != nil {
					t.Fatal(err)
				}
				defer engine.Close()
				weights, err := m.Weights(g)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range weights {
					w.Gradient = make([]float32, len(w.Values))
					all = append(all, w.Gradient)
				}
				p := plan(g, slices.Repeat([]bool{true}, len(weights)), 400, 16)
				run, err := engine.NewWorkspace(p, weights)
				if err != nil {
					t.Fatal(err)
				}
				r := runner{t, run, weights}
				r.forward(b)
				r.backward(cotangent)
				return all, p.Size
			}
			want, kept := gradients(tensor.NewPlan)
			got, again := gradients(tensor.NewRecomputingPlan)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("parameter %d: the gradient changed", i)
				}
			}
			if layers := open(t, e.dir(), model.Options{}).Config.Layers; layers > 1 && again >= kept {
				t.Errorf("%d layers take %d computed again, and %d kept", layers, again, kept)
			}
		})
	}
}
