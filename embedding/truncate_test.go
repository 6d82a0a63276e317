package embedding_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

// TestTruncatedVectorsAreTheBeginningOfWholeOnes: as they are where they are handed out, of length 1 where a dot product
// is to be their cosine.
func TestTruncatedVectorsAreTheBeginningOfWholeOnes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	embed := func(o model.Options, cosine bool) (vectors []float32, dim int) {
		m, err := model.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if cosine {
			m.CompareByCosine()
		}
		x, err := embedding.New(m, e)
		if err != nil {
			t.Fatal(err)
		}
		texts := func(yield func(embedding.Text, error) bool) {
			_ = yield(embedding.Text{IDs: []int32{5, 6, 7}}, nil) && yield(embedding.Text{IDs: []int32{9, 8}}, nil)
		}
		_, err = x.Embed(context.Background(), texts, embedding.Options{}, func(_ int, v []float32) error {
			vectors = append(vectors, v...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return vectors, x.Dimension()
	}
	whole, dim := embed(model.Options{}, false)
	const keep = 5
	cut, kept := embed(model.Options{TruncateDim: keep}, false)
	unit, _ := embed(model.Options{TruncateDim: keep}, true)
	if kept != keep || len(cut) != 2*keep {
		t.Fatalf("%d numbers of dimension %d", len(cut), kept)
	}
	for i := range 2 {
		row := cut[i*keep : (i+1)*keep]
		if !slices.Equal(row, whole[i*dim:i*dim+keep]) {
			t.Errorf("text %d: %v is not the beginning of %v", i, row, whole[i*dim:(i+1)*dim])
		}
		var length, square float64
		for _, v := range row {
			length += float64(v) * float64(v)
		}
		for k, v := range unit[i*keep : (i+1)*keep] {
			square += float64(v) * float64(v)
			if want := float64(row[k]) / math.Sqrt(length); math.Abs(float64(v)-want) > 1e-6 {
				t.Errorf("text %d: number %d is %v at length 1, want %v", i, k, v, want)
			}
		}
		if math.Abs(square-1) > 1e-6 {
			t.Errorf("text %d has length %v", i, math.Sqrt(square))
		}
	}
	same, _ := embed(model.Options{TruncateDim: dim}, false)
	if !slices.Equal(same, whole) {
		t.Error("all of a vector is not the vector")
	}
}
