package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/quarry-ml/quarry/compute/half"
)

// Tensor is a named array in a file: row-major, little-endian. Data is a view of the mapped file and must not be
// written to; it is valid until the File is closed.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar
	Data  []byte

	file     string // where the tensor was read, for errors
	stored   string // its name there, where it is another (File.Rename)
	inMemory bool   // Data is no view of a file
}

// InMemory returns the tensor as one whose Data is no view of a file, which counts as memory (Copied).
func (t Tensor) InMemory() Tensor {
	t.inMemory = true
	return t
}

// Len returns the number of elements.
func (t Tensor) Len() int {
	size, known := t.DType.Size()
	if !known {
		return 0
	}
	return len(t.Data) / size
}

// Float32s returns the elements as float32, row-major: F16 and BF16 are converted into new memory; F32 is a view of the
// file where it is aligned (do not write to it, and not valid after Close) and a copy where it is not. Any other type is
// an error that names the tensor.
func (t Tensor) Float32s() ([]float32, error) {
	n := t.Len()
	switch t.DType {
	case F32:
		if view, ok := viewOf[float32](t.Data); ok {
			return view, nil
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
		return values, nil
	case F16, BF16:
		s, err := t.Halves()
		if err != nil {
			return nil, err
		}
		values := make([]float32, n)
		s.Widen(values, 0)
		return values, nil
	}
	return nil, fmt.Errorf("%s: is %s; only F32, F16 and BF16 are read as weights", t.Where(), t.DType)
}

// Halves returns the elements of an F16 or BF16 tensor as they are, row-major: a view of the file where it is aligned (do
// not write to it, and not valid after Close) and a copy where it is not. Any other type is an error that names the tensor.
func (t Tensor) Halves() (half.Slice, error) {
	kind, ok := map[DType]half.Type{F16: half.F16, BF16: half.BF16}[t.DType]
	if !ok {
		return half.Slice{}, fmt.Errorf("%s: is %s, not F16 or BF16", t.Where(), t.DType)
	}
	if view, ok := viewOf[uint16](t.Data); ok {
		return half.Slice{Type: kind, Bits: view}, nil
	}
	bits := make([]uint16, t.Len())
	for i := range bits {
		bits[i] = binary.LittleEndian.Uint16(t.Data[2*i:])
	}
	return half.Slice{Type: kind, Bits: bits}, nil
}

// Copied is the bytes of memory beside the file that Float32s of F32, and Halves of F16 and BF16, take: none where the
// tensor is aligned; all of it where the tensor is no part of the file.
func (t Tensor) Copied() int64 {
	if t.inMemory {
		return int64(len(t.Data))
	}
	viewed := false
	switch t.DType {
	case F32:
		_, viewed = viewOf[float32](t.Data)
	case F16, BF16:
		_, viewed = viewOf[uint16](t.Data)
	}
	if viewed {
		return 0
	}
	return int64(len(t.Data))
}

// Where names the tensor and its file, for errors: `model.safetensors: tensor "pooler.dense.bias"`.
func (t Tensor) Where() string {
	name := t.Name
	if t.stored != "" {
		name = t.stored
	}
	if t.file == "" {
		return fmt.Sprintf("tensor %q", name)
	}
	return fmt.Sprintf("%s: tensor %q", t.file, name)
}

// FirstNonFinite returns the flat index of the first NaN or infinity of a float tensor, or false when there is none.
// Integer and 8-bit tensors have none.
func FirstNonFinite(t Tensor) (index int, found bool) {
	switch t.DType {
	case F32:
		for i := 0; i+4 <= len(t.Data); i += 4 {
			if binary.LittleEndian.Uint32(t.Data[i:])&0x7f800000 == 0x7f800000 {
				return i / 4, true
			}
		}
	case F16:
		return firstExponent16(t.Data, 0x7c00)
	case BF16:
		return firstExponent16(t.Data, 0x7f80)
	case F64:
		for i := 0; i+8 <= len(t.Data); i += 8 {
			if binary.LittleEndian.Uint64(t.Data[i:])&(0x7ff<<52) == 0x7ff<<52 {
				return i / 8, true
			}
		}
	}
	return 0, false
}

// firstExponent16 finds the first 16-bit number whose exponent bits are all set.
func firstExponent16(data []byte, exponent uint16) (int, bool) {
	// Four at a time: adding the exponent's last bit carries into the sign's place where all of its bits are set, and
	// never beyond it.
	const each = 1<<48 | 1<<32 | 1<<16 | 1
	all, last, signs := each*uint64(exponent), each*uint64(exponent&-exponent), each*uint64(1<<15)
	start := 0
	for start+8 <= len(data) && (binary.LittleEndian.Uint64(data[start:])&all+last)&signs == 0 {
		start += 8
	}
	for i := start; i+2 <= len(data); i += 2 {
		if binary.LittleEndian.Uint16(data[i:])&exponent == exponent {
			return i / 2, true
		}
	}
	return 0, false
}

// viewOf reinterprets little-endian bytes in place; false where alignment or the processor's byte order forbids it.
func viewOf[E float32 | uint16](data []byte) ([]E, bool) {
	if len(data) == 0 {
		return []E{}, true
	}
	var e E
	start := unsafe.Pointer(unsafe.SliceData(data))
	littleEndian := binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	if !littleEndian || uintptr(start)%unsafe.Alignof(e) != 0 {
		return nil, false
	}
	return unsafe.Slice((*E)(start), len(data)/int(unsafe.Sizeof(e))), true
}
