package embedding_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// TestWeightsOf16BitsGiveTheVectorsOfTheirFloats embeds with models of 16 bits, whose matrices stay in their files, and with the
// same numbers stored as F32, on every path and precision, keeping packed weights and packing them whenever they are used.
func TestWeightsOf16BitsGiveTheVectorsOfTheirFloats(t *testing.T) {
	texts := someTexts(80)
	for _, dtype := range []safetensors.DType{safetensors.BF16, safetensors.F16} {
		dir := t.TempDir()
		half, wide := filepath.Join(dir, "half"), filepath.Join(dir, "wide")
		if err := tinymodel.Write(half, tinymodel.Options{DType: dtype, Hidden: 48, Heads: 4, Intermediate: 80}); err != nil {
			t.Fatal(err)
		}
		if err := tinymodel.Widen(half, wide); err != nil {
			t.Fatal(err)
		}
		checkTwins(t, string(dtype), half, wide, texts)
	}
}

// checkTwins compares the vectors of two directories, to the bit.
func checkTwins(t *testing.T, name, half, wide string, texts []embedding.Text) {
	t.Helper()
	models := map[string]*model.Model{}
	for _, dir := range []string{half, wide} {
		m, err := model.Open(dir, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		models[dir] = m
	}
	if f, w := models[half].Footprint(), models[wide].Footprint(); f.Mapped == 0 || f.Mapped > w.Mapped/2 || f.Held > w.Mapped/10 {
		t.Errorf("%s: the weights take %+v, as floats %+v", name, f, w)
	}
	for _, path := range kernel.Available() {
		for _, precision := range []compute.Precision{compute.F32, compute.Auto} {
			t.Run(fmt.Sprintf("%s/%s/%s", name, path, precision), func(t *testing.T) {
				want := embed(t, models[wide], compute.Options{Path: path, Precision: precision, Workers: 2}, texts, embedding.Options{})
				for _, memory := range []int64{0, 1 << 20} {
					got := embed(t, models[half], compute.Options{Path: path, Precision: precision, Workers: 2, Memory: memory}, texts, embedding.Options{})
					for i := range want {
						if !slices.Equal(got[i], want[i]) {
							t.Fatalf("memory %d: text %d has another vector", memory, i)
						}
					}
				}
			})
		}
	}
}
