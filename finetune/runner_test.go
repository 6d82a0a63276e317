package finetune

import (
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/model"
)

// TestSteadyStateAllocatesNothing repeats the passes of a step over several blocks, with all of them kept, with none, and
// with layers computed again.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit func(need Memory) int64
	}{
		{"all kept", func(Memory) int64 { return 0 }},
		{"one block", func(need Memory) int64 { return need.limit(need.Block) }},
		{"layers computed again", Memory.Least},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := model.Open("../model/testdata/tiny-bert", model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			data, o := dataOf(stepsData()), dropoutOptions(func(*Options) {})
			options := compute.Options{Path: exactpath.Fastest, Precision: compute.F32, Workers: 2}
			free, err := compute.New(options)
			if err != nil {
				t.Fatal(err)
			}
			defer free.Close()
			need, err := NeedMemory(m, free, o, data.longest())
			if err != nil {
				t.Fatal(err)
			}
			options.Memory = tc.limit(need)
			e, err := compute.New(options)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			trainer, err := New(m, e, data, o)
			if err != nil {
				t.Fatal(err)
			}
			var sequences []sequence
			keys := trainer.dropoutKeys(0)
			for p := range int32(10) {
				sequences = append(sequences, keys.of(data.Passage(p), "passage", data.PassageKey(p)))
			}
			gradient := make([]float32, len(sequences)*m.Dimension())
			step := func() {
				vectors, err := trainer.runner.forward(t.Context(), sequences, 1)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range vectors {
					copy(gradient[i*m.Dimension():], v)
				}
				if err := trainer.runner.backward(t.Context(), gradient); err != nil {
					t.Fatal(err)
				}
			}
			step()
			if n := len(trainer.runner.blocks); n < 2 {
				t.Fatalf("%d blocks: the test shows little", n)
			}
			if n := testing.AllocsPerRun(5, step); n > 0 {
				t.Errorf("%v allocations a step, want none", n)
			}
		})
	}
}
