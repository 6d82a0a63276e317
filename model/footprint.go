package model

import (
	"github.com/quarry-ml/quarry/compute/tensor"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// Footprint is what a model's weights take, in bytes.
type Footprint struct {
	Held   int64 // of memory beside the files: vectors of 16 bits, and tensors that are not aligned there
	Mapped int64 // of the files, where weights are used as they lie; the system may drop these pages and read them again
}

// Footprint is that of the network's weights as they are in the files.
func (m *Model) Footprint() Footprint {
	var f Footprint
	for _, t := range m.tensors {
		copied := t.Copied()
		switch {
		case t.DType != safetensors.F32 && !staysHalf(t):
			f.Held += 4 * int64(t.Len())
		case copied > 0:
			f.Held += copied
		default:
			f.Mapped += int64(len(t.Data))
		}
	}
	return f
}

// Attached is the bytes of memory that the weights of the attached adapter take, those that it puts in place of the base's
// among them.
func (m *Model) Attached() int64 { return m.attached }

// StoredBytes is the bytes of a parameter in the model's files; 0 where they have none of that name.
func (m *Model) StoredBytes(spec tensor.ParamSpec) int64 {
	return int64(len(m.tensors[spec.Name].Data))
}

// staysHalf says whether a tensor's 16 bits are used as they are: a matrix's.
func staysHalf(t safetensors.Tensor) bool {
	return (t.DType == safetensors.F16 || t.DType == safetensors.BF16) && len(t.Shape) == 2
}
