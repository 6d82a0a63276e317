package finetune_test

import (
	"errors"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/finetune"
)

// TestAnEvaluatorIsATrainerBeforeItsFirstStep takes the loss in the least memory there is; a byte less is refused.
func TestAnEvaluatorIsATrainerBeforeItsFirstStep(t *testing.T) {
	x := newTiny(t, 14)
	o := options(finetune.Full)
	want, err := x.trainer(t, o, compute.Options{Path: kernel.Portable, Workers: 1}).EvalLoss(t.Context(), x.data)
	if err != nil {
		t.Fatal(err)
	}
	on := compute.Options{Path: kernel.Portable, Workers: 2}
	e, err := compute.New(on)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	need, err := finetune.NeedEvaluation(x.model, e, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	training := x.need(t, o, on)
	if need.Trained != 0 || need.Model != training.Model+training.Trained && need.Model != training.Model || 2*need.Least() > training.Least() {
		t.Errorf("an evaluation takes %+v, a training %+v", need, training)
	}
	for _, tc := range []struct {
		memory int64
		fits   bool
	}{{0, true}, {need.Least(), true}, {need.Least() - 1, false}} {
		e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: 2, Memory: tc.memory})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		v, err := finetune.NewEvaluator(x.model, e, x.data, o)
		if short := (*finetune.MemoryError)(nil); !tc.fits && errors.As(err, &short) {
			continue
		}
		if err != nil || !tc.fits {
			t.Fatalf("memory %d: %v", tc.memory, err)
		}
		if got, err := v.Loss(t.Context()); err != nil || got != want {
			t.Errorf("memory %d: loss %v, %v; a trainer's is %v", tc.memory, got, err, want)
		}
	}
}
