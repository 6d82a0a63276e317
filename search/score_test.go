package search

import (
	"math"
	"math/big"
	"testing"

	"github.com/quarry-ml/quarry/draw"
)

// TestLaneOrder pins the documented order: only it gives these sums of numbers that cancel.
func TestLaneOrder(t *testing.T) {
	ones := []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	with := func(values map[int]float32) []float32 {
		v := make([]float32, len(ones))
		for i, x := range values {
			v[i] = x
		}
		return v
	}
	const huge = 1 << 60 // float64 keeps 53 bits: huge + 1 == huge
	for _, tc := range []struct {
		name   string
		vector []float32
		want   float32
	}{
		{"a lane adds in order of position", with(map[int]float32{0: huge, 8: -huge, 16: 1}), 1},
		{"a lane loses what a later one would keep", with(map[int]float32{0: huge, 8: 1, 16: -huge}), 0},
		{"lanes 0 and 4 meet first", with(map[int]float32{0: huge, 4: -huge, 2: 1}), 1},
		{"lanes 2 and 6 meet first", with(map[int]float32{2: huge, 6: -huge, 0: 1}), 1},
		{"lanes 0 and 2 meet after", with(map[int]float32{0: huge, 2: -huge, 4: 1}), 0},
		{"even lanes meet before odd ones", with(map[int]float32{0: huge, 2: -huge, 1: 1}), 1},
		{"odd lanes meet among themselves", with(map[int]float32{1: huge, 3: -huge, 0: 1}), 1},
		{"odd and even lanes meet last", with(map[int]float32{0: huge, 1: -huge, 2: 1}), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Score(tc.vector, ones); got != tc.want {
				t.Errorf("Score is %v, want %v", got, tc.want)
			}
		})
	}
}

// TestScoreAgainstExact compares with exact arithmetic: the float64 sum of up to 70 terms is within float32's rounding.
func TestScoreAgainstExact(t *testing.T) {
	source := draw.New(1, "test", 0, 0, "")
	for dim := 1; dim < 70; dim++ {
		a, b := make([]float32, dim), make([]float32, dim)
		exact := new(big.Float).SetPrec(400)
		size := 0.0
		for i := range a {
			a[i], b[i] = float32(source.Float64()-0.5), float32(source.Float64()-0.5)
			exact.Add(exact, new(big.Float).Mul(big.NewFloat(float64(a[i])), big.NewFloat(float64(b[i]))))
			size += math.Abs(float64(a[i]) * float64(b[i]))
		}
		want, _ := exact.Float64()
		got := Score(a, b)
		if math.Abs(float64(got)-want) > math.Abs(want)*0x1p-24+size*0x1p-46 {
			t.Errorf("dimension %d: %v, want %v", dim, got, want)
		}
		if other := Score(b, a); other != got {
			t.Errorf("dimension %d: %v one way, %v the other", dim, got, other)
		}
	}
}
