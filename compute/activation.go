package compute

import (
	"fmt"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// activation is the kernels of a graph's activation; the identity has none.
func activation(s *kernel.Set, act tensor.Activation) *kernel.Activation {
	switch act {
	case tensor.GELU:
		return &s.GELU
	case tensor.GELUTanh:
		return &s.GELUTanh
	case tensor.ReLU:
		return &s.ReLU
	case tensor.SiLU:
		return &s.SiLU
	case tensor.Tanh:
		return &s.Tanh
	}
	panic(fmt.Sprintf("compute: activation %d is unknown", act))
}
