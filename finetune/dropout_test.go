package finetune

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
)

// dropoutOptions are those of a single step on all queries; the rate is too small to move a loss.
func dropoutOptions(change func(*Options)) Options {
	o := DefaultOptions()
	o.Epochs, o.Batch, o.GroupSize, o.LearningRate, o.Schedule, o.BlockTokens = 1, 7, 3, 1e-30, Constant, 40
	o.LoRA.Rank = 4
	change(&o)
	return o
}

// firstStep is what the first step reports, after which the weights are as they were.
func firstStep(t *testing.T, o Options) Report {
	t.Helper()
	var first Report
	if err := stepsTrainer(t, o).Run(context.Background(), Hooks{Step: func(r Report) error {
		if r.Step == 1 {
			first = r
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	return first
}

// TestDropoutIsOnInTraining compares the loss of the same rows: the tiny BERT's config asks for a tenth.
func TestDropoutIsOnInTraining(t *testing.T) {
	on := firstStep(t, dropoutOptions(func(*Options) {}))
	off := firstStep(t, dropoutOptions(func(o *Options) { o.Dropout = false }))
	again := firstStep(t, dropoutOptions(func(*Options) {}))
	if on != again {
		t.Errorf("the same step twice: %+v, %+v", on, again)
	}
	if on.Loss == off.Loss || on.GradientNorm == off.GradientNorm {
		t.Errorf("with and without dropout: loss %v, norm %v", on.Loss, on.GradientNorm)
	}
}

// TestLoRADropoutIsOnInTraining compares gradients: a fresh adapter adds nothing to the loss.
func TestLoRADropoutIsOnInTraining(t *testing.T) {
	adapter := func(dropout float64) Report {
		return firstStep(t, dropoutOptions(func(o *Options) { o.Method, o.Dropout, o.LoRA.Dropout = LoRA, false, dropout }))
	}
	on, off := adapter(0.3), adapter(0)
	if on.Loss != off.Loss {
		t.Errorf("a fresh adapter changes the loss: %v with dropout, %v without", on.Loss, off.Loss)
	}
	if on.GradientNorm == off.GradientNorm {
		t.Errorf("with and without the adapter's dropout the norm of the gradient is %v", on.GradientNorm)
	}
}

// TestDropoutChangesByStep takes the same rows (no negatives, one positive) twice: only their masks can differ.
func TestDropoutChangesByStep(t *testing.T) {
	for _, tc := range []struct {
		name    string
		dropout bool
	}{{"on", true}, {"off", false}} {
		t.Run(tc.name, func(t *testing.T) {
			trainer := stepsTrainer(t, dropoutOptions(func(o *Options) { o.GroupSize, o.Dropout = 1, tc.dropout }))
			for i := range trainer.data.Examples {
				e := &trainer.data.Examples[i]
				e.Positives = e.Positives[:1]
			}
			var losses []float64
			for range 2 {
				r, err := trainer.step(context.Background(), 1, 1, []int{0, 1, 2, 3, 4, 5, 6})
				if err != nil {
					t.Fatal(err)
				}
				losses = append(losses, r.Loss)
			}
			if (losses[0] != losses[1]) != tc.dropout {
				t.Errorf("losses of two steps: %v", losses)
			}
		})
	}
}

func TestDropoutIsOffInEvalLoss(t *testing.T) {
	var losses []float64
	for _, dropout := range []bool{true, false} {
		trainer := stepsTrainer(t, dropoutOptions(func(o *Options) { o.Dropout = dropout }))
		loss, err := trainer.EvalLoss(context.Background(), trainer.data)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, loss)
	}
	// A graph that can drop adds in another order.
	if math.Abs(losses[0]-losses[1]) > 1e-6*losses[1] {
		t.Errorf("eval_loss with dropout in training %v, without %v", losses[0], losses[1])
	}
}

// TestBothPassesOfGradientCachingReplayOneMask embeds the same sequences twice in blocks that are not kept, and compares
// vectors; then the gradients of a step with all blocks kept and with none, layers computed again.
func TestBothPassesOfGradientCachingReplayOneMask(t *testing.T) {
	gradients := func(tight bool) [][]float32 {
		m, err := model.Open("../model/testdata/tiny-bert", model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		data, options := dataOf(stepsData()), dropoutOptions(func(*Options) {})
		var memory int64
		if tight {
			e := engineWith(t, 0)
			need, err := NeedMemory(m, e, options, data.longest())
			if err != nil {
				t.Fatal(err)
			}
			memory = need.Least()
		}
		e := engineWith(t, memory)
		trainer, err := New(m, e, data, options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := trainer.step(context.Background(), 1, 1, []int{0, 1, 2, 3, 4, 5, 6}); err != nil {
			t.Fatal(err)
		}
		r := &trainer.runner
		if cached := r.keep < len(r.blocks)-1; cached != tight || r.recomputes != tight || len(r.blocks) < 3 {
			t.Fatalf("%d of %d blocks are kept under a limit of %d bytes, layers computed again: %t", r.keep, len(r.blocks), memory, r.recomputes)
		}
		for i, b := range r.blocks {
			if len(b.batch.DropoutKeys) != b.batch.Sequences() {
				t.Fatalf("block %d: %d keys of dropout for %d sequences", i, len(b.batch.DropoutKeys), b.batch.Sequences())
			}
			first, err := r.space(i).Forward(context.Background(), b.batch)
			if err != nil {
				t.Fatal(err)
			}
			first = slices.Clone(first)
			second, err := r.space(i).Forward(context.Background(), b.batch)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(first, second) {
				t.Errorf("block %d: the second pass has another mask", i)
			}
		}
		var all [][]float32
		for _, p := range trainer.parameters {
			all = append(all, p.Gradient)
		}
		return all
	}
	kept, cached := gradients(false), gradients(true)
	for i := range kept {
		if !slices.Equal(kept[i], cached[i]) {
			t.Errorf("parameter %d: gradients differ", i)
		}
	}
}

// engineWith is an engine of one worker on the portable path under a limit.
func engineWith(t *testing.T, memory int64) *compute.Engine {
	t.Helper()
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Precision: compute.F32, Workers: 1, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}
