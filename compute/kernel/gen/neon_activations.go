package main

import "slices"

// neonActivation is how a function of x, in register 0, and its slope are computed. Register 0 stays; sums and constants are not touched.
type neonActivation struct {
	name      string
	constants []uint32
	value     func(n *neon) // leaves the function in register 1
	both      func(n *neon) // leaves the slope in register 1 and the function in register 2
	gates     bool          // it also takes part in a gated unit
}

var neonActivations = []neonActivation{
	{"gelu", slices.Concat(floats(inverseSqrt2, 0.5, -0.5, inverseSqrtTwoPi), erfConstants, expConstants), (*neon).gelu, (*neon).geluBoth, true},
	{"geluTanh", slices.Concat(floats(geluTanhFirst, geluTanhThird, 3*geluTanhThird), logisticConstants), (*neon).geluTanh, (*neon).geluTanhBoth, true},
	{"silu", logisticConstants, (*neon).silu, (*neon).siluBoth, true},
	{"tanh", tanhConstants, (*neon).tanhValue, (*neon).tanhBoth, false},
}

// activations emits each function, its gradient, and its product with another operand, as gated units have it, with the gradients of both.
func (n *neon) activations() {
	for _, f := range neonActivations {
		n.vectors(f.name, f.constants...)
		n.loop(func(m lanes) {
			m.load(1, 0)
			f.value(n)
			m.store(1, 0)
		})
		n.ret()
		n.vectors(f.name+"Gradient", f.constants...)
		n.loop(func(m lanes) {
			m.load(2, 0)
			f.both(n)
			m.load(1, 8)
			n.simd("fmul", 1, 1, 8)
			m.store(1, 0)
		})
		n.ret()
		if f.gates {
			n.gate(f)
		}
	}
	n.relu()
	n.reluGradient()
}

func (n *neon) gate(f neonActivation) {
	n.vectors(f.name+"Gate", f.constants...)
	n.loop(func(m lanes) {
		m.load(1, 0)
		f.value(n)
		m.load(2, 8)
		n.simd("fmul", 1, 1, 8)
		m.store(1, 0)
	})
	n.ret()
	n.vectors(f.name+"GateGradient", f.constants...)
	n.loop(func(m lanes) {
		m.load(3, 0)
		f.both(n)
		m.load(2, 8)
		m.load(4, 9)
		n.simd("fmul", 2, 2, 8)
		n.simd("fmul", 8, 8, 9)
		n.simd("fmul", 1, 1, 8)
		m.store(1, 0)
		m.store(2, 1)
	})
	n.ret()
}

func (n *neon) gelu() {
	n.simd("fmul", 2, 0, n.constant(inverseSqrt2))
	n.erf(2, 1, 3, 4, 5, 6)
	n.simd("fmul", 3, 0, n.constant(0.5))
	n.copy(1, 3)
	n.multiplyAdd(1, 3, 2) // (x/2)·erf + x/2
}

func (n *neon) geluBoth() {
	n.simd("fmul", 2, 0, n.constant(inverseSqrt2))
	n.erf(2, 1, 3, 4, 5, 6)
	n.copy(1, n.constant(0.5))
	n.multiplyAdd(1, 2, n.constant(0.5)) // Φ = erf/2 + 1/2
	n.simd("fmul", 7, 0, 0)
	n.simd("fmul", 7, 7, n.constant(-0.5))
	n.exp(7, 3, 4, 5, 6)
	n.simd("fmul", 7, 7, n.constant(inverseSqrtTwoPi))
	n.simd("fmul", 2, 0, 1)
	n.multiplyAdd(1, 0, 7) // Φ + x·φ
}

// silu is x·σ(x).
func (n *neon) silu() {
	n.logistic(0, 3, 4, 5, 6, 7)
	n.simd("fmul", 1, 0, 5)
}

func (n *neon) siluBoth() {
	n.logistic(0, 3, 4, 5, 6, 7)
	n.simd("fmul", 2, 0, 5)
	n.copy(1, 5)
	n.multiplyAdd(1, 2, 6) // σ + x·σ·(1 - σ)
}

// geluTanh is x·σ(u) with u = x·(first + third·x²), which is x/2·(1 + tanh(u/2)).
func (n *neon) geluTanh() {
	n.simd("fmul", 2, 0, 0)
	n.copy(1, n.constant(geluTanhFirst))
	n.multiplyAdd(1, 2, n.constant(geluTanhThird))
	n.simd("fmul", 1, 0, 1)
	n.logistic(1, 3, 4, 5, 6, 7)
	n.simd("fmul", 1, 0, 5)
}

func (n *neon) geluTanhBoth() {
	n.geluTanh()
	n.copy(3, n.constant(geluTanhFirst))
	n.multiplyAdd(3, 2, n.constant(3*geluTanhThird)) // du/dx
	n.copy(2, 1)
	n.simd("fmul", 6, 6, 2)
	n.copy(1, 5)
	n.multiplyAdd(1, 6, 3) // σ + x·σ·(1 - σ)·du/dx
}

func (n *neon) tanhValue() { n.tanh(0, 1, 3, 4, 5, 6) }

func (n *neon) tanhBoth() {
	n.tanh(0, 2, 3, 4, 5, 6)
	n.copy(1, n.constant(1))
	n.multiplySubtract(1, 2, 2) // 1 - tanh²
}

func (n *neon) relu() {
	n.vectors("relu")
	n.zero(1)
	n.loop(func(m lanes) {
		m.load(1, 0)
		n.simd("fmax", 0, 0, 1)
		m.store(0, 0)
	})
	n.ret()
}

func (n *neon) reluGradient() {
	n.vectors("reluGradient")
	n.zero(1)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 2)
		n.simd("fcmge", 2, 1, 2) // false for NaN
		n.simd("bic", 0, 0, 2)
		m.store(0, 0)
	})
	n.ret()
}
