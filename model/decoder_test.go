package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/transformer"
)

// decoders are tiny random models of every family and what transformers computes with them; see parity/decoder_fixture.py.
const decoders = "testdata/decoders"

// decoderNames lists the cases; those that have an adapter, on request.
func decoderNames(t *testing.T, adapted bool) []string {
	t.Helper()
	pattern := filepath.Join(decoders, "*", "config.json")
	if adapted {
		pattern = filepath.Join(decoders, "*", "lora", "adapter_config.json")
	}
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	var names []string
	for _, path := range found {
		dir, err := filepath.Rel(decoders, path)
		if err != nil {
			t.Fatal(err)
		}
		for filepath.Dir(dir) != "." {
			dir = filepath.Dir(dir)
		}
		names = append(names, dir)
	}
	return names
}

// openDecoder opens a case, to which it gives a tokenizer: transformers saves none with a network. The vectors are those of
// the last token, with unit length.
func openDecoder(t *testing.T, name string) *model.Model {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(decoders, name))); err != nil {
		t.Fatal(err)
	}
	tokenizer := `{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"<pad>": 0, "<s>": 1, "</s>": 2}, "unk_token": "<pad>"}}`
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(tokenizer), 0o600); err != nil {
		t.Fatal(err)
	}
	yes := true
	return open(t, dir, model.Options{Pooling: model.PoolLastToken, Normalize: &yes})
}

func TestTokensWithoutAnEmbeddingAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, token, want string }{
		{"embeddinggemma", "<image_soft_token>", ""}, // that of images, which Gemma 3's text networks have no row for
		{"embeddinggemma", "<query>", `tokens were added without embeddings ("<query>" has id 40)`},
		{"mistral", "<image_soft_token>", ": the tokenizer has 41 tokens, config.json's vocab_size is 40"},
	} {
		t.Run(tc.name+" "+tc.token, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(decoders, tc.name))); err != nil {
				t.Fatal(err)
			}
			var words []string
			for id := range 40 {
				words = append(words, fmt.Sprintf(`"w%d": %d`, id, id))
			}
			tokenizer := fmt.Sprintf(`{"version": "1.0", "added_tokens": [{"id": 40, "content": %q, "special": true}],
				"model": {"type": "WordLevel", "vocab": {%s}, "unk_token": "w0"}}`, tc.token, strings.Join(words, ", "))
			if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(tokenizer), 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(dir, model.Options{Pooling: model.PoolMean})
			if err == nil {
				m.Close()
			}
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), dir+": ") || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q and the directory", err, tc.want)
			}
		})
	}
}

// decoderSequences are the texts of the fixtures.
func decoderSequences(t *testing.T) [][]int32 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(decoders, "inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var inputs struct{ Sequences [][]int32 }
	if err := json.Unmarshal(raw, &inputs); err != nil {
		t.Fatal(err)
	}
	return inputs.Sequences
}

func batchOf(sequences ...[]int32) compute.Batch {
	b := compute.Batch{Offsets: []int32{0}}
	for _, s := range sequences {
		b.IDs = append(b.IDs, s...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	return b
}

// passing is how a test runs a model.
type passing struct {
	path      kernel.Path
	precision compute.Precision // "" is F32
	workers   int               // 0 is 2
	recompute bool
	hidden    bool // the hidden states in place of vectors
	trainable func(name string) bool
	cotangent []float32
}

// run gives what a model makes of a batch, and with a cotangent the weights with their gradients.
func (p passing) run(t *testing.T, m *model.Model, b compute.Batch) ([]float32, []*compute.Weight) {
	t.Helper()
	if p.precision == "" {
		p.precision = compute.F32
	}
	e, err := compute.New(compute.Options{Path: p.path, Precision: p.precision, Workers: max(p.workers, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	g, err := m.Graph(transformer.Mode{})
	if err != nil {
		t.Fatal(err)
	}
	if p.hidden {
		head := slices.IndexFunc(g.Ops, func(o tensor.Op) bool { return o.Kind == tensor.Pool })
		g.Ops, g.Output = g.Ops[:head], g.Ops[head].In[0]
	}
	weights, err := m.Weights(g)
	if err != nil {
		t.Fatal(err)
	}
	var trained []bool
	for _, w := range weights {
		if w.Gradient = nil; p.cotangent != nil && p.trainable(w.Name) {
			w.Gradient = make([]float32, len(w.Values))
		}
		trained = append(trained, w.Trainable())
	}
	if p.cotangent == nil {
		trained = nil
	}
	plan := tensor.NewPlan
	if p.recompute {
		plan = tensor.NewRecomputingPlan
	}
	run, err := e.NewWorkspace(plan(g, trained, 64, 8), weights)
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.Forward(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	out = slices.Clone(out)
	if p.cotangent != nil {
		if err := run.Backward(context.Background(), p.cotangent); err != nil {
			t.Fatal(err)
		}
	}
	return out, weights
}

// near holds values to a largest error of 1e-4 of the largest of a row, and to a cosine of at least 0.99999 with the row.
func near(t *testing.T, what string, got, want []float32, columns int) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for r := 0; r < len(want); r += columns {
		var largest, dot, left, right float64
		for i := r; i < r+columns; i++ {
			a, b := float64(got[i]), float64(want[i])
			largest = math.Max(largest, math.Abs(b))
			dot, left, right = dot+a*b, left+a*a, right+b*b
		}
		for i := r; i < r+columns; i++ {
			if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 1e-4*largest) {
				t.Fatalf("%s: row %d, column %d is %v, want %v", what, r/columns, i-r, got[i], want[i])
			}
		}
		if cos := dot / math.Sqrt(left*right); !(cos >= 0.99999) {
			t.Fatalf("%s: row %d has a cosine of %v with what is expected", what, r/columns, cos)
		}
	}
}

func TestDecodersAgainstTransformers(t *testing.T) {
	for _, name := range decoderNames(t, false) {
		want := expectedTensors(t, filepath.Join(decoders, name, "expected.safetensors"))
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", name, path), func(t *testing.T) {
				m := openDecoder(t, name)
				b := batchOf(decoderSequences(t)...)
				hidden, _ := passing{path: path, hidden: true}.run(t, m, b)
				near(t, "hidden states", hidden, want["hidden"], m.Config.HiddenSize)
				trained := func(name string) []float32 { return want["gradient."+bare(m, name)] }
				vectors, weights := passing{path: path, cotangent: want["cotangent"], trainable: func(name string) bool { return trained(name) != nil }}.run(t, m, b)
				near(t, "vectors", vectors, want["embeddings"], m.Config.HiddenSize)
				gradientsEqual(t, weights, trained)
				for name := range want {
					if parameter, ok := strings.CutPrefix(name, "gradient."); ok && !slices.ContainsFunc(weights, func(w *compute.Weight) bool { return w.Trainable() && bare(m, w.Name) == parameter }) {
						t.Errorf("%s has a gradient there and none here", parameter)
					}
				}
			})
		}
	}
}

// bare is a parameter's name as AutoModel has it.
func bare(m *model.Model, name string) string {
	name, _ = strings.CutPrefix(name, m.Prefix())
	return name
}

// TestDecoderAdaptersAgainstPEFT has LoRA on all seven projections, with patterns of ranks and of alpha and with rslora.
func TestDecoderAdaptersAgainstPEFT(t *testing.T) {
	for _, name := range decoderNames(t, true) {
		want := expectedTensors(t, filepath.Join(decoders, name, "lora", "expected.safetensors"))
		for _, path := range kernel.Available() {
			t.Run(fmt.Sprintf("%s/%s", name, path), func(t *testing.T) {
				m := openDecoder(t, name)
				a, err := lora.Open(filepath.Join(decoders, name, "lora"), m.Base())
				if err != nil {
					t.Fatal(err)
				}
				if len(a.Layers) != 7*m.Config.Layers {
					t.Fatalf("the adapter has %d modules in %d layers", len(a.Layers), m.Config.Layers)
				}
				if err := m.Attach(a); err != nil {
					t.Fatal(err)
				}
				gradient := func(name string) []float32 { return want["gradient.base_model.model."+name] }
				vectors, weights := passing{path: path, cotangent: want["cotangent"], trainable: func(name string) bool { return gradient(name) != nil }}.run(t, m, batchOf(decoderSequences(t)...))
				near(t, "vectors", vectors, want["embeddings"], m.Config.HiddenSize)
				gradientsEqual(t, weights, gradient)
				trained := slices.DeleteFunc(weights, func(w *compute.Weight) bool { return !w.Trainable() })
				if len(trained) != 2*len(a.Layers) {
					t.Errorf("%d matrices learn, want %d", len(trained), 2*len(a.Layers))
				}
			})
		}
	}
}

// TestMergedDecodersGiveTheAdaptersVectors merges into files of ForCausalLM, whose prefix, and whose lm_head, stay.
func TestMergedDecodersGiveTheAdaptersVectors(t *testing.T) {
	for _, name := range decoderNames(t, true) {
		t.Run(name, func(t *testing.T) {
			base := openDecoder(t, name)
			a, err := lora.Open(filepath.Join(decoders, name, "lora"), base.Base())
			if err != nil {
				t.Fatal(err)
			}
			entries, err := a.Merge(context.Background(), base.Base(), 2)
			if err != nil {
				t.Fatal(err)
			}
			var merged bytes.Buffer
			if err := safetensors.Write(&merged, entries, nil); err != nil {
				t.Fatal(err)
			}
			file, err := safetensors.Parse(merged.Bytes(), "merged")
			if err != nil {
				t.Fatal(err)
			}
			changed := 0
			for _, before := range base.Base().Tensors() {
				after, err := file.Tensor(before.Name)
				if err != nil {
					t.Fatal(err)
				}
				if projection := strings.HasSuffix(before.Name, "_proj.weight"); projection == bytes.Equal(before.Data, after.Data) {
					t.Errorf("%s: changed is %t", before.Name, projection)
				} else if projection {
					changed++
				}
			}
			if changed != len(a.Layers) {
				t.Errorf("%d tensors changed, want %d", changed, len(a.Layers))
			}

			dir := filepath.Join(t.TempDir(), "merged")
			if err := os.CopyFS(dir, os.DirFS(base.Path)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, safetensors.SingleName), merged.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			yes := true
			m := open(t, dir, model.Options{Pooling: model.PoolLastToken, Normalize: &yes})
			vectors, _ := passing{}.run(t, m, batchOf(decoderSequences(t)...))
			equalWithin(t, "vectors", vectors, expectedTensors(t, filepath.Join(decoders, name, "lora", "expected.safetensors"))["embeddings"], 1e-5)
		})
	}
}

// TestDecoderVectorsDoNotDependOnTheBatch compares the bytes of a text alone and among others, in every precision.
func TestDecoderVectorsDoNotDependOnTheBatch(t *testing.T) {
	sequences := decoderSequences(t)
	for _, name := range []string{"mistral", "llama-dynamic", "embeddinggemma"} {
		for _, path := range kernel.Available() {
			for _, precision := range []compute.Precision{compute.F32, compute.Auto} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, path, precision), func(t *testing.T) {
					m := openDecoder(t, name)
					all, _ := passing{path: path, precision: precision}.run(t, m, batchOf(sequences...))
					n := m.Config.HiddenSize
					for i, s := range sequences {
						others := slices.Concat(sequences[i+1:], [][]int32{s})
						for _, batch := range [][][]int32{{s}, others} {
							got, _ := passing{path: path, precision: precision, workers: 5}.run(t, m, batchOf(batch...))
							if !slices.Equal(got[len(got)-n:], all[i*n:(i+1)*n]) {
								t.Fatalf("text %d has another vector among %d texts than among %d", i, len(batch), len(sequences))
							}
						}
					}
				})
			}
		}
	}
}

// TestDecoderLayersComputedAgainChangeNoBit compares gradients of a plan that computes layers again with one that keeps all.
func TestDecoderLayersComputedAgainChangeNoBit(t *testing.T) {
	for _, name := range decoderNames(t, false) {
		t.Run(name, func(t *testing.T) {
			want := expectedTensors(t, filepath.Join(decoders, name, "expected.safetensors"))
			var kept []*compute.Weight
			for _, recompute := range []bool{false, true} {
				m := openDecoder(t, name)
				_, weights := passing{recompute: recompute, cotangent: want["cotangent"], trainable: func(string) bool { return true }}.run(t, m, batchOf(decoderSequences(t)...))
				for i, w := range weights {
					if recompute && !slices.Equal(w.Gradient, kept[i].Gradient) {
						t.Errorf("%s has another gradient", w.Name)
					}
				}
				kept = weights
			}
		})
	}
}
