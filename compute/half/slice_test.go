package half_test

import (
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/half"
)

// TestWidenedNumbersAreThoseOfTheirBits widens every number of 16 bits, from several places on, and one at a time.
func TestWidenedNumbersAreThoseOfTheirBits(t *testing.T) {
	for _, tc := range []struct {
		name  string
		of    half.Type
		value func(uint16) float32
	}{{"bf16", half.BF16, half.BF16ToF32}, {"f16", half.F16, half.F16ToF32}} {
		t.Run(tc.name, func(t *testing.T) {
			s := half.Slice{Type: tc.of, Bits: make([]uint16, 1<<16)}
			for i := range s.Bits {
				s.Bits[i] = uint16(i)
			}
			if s.Len() != 1<<16 || (half.Slice{}).Len() != 0 {
				t.Errorf("%d numbers", s.Len())
			}
			for _, from := range []int{0, 1, 1<<16 - 3} {
				dst := make([]float32, min(1<<15, 1<<16-from))
				s.Widen(dst, from)
				for i, got := range dst {
					want := math.Float32bits(tc.value(uint16(from + i)))
					if math.Float32bits(got) != want || math.Float32bits(s.At(from+i)) != want {
						t.Fatalf("%#04x: widened to %v, at its place %v, want %v", from+i, got, s.At(from+i), math.Float32frombits(want))
					}
				}
			}
		})
	}
}
