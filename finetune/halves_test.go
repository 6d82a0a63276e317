package finetune_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// TestTrainingOn16BitsIsThatOnTheirFloats trains models of 16 bits, whose frozen matrices stay in their files, and the same
// numbers stored as F32, and compares the bits of every step, of eval_loss and of what is left.
func TestTrainingOn16BitsIsThatOnTheirFloats(t *testing.T) {
	memories := map[safetensors.DType][]int64{safetensors.BF16: {0, 4 << 20}, safetensors.F16: {4 << 20}}
	for _, dtype := range []safetensors.DType{safetensors.BF16, safetensors.F16} {
		dir := t.TempDir()
		half, wide := filepath.Join(dir, "half"), filepath.Join(dir, "wide")
		if err := tinymodel.Write(half, tinymodel.Options{DType: dtype, Dropout: 0.1}); err != nil {
			t.Fatal(err)
		}
		if err := tinymodel.Widen(half, wide); err != nil {
			t.Fatal(err)
		}
		for _, path := range kernel.Available() {
			for _, method := range []finetune.Method{finetune.LoRA, finetune.Full} {
				t.Run(fmt.Sprintf("%s/%s/%s", dtype, path, method), func(t *testing.T) {
					want, wantState := trainingOf(t, wide, method, compute.Options{Path: path, Workers: 2})
					for _, memory := range memories[dtype] {
						got, state := trainingOf(t, half, method, compute.Options{Path: path, Workers: 2, Memory: memory})
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("memory %d: other steps (-F32 +%s):\n%s", memory, dtype, diff)
						}
						if !bytes.Equal(state, wantState) {
							t.Errorf("memory %d: other weights or moments", memory)
						}
					}
				})
			}
		}
	}
}

// trainingOf trains the model of a directory and returns its steps, eval_loss at the end among them, and its state.
func trainingOf(t *testing.T, dir string, method finetune.Method, engine compute.Options) ([]any, []byte) {
	t.Helper()
	x := newTiny(t, 12)
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	x.model = m
	trainer := x.trainer(t, options(method), engine)
	var steps []any
	err = trainer.Run(t.Context(), finetune.Hooks{Step: func(r finetune.Report) error {
		steps = append(steps, r)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	loss, err := trainer.EvalLoss(t.Context(), x.data)
	if err != nil {
		t.Fatal(err)
	}
	var state bytes.Buffer
	if err := trainer.SaveState(&state); err != nil {
		t.Fatal(err)
	}
	return append(slices.Clip(steps), loss), state.Bytes()
}
