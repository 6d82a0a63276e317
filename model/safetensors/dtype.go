package safetensors

import "fmt"

// DType is the type of a tensor's elements, spelt as in the file's header.
type DType string

// The types of the format whose elements are whole bytes. Only F16, BF16 and F32 are read as floats.
const (
	Bool   DType = "BOOL"
	U8     DType = "U8"
	I8     DType = "I8"
	F8E4M3 DType = "F8_E4M3"
	F8E5M2 DType = "F8_E5M2"
	I16    DType = "I16"
	U16    DType = "U16"
	F16    DType = "F16"
	BF16   DType = "BF16"
	I32    DType = "I32"
	U32    DType = "U32"
	F32    DType = "F32"
	I64    DType = "I64"
	U64    DType = "U64"
	F64    DType = "F64"
)

const supportedDTypes = "BOOL, U8, I8, F8_E4M3, F8_E5M2, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64"

// Size returns the bytes of one element, and false for a type that this package does not know.
func (d DType) Size() (int, bool) {
	switch d {
	case Bool, U8, I8, F8E4M3, F8E5M2:
		return 1, true
	case I16, U16, F16, BF16:
		return 2, true
	case I32, U32, F32:
		return 4, true
	case I64, U64, F64:
		return 8, true
	}
	return 0, false
}

// byteSize returns the bytes of a tensor, refusing an unknown type, a negative dimension and a product beyond an int.
func byteSize(d DType, shape []int) (int, error) {
	size, known := d.Size()
	if !known {
		return 0, fmt.Errorf("unknown dtype %q; known are %s", string(d), supportedDTypes)
	}
	empty := false
	for _, n := range shape {
		if n < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		empty = empty || n == 0
	}
	if empty {
		return 0, nil
	}
	const maxInt = int(^uint(0) >> 1)
	for _, n := range shape {
		if size > maxInt/n {
			return 0, fmt.Errorf("shape %v of %s is larger than any file", shape, d)
		}
		size *= n
	}
	return size, nil
}
