package compute

import (
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/compute/tensor"
)

// activate sets y = act(x); y may be x.
func activate(s *kernel.Set, act tensor.Activation, y, x []float32) {
	switch act {
	case tensor.GELU:
		s.Gelu(y, x)
	case tensor.ReLU:
		for i, v := range x {
			y[i] = max(v, 0)
		}
	case tensor.GELUTanh:
		for i, v := range x {
			y[i] = float32(float32(0.5*v) * float32(1+tanh(geluInner(v))))
		}
	case tensor.SiLU:
		for i, v := range x {
			y[i] = v * sigmoid(v)
		}
	case tensor.Tanh:
		for i, v := range x {
			y[i] = tanh(v)
		}
	}
}

// activationGradient multiplies dy by act'(x), in place.
func activationGradient(s *kernel.Set, act tensor.Activation, dy, x []float32) {
	switch act {
	case tensor.GELU:
		s.GeluGradient(dy, dy, x)
	case tensor.ReLU:
		for i, v := range x {
			if v <= 0 {
				dy[i] = 0
			}
		}
	case tensor.GELUTanh:
		for i, v := range x {
			t := tanh(geluInner(v))
			slope := float32(geluFactor * float32(1+float32(3*geluCubic*float32(v*v))))
			dy[i] *= float32(0.5*float32(1+t)) + float32(float32(float32(0.5*v)*float32(1-float32(t*t)))*slope)
		}
	case tensor.SiLU:
		for i, v := range x {
			p := sigmoid(v)
			dy[i] *= p + float32(float32(v*p)*float32(1-p))
		}
	case tensor.Tanh:
		for i, v := range x {
			t := tanh(v)
			dy[i] *= 1 - float32(t*t)
		}
	}
}

// The constants of the tanh form of GELU: sqrt(2/π)·(x + 0.044715·x³).
const (
	geluFactor float32 = 0.7978845608028654
	geluCubic  float32 = 0.044715
)

func geluInner(v float32) float32 {
	return float32(geluFactor * float32(v+float32(geluCubic*float32(float32(v*v)*v))))
}

// tanh and sigmoid go through float64, rounded once: these activations are rare, and the standard library's are portable Go.
func tanh(x float32) float32    { return float32(math.Tanh(float64(x))) }
func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
