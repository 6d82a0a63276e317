package finetune_test

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/rundir"
)

// wholeOptions train adapters on query and, whole, the first norm and the table of positions.
func wholeOptions() finetune.Options {
	o := options(finetune.LoRA)
	o.Dropout, o.LoRA.Dropout = false, 0
	o.LoRA.TargetModules, o.LoRA.ModulesToSave = []string{"query"}, []string{"embeddings.LayerNorm", "position_embeddings"}
	return o
}

var wholeTensors = []string{"embeddings.LayerNorm.bias", "embeddings.LayerNorm.weight", "embeddings.position_embeddings.weight"}

// gradients takes one step and returns the gradients of the trained weights by name.
func gradients(t *testing.T, trainer *finetune.Trainer) map[string][]float32 {
	t.Helper()
	train(t, trainer)
	found := map[string][]float32{}
	for _, w := range trainer.Trained() {
		found[w.Name] = w.Gradient
	}
	return found
}

// TestModulesToSaveHaveTheGradientsOfFullTraining: beside a fresh adapter, which changes nothing, the tensors that are trained whole
// get the gradients that they get where all is trained.
func TestModulesToSaveHaveTheGradientsOfFullTraining(t *testing.T) {
	x := newTiny(t, 6)
	o := wholeOptions()
	o.Epochs, o.MaxSteps = 1, 1
	full := o
	full.Method = finetune.Full
	want := gradients(t, x.trainer(t, full, compute.Options{Workers: 1}))
	trainer := x.trainer(t, o, compute.Options{Workers: 1})
	got := gradients(t, trainer)
	if len(got) != 2*2+len(wholeTensors) { // A and B in two layers
		t.Errorf("trained are %v", slices.Sorted(maps.Keys(got)))
	}
	for _, name := range wholeTensors {
		if len(got[name]) == 0 || len(got[name]) != len(want[name]) {
			t.Fatalf("%s: %d gradients, want %d", name, len(got[name]), len(want[name]))
		}
		var off, norm float64
		for i, v := range want[name] {
			off += math.Pow(float64(got[name][i]-v), 2)
			norm += math.Pow(float64(v), 2)
		}
		if norm == 0 || math.Sqrt(off) > 1e-5*math.Sqrt(norm) {
			t.Errorf("%s: differs by %g of its norm %g", name, math.Sqrt(off/norm), math.Sqrt(norm))
		}
	}
}

// TestModulesToSaveAreTrainedAndStored: they change in the adapter and not in the base, go through its files, and are trained on.
func TestModulesToSaveAreTrainedAndStored(t *testing.T) {
	x := newTiny(t, 12)
	o := wholeOptions()
	plain := o
	plain.LoRA.ModulesToSave = nil
	start, err := x.trainer(t, plain, compute.Options{Workers: 1}).EvalLoss(t.Context(), x.data)
	if err != nil {
		t.Fatal(err)
	}
	trainer := x.trainer(t, o, compute.Options{Workers: 2})
	if got, err := trainer.EvalLoss(t.Context(), x.data); err != nil || got != start {
		t.Errorf("a fresh adapter's loss is %v, want %v (%v)", got, start, err)
	}
	before := map[string][]float32{}
	for _, name := range wholeTensors {
		before[name] = baseValues(t, x.model, name)
	}
	train(t, trainer)
	want, err := trainer.EvalLoss(t.Context(), x.data)
	if err != nil || want == start {
		t.Fatalf("the loss is %v, as before (%v)", want, err)
	}
	adapter, err := trainer.Adapter()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range wholeTensors {
		if !slices.Equal(baseValues(t, x.model, name), before[name]) {
			t.Errorf("%s of the base changed", name)
		}
		if slices.Equal(adapter.Saved[name].Values, before[name]) {
			t.Errorf("%s was not trained", name)
		}
	}
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := rundir.WriteDir(rundir.OS{}, dir, func(dir string) error { return x.model.WriteAdapter(adapter, rundir.Sink(rundir.OS{}, dir)) }); err != nil {
		t.Fatal(err)
	}
	read, err := lora.Open(dir, x.model.Base())
	if err != nil {
		t.Fatal(err)
	}
	o.LoRA = finetune.GoingOn(read)
	if !slices.Equal(o.LoRA.ModulesToSave, []string{"embeddings.LayerNorm", "position_embeddings"}) {
		t.Errorf("going on with %v", o.LoRA.ModulesToSave)
	}
	again := x.trainer(t, o, compute.Options{Workers: 1})
	if got, err := again.EvalLoss(t.Context(), x.data); err != nil || got != want {
		t.Errorf("trained on, the loss begins with %v, want %v (%v)", got, want, err)
	}
	kept := slices.Clone(read.Saved[wholeTensors[0]].Values)
	train(t, again)
	if !slices.Equal(read.Saved[wholeTensors[0]].Values, kept) {
		t.Error("training on changes the adapter that it began with")
	}
}

func baseValues(t *testing.T, m *model.Model, name string) []float32 {
	t.Helper()
	tensor, err := m.Base().Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	values, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(values)
}

// TestModulesToSaveResume: a training that is interrupted in its middle ends with the bytes of one that is not.
func TestModulesToSaveResume(t *testing.T) {
	x := newTiny(t, 12)
	whole := x.trainer(t, wholeOptions(), compute.Options{Workers: 1})
	train(t, whole)
	want := outcome(t, whole)
	first := x.trainer(t, wholeOptions(), compute.Options{Workers: 1})
	var state []byte
	stop := first.Run(t.Context(), finetune.Hooks{Step: func(r finetune.Report) error {
		if r.Step == 2 {
			state = outcome(t, first)
		}
		return nil
	}})
	if stop != nil {
		t.Fatal(stop)
	}
	second := x.trainer(t, wholeOptions(), compute.Options{Workers: 2})
	if err := second.LoadState(strings.NewReader(string(state)), "state"); err != nil {
		t.Fatal(err)
	}
	train(t, second)
	if string(outcome(t, second)) != string(want) {
		t.Error("the interrupted training ends with other bytes")
	}
}

// TestPositionsStay: FixPositions keeps the table of positions to the bit, of full training and of modules that are trained whole.
func TestPositionsStay(t *testing.T) {
	const table = "embeddings.position_embeddings.weight"
	x := newTiny(t, 12)
	want := baseValues(t, x.model, table)
	full, saving := options(finetune.Full), wholeOptions()
	for _, tc := range []struct {
		name string
		o    finetune.Options
	}{{"full", full}, {"modules to save", saving}} {
		t.Run(tc.name, func(t *testing.T) {
			trained := func(fix bool) (bool, *finetune.Trainer) {
				tc.o.FixPositions = fix
				trainer := x.trainer(t, tc.o, compute.Options{Workers: 1})
				var bytes int64
				for _, w := range trainer.Trained() {
					bytes += 4 * int64(len(w.Values))
				}
				if got := trainer.Rest(); got != 4*bytes { // value, gradient and two moments
					t.Errorf("the training takes %d bytes, and has %d that are trained", got, bytes)
				}
				train(t, trainer)
				return slices.ContainsFunc(trainer.Trained(), func(w *compute.Weight) bool { return w.Name == table }), trainer
			}
			if is, _ := trained(false); !is {
				t.Fatal("positions are not trained without the option")
			}
			is, trainer := trained(true)
			if is {
				t.Error("positions are trained")
			}
			if tc.o.Method == finetune.LoRA {
				adapter, err := trainer.Adapter()
				if err != nil || !slices.Equal(adapter.Saved[table].Values, want) {
					t.Errorf("the adapter stores other positions (%v)", err)
				}
			}
			if !slices.Equal(baseValues(t, x.model, table), want) {
				t.Error("positions changed")
			}
		})
	}
}
