package compute

import (
	"fmt"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
)

// TestDotsStayWithinTheirBound compares every product with its float64 sum, for vectors of ordinary, tiny and uneven numbers.
func TestDotsStayWithinTheirBound(t *testing.T) {
	scales := map[string]func(i int) float64{
		"even":   func(int) float64 { return 0.05 },
		"uneven": func(i int) float64 { return math.Pow(2, float64(i*11%37-20)) },
		"tiny":   func(int) float64 { return 0x1p-70 },
	}
	for _, path := range kernel.Available() {
		s, err := kernel.New(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, scale := range scales {
			for _, dim := range []int{1, 7, 33, 384} {
				t.Run(fmt.Sprintf("%s/%s/dim=%d", path, name, dim), func(t *testing.T) {
					const m, n, stride = 37, 75, 80
					d := NewDots(s, dim)
					rows, columns := dotVectors(m, dim, "rows", scale), dotVectors(n, dim, "columns", scale)
					left, right := make([]float32, d.RowWords(m)), make([]float32, d.ColumnWords(n))
					d.PackRows(left, rows, m)
					d.PackColumns(right, columns, n)
					got := make([]float32, m*stride)
					d.Multiply(got, stride, left, right, m, n, make([]float32, d.ScratchWords(m)))
					for i := range m {
						for j := range n {
							x, y := rows[i*dim:(i+1)*dim], columns[j*dim:(j+1)*dim]
							want := s.Dot64(x, y)
							bound := d.Error(d.Size(x), d.Size(y))
							if off := math.Abs(float64(got[i*stride+j]) - want); !(off <= bound) {
								t.Fatalf("[%d, %d]: %v, want %v: off by %g, the bound is %g", i, j, got[i*stride+j], want, off, bound)
							}
							// Roundings of two operands to 8 bits lose at most 2^-8 of the norms' product each, sums in float32 far less.
							if most := 0x1.1p-7*math.Sqrt(s.Dot64(x, x)*s.Dot64(y, y)) + 0x1p-110; bound > most {
								t.Fatalf("[%d, %d]: the bound %g is beyond %g, no use to anyone", i, j, bound, most)
							}
						}
					}
				})
			}
		}
	}
}

func dotVectors(n, dim int, key string, scale func(i int) float64) []float32 {
	source := draw.New(17, "dots test", 0, 0, key)
	v := make([]float32, n*dim)
	for i := range v {
		v[i] = float32(scale(i%dim) * (2*source.Float64() - 1))
	}
	return v
}

// TestRoundBF16IsWhatKernelsDo packs values at the edges of rounding and compares bits.
func TestRoundBF16IsWhatKernelsDo(t *testing.T) {
	values := []float32{
		0, 1, -1, 0x1.01p0, 0x1.03p0, 0x1.010002p0, 0x1.00fffep0, -0x1.01p0, 0x1.fffffep0, 1e-40, -1e-40, 0x1p-126, 0x1.01p-126, 0x1.fffffcp-127,
		3e38, 1e18, -1e18, 0x1.ffp127 / 2, 0.1, -0.3,
	}
	tested := false
	for _, path := range kernel.Available() {
		s, err := kernel.New(path)
		if err != nil {
			t.Fatal(err)
		}
		if !s.MultipliesBF16() {
			continue
		}
		tested = true
		packed := make([]float32, kernel.PanelWords(len(values)))
		s.PackRows(packed, values, 1, len(values), len(values), false)
		for i, v := range values {
			word := math.Float32bits(packed[i/2])
			got := math.Float32frombits(word << 16)
			if i%2 == 1 {
				got = math.Float32frombits(word &^ 0xffff)
			}
			if want := roundBF16(v); got != want {
				t.Errorf("%s: %g is packed as %g, taken for %g", path, v, got, want)
			}
		}
	}
	if !tested {
		t.Skip("a path with bf16 is not available on this processor")
	}
}
