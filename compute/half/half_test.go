package half_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/quarry-ml/quarry/compute/half"
)

func TestF16Values(t *testing.T) {
	// The values are those of IEEE 754-2019, table 3.5 and its examples.
	for _, tc := range []struct {
		name string
		bits uint16
		want float32
	}{
		{"zero", 0x0000, 0},
		{"one", 0x3c00, 1},
		{"next above one", 0x3c01, 1 + 1.0/1024},
		{"minus two", 0xc000, -2},
		{"largest", 0x7bff, 65504},
		{"smallest normal", 0x0400, 1.0 / (1 << 14)},
		{"largest subnormal", 0x03ff, 1023.0 / (1 << 24)},
		{"smallest subnormal", 0x0001, 1.0 / (1 << 24)},
		{"a third", 0x3555, 0.333251953125},
		{"infinity", 0x7c00, float32(math.Inf(1))},
		{"minus infinity", 0xfc00, float32(math.Inf(-1))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := half.F16ToF32(tc.bits); got != tc.want {
				t.Errorf("%#04x is %v, want %v", tc.bits, got, tc.want)
			}
			if got := half.F32ToF16(tc.want); got != tc.bits {
				t.Errorf("%v is %#04x, want %#04x", tc.want, got, tc.bits)
			}
		})
	}
	if got := half.F16ToF32(0x8000); got != 0 || !math.Signbit(float64(got)) {
		t.Errorf("0x8000 is %v, want -0", got)
	}
}

func TestHalfRounding(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   float32
		f16  uint16
		bf16 uint16
	}{
		{"tie to even, down", 1 + 1.0/2048, 0x3c00, 0x3f80},
		{"tie to even, up", 1 + 3.0/2048, 0x3c02, 0x3f80},
		{"bf16 tie to even, down", 1 + 1.0/256, 0x3c04, 0x3f80},
		{"bf16 tie to even, up", 1 + 3.0/256, 0x3c0c, 0x3f82},
		{"just below the middle to infinity", 65519.996, 0x7bff, 0x4780},
		{"the middle to infinity", 65520, 0x7c00, 0x4780},
		{"half the smallest", 1.0 / (1 << 25), 0x0000, 0x3300},
		{"just above half the smallest", 1.0/(1<<25) + 1.0/(1<<40), 0x0001, 0x3300},
		{"largest float32", math.MaxFloat32, 0x7c00, 0x7f80},
		{"carry into the exponent", 2 - 1.0/4096, 0x4000, 0x4000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := half.F32ToF16(tc.in); got != tc.f16 {
				t.Errorf("F16 of %v: %#04x, want %#04x", tc.in, got, tc.f16)
			}
			if got := half.F32ToBF16(tc.in); got != tc.bf16 {
				t.Errorf("BF16 of %v: %#04x, want %#04x", tc.in, got, tc.bf16)
			}
			if got := half.F32ToF16(-tc.in); got != tc.f16|0x8000 {
				t.Errorf("F16 of %v: %#04x, want %#04x", -tc.in, got, tc.f16|0x8000)
			}
		})
	}
}

// TestEveryHalf checks every 16-bit pattern: numbers keep their bits, NaN stays NaN, and the value agrees with arithmetic
// of arbitrary precision.
func TestEveryHalf(t *testing.T) {
	for b := range 1 << 16 {
		bits := uint16(b)
		f, g := half.F16ToF32(bits), half.BF16ToF32(bits)
		if math.IsNaN(float64(f)) {
			if back := half.F32ToF16(f); back&0x7c00 != 0x7c00 || back&0x3ff == 0 {
				t.Fatalf("NaN %#04x became %#04x", bits, back)
			}
		} else if back := half.F32ToF16(f); back != bits {
			t.Fatalf("F16 %#04x became %#04x", bits, back)
		}
		if math.IsNaN(float64(g)) {
			if back := half.F32ToBF16(g); back&0x7f80 != 0x7f80 || back&0x7f == 0 {
				t.Fatalf("NaN %#04x became %#04x", bits, back)
			}
		} else if back := half.F32ToBF16(g); back != bits {
			t.Fatalf("BF16 %#04x became %#04x", bits, back)
		}
		if exponent := int(bits >> 10 & 31); exponent != 31 {
			mantissa, shift := int64(bits&0x3ff), -24
			if exponent > 0 {
				mantissa, shift = mantissa|0x400, exponent-25
			}
			want, _ := new(big.Float).SetMantExp(new(big.Float).SetInt64(mantissa), shift).Float32()
			if math.Abs(float64(f)) != float64(want) {
				t.Fatalf("F16 %#04x is %v, want %v", bits, f, want)
			}
		}
	}
}
