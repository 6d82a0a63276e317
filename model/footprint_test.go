package model_test

import (
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// TestFootprint counts the weights of a BERT of one layer by hand: matrices are mapped whatever their type; vectors of 16
// bits are held as float32.
func TestFootprint(t *testing.T) {
	const hidden, intermediate, positions = 32, 64, 64
	matrices := int64((len(tinymodel.Vocabulary())+positions+2)*hidden + 4*hidden*hidden + 2*hidden*intermediate)
	vectors := int64(2*hidden + 4*hidden + 2*hidden + intermediate + hidden + 2*hidden)
	for _, tc := range []struct {
		dtype safetensors.DType
		want  model.Footprint
	}{
		{safetensors.F32, model.Footprint{Mapped: 4 * (matrices + vectors)}},
		{safetensors.BF16, model.Footprint{Mapped: 2 * matrices, Held: 4 * vectors}},
		{safetensors.F16, model.Footprint{Mapped: 2 * matrices, Held: 4 * vectors}},
	} {
		t.Run(string(tc.dtype), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			if err := tinymodel.Write(dir, tinymodel.Options{Layers: 1, DType: tc.dtype, NoPooler: true}); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(dir, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if got := m.Footprint(); got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
			size, _ := tc.dtype.Size()
			spec := tensor.ParamSpec{Name: "encoder.layer.0.intermediate.dense.weight", Rows: intermediate, Columns: hidden}
			if got := m.StoredBytes(spec); got != int64(size*intermediate*hidden) {
				t.Errorf("a matrix has %d bytes", got)
			}
			if _, err := m.Weight(spec); err != nil || m.Attached() != 0 {
				t.Errorf("%d bytes of an adapter, %v", m.Attached(), err)
			}
			modules, err := m.AdapterModules()
			if err != nil {
				t.Fatal(err)
			}
			c := lora.DefaultConfig()
			c.Rank, c.Targets.Names = 3, []string{"query", "intermediate.dense"}
			a, err := lora.New(c, modules, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			a.Saved = map[string]lora.Saved{"embeddings.word_embeddings.weight": {Shape: []int{len(tinymodel.Vocabulary()), hidden}, Values: make([]float32, len(tinymodel.Vocabulary())*hidden)}}
			if err := m.Attach(a); err != nil {
				t.Fatal(err)
			}
			if got := m.Attached(); got != int64(4*3*(2*hidden+hidden+intermediate)+4*len(tinymodel.Vocabulary())*hidden) {
				t.Errorf("%d bytes of an adapter", got)
			}
		})
	}
}
