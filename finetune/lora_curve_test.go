package finetune

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/model"
)

// curveCase is a training of a LoRA on all seven projections of the tiny Mistral, as parity/lora_curve_fixture.py reads it.
type curveCase struct {
	stepsCase
	Header map[string]string    `json:"header"`
	Rank   int                  `json:"rank"`
	Alpha  float64              `json:"alpha"`
	LoRAA  map[string][]float32 `json:"lora_A"` // by module, what the adapter starts from; B is zero
}

func curveOptions() Options {
	o := DefaultOptions()
	o.Method, o.Epochs, o.Batch, o.GroupSize, o.BlockTokens = LoRA, 10, 4, 3, 40
	o.LearningRate, o.Temperature, o.Dropout = 1e-2, 0.05, false
	o.LoRA.Rank, o.LoRA.Alpha, o.LoRA.Dropout = 4, 8, 0
	return o
}

// curveData are the rows of stepsData with texts of the tiny Mistral's vocabulary, longer than its window.
func curveData() (queries, passages [][]int32, examples []Example) {
	queries, passages, examples = stepsData()
	source := draw.New(2, "training steps", 0, 0, "texts")
	for _, texts := range [][][]int32{queries, passages} {
		for _, ids := range texts {
			for i := range ids {
				ids[i] = int32(3 + source.IntN(37))
			}
		}
	}
	return queries, passages, examples
}

func curveTrainer(t *testing.T, path kernel.Path) *Trainer {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../model/testdata/decoders/mistral")); err != nil {
		t.Fatal(err)
	}
	tokenizer := `{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"<pad>": 0}, "unk_token": "<pad>"}}`
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(tokenizer), 0o600); err != nil {
		t.Fatal(err)
	}
	yes := true
	m, err := model.Open(dir, model.Options{Pooling: model.PoolLastToken, Normalize: &yes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	e, err := compute.New(compute.Options{Path: path, Precision: compute.F32, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	trainer, err := New(m, e, dataOf(curveData()), curveOptions())
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// TestLoRACurveAgainstPEFT trains 20 steps from the draw of rows to the adapter and compares the losses with those of PEFT
// on the same rows, and the matrices that are left. After a change of the draws:
//
//	go test ./finetune -run TestLoRACurveAgainstPEFT -update && python parity/lora_curve_fixture.py
func TestLoRACurveAgainstPEFT(t *testing.T) {
	o := curveOptions()
	queries, passages, examples := curveData()
	input := curveCase{
		stepsCase: newStepsCase("lora", o), Rank: o.LoRA.Rank, Alpha: o.LoRA.Alpha, LoRAA: map[string][]float32{},
		Header: map[string]string{"command": "go test ./finetune -run TestLoRACurveAgainstPEFT -update"},
	}
	input.Queries, input.Passages = queries, passages
	if len(input.Steps) != 20 || len(examples) != len(queries) {
		t.Fatalf("%d steps, want 20", len(input.Steps))
	}
	fresh, err := curveTrainer(t, exactpath.Fastest).Adapter()
	if err != nil {
		t.Fatal(err)
	}
	if len(fresh.Layers) != 14 {
		t.Fatalf("the adapter has %d modules, want seven in each of two layers", len(fresh.Layers))
	}
	for _, l := range fresh.Layers {
		input.LoRAA[l.Name] = l.A
	}
	raw, err := json.MarshalIndent(input, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/lora_curve_input.json", append(raw, '\n'))
	if t.Failed() {
		return // the rows below would be others than PEFT's
	}

	var fixture struct {
		Steps []struct {
			Loss         float64
			LearningRate float64 `json:"learning_rate"`
			GradientNorm float64 `json:"gradient_norm"`
		}
		Matrices map[string][]float32
	}
	readFixture(t, "lora_curve.json", &fixture)
	for _, path := range kernel.Available() {
		t.Run(string(path), func(t *testing.T) {
			trainer := curveTrainer(t, path)
			var losses []float64
			err := trainer.Run(context.Background(), Hooks{Step: func(got Report) error {
				want := fixture.Steps[len(losses)]
				losses = append(losses, got.Loss)
				if math.Abs(got.Loss-want.Loss) > 1e-3 {
					t.Errorf("step %d: loss %v, want %v", got.Step, got.Loss, want.Loss)
				}
				if math.Abs(got.GradientNorm-want.GradientNorm) > 1e-3*want.GradientNorm {
					t.Errorf("step %d: norm of the gradient %v, want %v", got.Step, got.GradientNorm, want.GradientNorm)
				}
				if math.Abs(got.LearningRate-want.LearningRate) > 1e-12 {
					t.Errorf("step %d: learning rate %v, want %v", got.Step, got.LearningRate, want.LearningRate)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if len(losses) != len(fixture.Steps) || losses[len(losses)-1] > 0.5*losses[0] {
				t.Errorf("%d steps took the loss from %v to %v", len(losses), losses[0], losses[len(losses)-1])
			}
			compareMatrices(t, trainer, fixture.Matrices)
		})
	}
}

// compareMatrices allows a matrix a thousandth of its norm.
func compareMatrices(t *testing.T, trainer *Trainer, want map[string][]float32) {
	t.Helper()
	if got := len(trainer.Trained()); got != len(want) {
		t.Errorf("%d matrices, want %d", got, len(want))
	}
	for _, w := range trainer.Trained() {
		expected := want[w.Name]
		if len(expected) != len(w.Values) {
			t.Errorf("%s: %d values, want %d", w.Name, len(w.Values), len(expected))
			continue
		}
		var off, norm float64
		for i, v := range w.Values {
			off += math.Pow(float64(v-expected[i]), 2)
			norm += math.Pow(float64(expected[i]), 2)
		}
		if math.Sqrt(off) > 1e-3*math.Sqrt(norm) {
			t.Errorf("%s: differs by %.2g of its norm", w.Name, math.Sqrt(off/norm))
		}
	}
}
