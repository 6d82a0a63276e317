package kernel

// Activation is the kernels of one function of one variable, act, on one path. Every element is computed alone: its bits
// depend neither on its place nor on how many there are.
type Activation struct {
	value        func(dst, x *float32, n int)
	gradient     func(dx, dy, x *float32, n int)
	gate         func(dst, gate, up *float32, n int) // nil where no network has such a unit
	gateGradient func(dgate, dup, dy, gate, up *float32, n int)
}

// Apply sets dst = act(x) over len(dst) elements; dst may be x.
func (a *Activation) Apply(dst, x []float32) {
	if n := len(dst); n > 0 {
		_ = x[:n]
		a.value(&dst[0], &x[0], n)
	}
}

// Gradient sets dx = dy·act'(x); dx may be dy.
func (a *Activation) Gradient(dx, dy, x []float32) {
	if n := len(dx); n > 0 {
		_, _ = dy[:n], x[:n]
		a.gradient(&dx[0], &dy[0], &x[0], n)
	}
}

// Gate sets dst = act(gate)·up, a gated linear unit (Shazeer, 2020); dst may be either. GELU, GELUTanh and SiLU have it.
func (a *Activation) Gate(dst, gate, up []float32) {
	if n := len(dst); n > 0 {
		_, _ = gate[:n], up[:n]
		a.gate(&dst[0], &gate[0], &up[0], n)
	}
}

// GateGradient sets dgate = dy·up·act'(gate) and dup = dy·act(gate), the gradients of Gate. Each may be an operand; the two are apart.
func (a *Activation) GateGradient(dgate, dup, dy, gate, up []float32) {
	if n := len(dgate); n > 0 {
		_, _, _, _ = dup[:n], dy[:n], gate[:n], up[:n]
		a.gateGradient(&dgate[0], &dup[0], &dy[0], &gate[0], &up[0], n)
	}
}
