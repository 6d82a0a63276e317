package finetune_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/transformer"
	"github.com/quarry-ml/quarry/rundir"
)

// newDense is the data of newTiny with a model of two Dense modules.
func newDense(t *testing.T) tiny {
	t.Helper()
	x := newTiny(t, 6)
	m, err := model.Open("../model/testdata/dense", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	x.model = m
	return x
}

// vectors are those of the queries under a model with trained weights in place of its own.
func (x tiny) vectors(t *testing.T, m *model.Model, trained []*compute.Weight) []float32 {
	t.Helper()
	e, err := compute.New(compute.Options{Path: exactpath.Fastest, Workers: 1})
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
	for i, w := range weights {
		if at := slices.IndexFunc(trained, func(t *compute.Weight) bool { return t.Name == w.Name }); at >= 0 {
			weights[i] = trained[at]
		}
	}
	run, err := e.NewWorkspace(tensor.NewPlan(g, nil, 200, 16), weights)
	if err != nil {
		t.Fatal(err)
	}
	b := compute.Batch{Offsets: []int32{0}}
	for i := range x.data.Examples {
		b.IDs = append(b.IDs, x.data.Query(i).IDs...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	out, err := run.Forward(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out)
}

// TestDenseIsTrainedAndWritten: full training changes every weight of Dense modules, and the directory that is written of it
// gives the vectors of the trained weights to the bit.
func TestDenseIsTrainedAndWritten(t *testing.T) {
	x := newDense(t)
	o := options(finetune.Full)
	o.MaxSteps = 2
	before := x.vectors(t, x.model, nil)
	trainer := x.trainer(t, o, compute.Options{Workers: 2})
	train(t, trainer)
	want := x.vectors(t, x.model, trainer.Trained())
	if slices.Equal(want, before) {
		t.Fatal("training changed no vector")
	}

	dir := filepath.Join(t.TempDir(), "trained")
	network, dense := x.model.Entries(trainer.Trained())
	err := rundir.WriteDir(rundir.OS{}, dir, func(dir string) error {
		return model.WriteDirectory(rundir.Sink(rundir.OS{}, dir), x.model.Directory, network, model.WriteOptions{Dense: dense})
	})
	if err != nil {
		t.Fatal(err)
	}
	written, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	if !slices.Equal(x.vectors(t, written, nil), want) {
		t.Error("the written directory gives other vectors")
	}
	for _, spec := range []tensor.ParamSpec{
		{Name: "2_Dense/linear.weight", Rows: 12, Columns: 16}, {Name: "2_Dense/linear.bias", Rows: 1, Columns: 12}, {Name: "3_Dense/linear.weight", Rows: 8, Columns: 12},
	} {
		old, err := x.model.Weight(spec)
		if err != nil {
			t.Fatal(err)
		}
		now, err := written.Weight(spec)
		if err != nil {
			t.Fatal(err)
		}
		moved := 0
		for i, v := range now.Values {
			if v != old.Values[i] {
				moved++
			}
		}
		if moved < len(now.Values)*9/10 {
			t.Errorf("%s: %d of %d values changed", spec.Name, moved, len(now.Values))
		}
	}
}

// TestAdaptersLeaveDenseAlone: they sit on the network, whatever their targets, and train no other weight.
func TestAdaptersLeaveDenseAlone(t *testing.T) {
	x := newDense(t)
	o := options(finetune.LoRA)
	o.LoRA.TargetModules, o.MaxSteps = []string{"dense", "query"}, 1
	trainer := x.trainer(t, o, compute.Options{Workers: 1})
	before := x.vectors(t, x.model, nil)
	train(t, trainer)
	for _, w := range trainer.Trained() {
		if !strings.Contains(w.Name, ".lora_") || strings.Contains(w.Name, "Dense") {
			t.Errorf("%s is trained", w.Name)
		}
	}
	if !slices.Equal(x.vectors(t, x.model, nil), before) {
		t.Error("weights of the base changed")
	}
	adapter, err := trainer.Adapter()
	if err != nil {
		t.Fatal(err)
	}
	if len(adapter.Layers) != 4 { // query, and the dense of attention, intermediate and output
		t.Errorf("%d layers", len(adapter.Layers))
	}
}
