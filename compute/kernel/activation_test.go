package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// activationsOf are a path's functions by name.
func activationsOf(s *Set) map[string]*Activation {
	return map[string]*Activation{"gelu": &s.GELU, "gelu tanh": &s.GELUTanh, "silu": &s.SiLU, "relu": &s.ReLU, "tanh": &s.Tanh}
}

func TestActivationKernels(t *testing.T) {
	const n = 384
	x, y, up := random(n, 6, "x"), random(n, 3, "y"), random(n, 2, "up")
	for name := range activationsOf(portable()) {
		of := func(s *Set) *Activation { return activationsOf(s)[name] }
		cases := map[string]func(s *Set, n int, out []float32){
			"value":          func(s *Set, n int, out []float32) { of(s).Apply(out, x) },
			"value in place": func(s *Set, n int, out []float32) { copy(out, x); of(s).Apply(out, out) },
			"gradient":       func(s *Set, n int, out []float32) { of(s).Gradient(out, y, x) },
			"gradient in place": func(s *Set, n int, out []float32) {
				copy(out, y)
				of(s).Gradient(out, out, x)
			},
		}
		if of(portable()).gate != nil {
			cases["gate"] = func(s *Set, n int, out []float32) { of(s).Gate(out, x, up) }
			cases["gradient of gate"] = func(s *Set, n int, out []float32) { of(s).GateGradient(out, make([]float32, n), y, x, up) }
			cases["gradient of up"] = func(s *Set, n int, out []float32) {
				copy(out, y)
				of(s).GateGradient(make([]float32, n), out, out, x, up)
			}
		}
		for what, call := range cases {
			t.Run(name+"/"+what, func(t *testing.T) { each(t, 2e-6, call) })
		}
	}
}

// TestGateIsTheProduct holds a gated unit and its gradients to the function and the slope that they are made of, to the bit where one product is all.
func TestGateIsTheProduct(t *testing.T) {
	const n = 61
	x, y, up := random(n, 6, "x"), random(n, 3, "y"), random(n, 2, "up")
	for _, path := range Available() {
		s, _ := New(path)
		for name, f := range activationsOf(s) {
			if f.gate == nil {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", path, name), func(t *testing.T) {
				value, slope, ones := make([]float32, n), make([]float32, n), slices.Repeat([]float32{1}, n)
				f.Apply(value, x)
				f.Gradient(slope, ones, x)
				out, dgate, dup := make([]float32, n), make([]float32, n), make([]float32, n)
				f.Gate(out, x, up)
				f.GateGradient(dgate, dup, y, x, up)
				for i := range n {
					if want := value[i] * up[i]; out[i] != want {
						t.Errorf("gate of %v and %v: got %v, want %v", x[i], up[i], out[i], want)
					}
					if want := float32(y[i]*up[i]) * slope[i]; dgate[i] != want {
						t.Errorf("gradient of gate %v: got %v, want %v", x[i], dgate[i], want)
					}
					if want := y[i] * value[i]; math.Abs(float64(dup[i]-want)) > 2e-6 {
						t.Errorf("gradient of up %v: got %v, want %v", up[i], dup[i], want)
					}
				}
			})
		}
	}
}

// exactly are the functions and their slopes in float64, written otherwise than the kernels compute them, and the errors
// that are promised: value and slope stay within absolute + relative·|exact|.
var exactly = []struct {
	name               string
	value, slope       func(x float64) float64
	relative, absolute float64 // of the value
	slopeAbsolute      float64
}{
	// The stated error of exp, and of two roundings in 1 + exp, its inverse and each of two products.
	{"silu", func(x float64) float64 { return x / (1 + math.Exp(-x)) }, func(x float64) float64 {
		p := 1 / (1 + math.Exp(-x))
		return p * (1 + x*(1-p))
	}, 4e-7, 0, 5e-7},
	// d carries that of exp's polynomial, at most 3.3e-7 where 2^n - 1 cancels most of it, and three roundings follow; a part of each reaches the quotient.
	{"tanh", math.Tanh, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }, 4e-7, 0, 5e-7},
	// The roundings of u add to those of SiLU; where they weigh, far below zero, the value is small.
	{"gelu tanh", func(x float64) float64 { return x / 2 * (1 + math.Tanh(geluInner(x))) }, func(x float64) float64 {
		v := math.Tanh(geluInner(x))
		return (1+v)/2 + x/2*(1-v*v)*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
	}, 4e-7, 1e-7, 5e-7},
	// That of erf, times x/2.
	{"gelu", func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, func(x float64) float64 {
		return math.Erfc(-x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}, 3e-7, 1e-6, 5e-7},
}

func geluInner(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }

// TestActivationsAgainstFloat64 holds every path to the stated errors, from the smallest normal numbers to where the
// functions are flat. Tanh and SiLU, thus sigmoid, are within 4 units in the last place, too.
func TestActivationsAgainstFloat64(t *testing.T) {
	var x []float32
	for bits := math.Float32bits(1.2e-38); bits < math.Float32bits(86); bits += 300_007 {
		x = append(x, math.Float32frombits(bits), -math.Float32frombits(bits))
	}
	for v := float32(-6); v < 6; v += 0.0071 {
		x = append(x, v)
	}
	value, slope, ones := make([]float32, len(x)), make([]float32, len(x)), slices.Repeat([]float32{1}, len(x))
	for _, path := range Available() {
		s, _ := New(path)
		for _, e := range exactly {
			t.Run(fmt.Sprintf("%s/%s", path, e.name), func(t *testing.T) {
				f := activationsOf(s)[e.name]
				f.Apply(value, x)
				f.Gradient(slope, ones, x)
				for i, v := range x {
					want := e.value(float64(v))
					d := math.Abs(float64(value[i]) - want)
					if !(d <= e.absolute*max(1, math.Abs(float64(v)))+e.relative*math.Abs(want)) {
						t.Fatalf("at %v: got %v, want %v", v, value[i], want)
					}
					if e.absolute == 0 && math.Abs(want) > 1.2e-38 && d > 4*unit(want) {
						t.Fatalf("at %v: got %v, %.2f units from %v", v, value[i], d/unit(want), want)
					}
					if want := e.slope(float64(v)); !(math.Abs(float64(slope[i])-want) <= e.slopeAbsolute*max(1, math.Abs(want))) {
						t.Fatalf("slope at %v: got %v, want %v", v, slope[i], want)
					}
				}
			})
		}
	}
}

// unit is the distance from a number's magnitude, rounded to float32, to the next.
func unit(x float64) float64 {
	y := float32(math.Abs(x))
	return float64(math.Nextafter32(y, math.MaxFloat32) - y)
}

// TestExpOfEveryPath finds exp(x) in a softmax of two: exp(x)/(1 + exp(x)). Three roundings join those of exp.
func TestExpOfEveryPath(t *testing.T) {
	for _, path := range Available() {
		s, _ := New(path)
		out := make([]float32, 2)
		for x := float32(-86.9); x < 0; x += 0.0237 {
			s.Softmax(out, []float32{x, 0}, 1)
			want := math.Exp(float64(x)) / (1 + math.Exp(float64(x)))
			if math.Abs(float64(out[0])/want-1) > 1.5e-7+3*6e-8 {
				t.Fatalf("%s: exp(%v): got %v, want %v", path, x, out[0], want)
			}
		}
	}
}

// TestActivationsAtTheEnds looks at zeros, infinities and the largest numbers.
func TestActivationsAtTheEnds(t *testing.T) {
	inf, largest := float32(math.Inf(1)), float32(math.MaxFloat32)
	for _, path := range Available() {
		s, _ := New(path)
		for _, tc := range []struct {
			name    string
			x, want []float32
		}{
			{"tanh", []float32{0, inf, -inf, largest, -largest, 10, -10, 1e-40}, []float32{0, 1, -1, 1, -1, 1, -1, 1e-40}},
			{"silu", []float32{0, inf, largest, -largest, -1000, 1000}, []float32{0, inf, largest, 0, 0, 1000}},
			{"gelu tanh", []float32{0, inf, largest, -largest, -1000, 1000}, []float32{0, inf, largest, 0, 0, 1000}},
			{"relu", []float32{0, inf, -inf, -largest, 3}, []float32{0, inf, 0, 0, 3}},
		} {
			got := make([]float32, len(tc.x))
			activationsOf(s)[tc.name].Apply(got, tc.x)
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: %s of %v: got %v, want %v", path, tc.name, tc.x, got, tc.want)
			}
		}
		zero := []float32{0, float32(math.Copysign(0, -1))}
		s.Tanh.Apply(zero, zero)
		if math.Signbit(float64(zero[0])) || !math.Signbit(float64(zero[1])) {
			t.Errorf("%s: tanh of 0 and -0: %v", path, zero)
		}
	}
}

// TestActivationsDoNotDependOnThePlace computes a row at once and each of its elements at the end of rows of every length.
func TestActivationsDoNotDependOnThePlace(t *testing.T) {
	const n = 61
	x, y, up := random(n, 6, "x"), random(n, 3, "y"), random(n, 2, "up")
	for _, path := range Available() {
		s, _ := New(path)
		for name, f := range activationsOf(s) {
			t.Run(fmt.Sprintf("%s/%s", path, name), func(t *testing.T) {
				run := func(x, y, up []float32) (out [5][]float32) {
					for i := range out {
						out[i] = make([]float32, len(x))
					}
					f.Apply(out[0], x)
					f.Gradient(out[1], y, x)
					if f.gate != nil {
						f.Gate(out[2], x, up)
						f.GateGradient(out[3], out[4], y, x, up)
					}
					return out
				}
				whole := run(x, y, up)
				for at := range n {
					for length := range min(at+1, 20) {
						from := at - length
						part := run(x[from:at+1], y[from:at+1], up[from:at+1])
						for i := range whole {
							if part[i][length] != whole[i][at] {
								t.Fatalf("element %d at place %d of %d: %v, in the whole row %v", at, length, length+1, part[i][length], whole[i][at])
							}
						}
					}
				}
			})
		}
	}
}
