// Package half is the floats of 16 bits that weights are stored in: bfloat16 and IEEE 754's half precision.
package half

import "math"

// F16ToF32 returns the value of an IEEE 754 half-precision number; the conversion is exact. A NaN keeps its sign and payload
// and becomes quiet, as by the processors' own instructions (IEEE 754-2019, 6.2).
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h & 0x3ff)
	switch {
	case exponent == 0x1f && fraction != 0:
		return math.Float32frombits(sign | 0x7fc00000 | fraction<<13)
	case exponent == 0x1f: // infinity
		return math.Float32frombits(sign | 0x7f800000)
	case exponent != 0:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
	// Subnormal halves are multiples of 2^-24, which every float32 of this size holds exactly.
	value := float32(fraction) * (1.0 / (1 << 24))
	return math.Float32frombits(math.Float32bits(value) | sign)
}

// F32ToF16 rounds to the nearest half-precision number, ties to even; values beyond 65504 become infinities.
func F32ToF16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000: // NaN stays NaN, quiet, with its leading payload
		return sign | 0x7e00 | uint16(magnitude>>13&0x3ff)
	case magnitude >= 0x477ff000: // 65520, the middle between the largest half and the next power of two
		return sign | 0x7c00
	case magnitude >= 0x38800000: // 2^-14, the smallest normal half
		return sign | uint16(roundShift(magnitude-0x38000000, 13))
	case magnitude < 0x33000000: // below 2^-25 all values round to zero
		return sign
	}
	exponent := magnitude >> 23
	return sign | uint16(roundShift(magnitude&0x7fffff|0x800000, 126-exponent))
}

// BF16ToF32 returns the value of a bfloat16 number; the conversion is exact.
func BF16ToF32(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// F32ToBF16 rounds to the nearest bfloat16 number, ties to even.
func F32ToBF16(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x40 // a NaN whose payload lay in the dropped half must not become an infinity
	}
	return uint16(roundShift(bits, 16))
}

// roundShift drops n low bits of v, rounding to nearest with ties to even; a carry into the exponent is the right result.
func roundShift(v, n uint32) uint32 {
	half := uint32(1)<<(n-1) - 1
	return (v + half + v>>n&1) >> n
}
