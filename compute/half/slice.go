package half

import "math"

// Type names a float of 16 bits.
type Type uint8

// The types.
const (
	BF16 Type = iota + 1 // bfloat16: a float32's upper half
	F16                  // IEEE 754's half precision
)

// Slice is numbers of 16 bits, as they lie in memory; the zero value is none.
type Slice struct {
	Type Type
	Bits []uint16
}

// Len is the count of numbers.
func (s Slice) Len() int { return len(s.Bits) }

// At is number i.
func (s Slice) At(i int) float32 {
	if s.Type == BF16 {
		return BF16ToF32(s.Bits[i])
	}
	return F16ToF32(s.Bits[i])
}

// Widen sets dst to the len(dst) numbers from the given one on; it is exact.
func (s Slice) Widen(dst []float32, from int) {
	if len(dst) == 0 {
		return
	}
	bits := s.Bits[from : from+len(dst)]
	if s.Type == BF16 {
		for i, b := range bits {
			dst[i] = math.Float32frombits(uint32(b) << 16)
		}
		return
	}
	for i, b := range bits {
		dst[i] = F16ToF32(b)
	}
}
