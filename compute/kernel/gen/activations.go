package main

// activation is how a function of x, in register 0, and its slope are computed. Register 0 stays; those from 8 on are not touched.
type activation struct {
	name  string
	value func(a *assembly) // leaves the function in register 1
	both  func(a *assembly) // leaves the slope in register 1 and the function in register 2
	gates bool              // it also takes part in a gated unit
}

var activations = []activation{
	{"gelu", (*assembly).gelu, (*assembly).geluBoth, true},
	{"geluTanh", (*assembly).geluTanh, (*assembly).geluTanhBoth, true},
	{"silu", (*assembly).silu, (*assembly).siluBoth, true},
	{"tanh", (*assembly).tanhValue, (*assembly).tanhBoth, false},
}

// activations emits each function, its gradient, and its product with another operand, as gated units have it, with the gradients of both.
func (a *assembly) activations() {
	for _, f := range activations {
		a.vectors(f.name)
		a.loop(func(m access) {
			m.load("SI", 0)
			f.value(a)
			m.store(1, "DI")
		})
		a.ret()
		a.vectors(f.name + "Gradient")
		a.loop(func(m access) {
			m.load("R8", 0)
			f.both(a)
			m.load("SI", 8)
			a.p("VMULPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
			m.store(1, "DI")
		})
		a.ret()
		if f.gates {
			a.gate(f)
		}
	}
	a.relu()
	a.reluGradient()
}

func (a *assembly) gate(f activation) {
	a.vectors(f.name + "Gate")
	a.loop(func(m access) {
		m.load("SI", 0)
		f.value(a)
		m.load("R8", 8)
		a.p("VMULPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
		m.store(1, "DI")
	})
	a.ret()
	a.vectors(f.name + "GateGradient")
	a.loop(func(m access) {
		m.load("R9", 0)
		f.both(a)
		m.load("R8", 8)
		m.load("R10", 9)
		a.p("VMULPS %s, %s, %s", a.v(8), a.v(2), a.v(2))
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(8), a.v(8))
		a.p("VMULPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
		m.store(1, "DI")
		m.store(2, "SI")
	})
	a.ret()
}

func (a *assembly) gelu() {
	a.p("VMULPS %s, %s, %s", a.c(inverseSqrt2), a.v(0), a.v(1))
	a.erf(1, 2, 3, 4)
	a.p("VMULPS %s, %s, %s", a.c(0.5), a.v(0), a.v(2))
	a.p("VFMADD213PS %s, %s, %s", a.v(2), a.v(2), a.v(1)) // (x/2)·erf + x/2
}

func (a *assembly) geluBoth() {
	a.p("VMULPS %s, %s, %s", a.c(inverseSqrt2), a.v(0), a.v(1))
	a.erf(1, 2, 3, 4)
	a.p("VMOVUPS %s, %s", a.c(0.5), a.v(5))
	a.p("VFMADD213PS %s, %s, %s", a.v(5), a.v(5), a.v(1)) // Φ = erf/2 + 1/2
	a.p("VMULPS %s, %s, %s", a.v(0), a.v(0), a.v(2))
	a.p("VMULPS %s, %s, %s", a.c(-0.5), a.v(2), a.v(2))
	a.exp(2, 3, 4, 6)
	a.p("VMULPS %s, %s, %s", a.c(inverseSqrtTwoPi), a.v(2), a.v(3))
	a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(2))
	a.p("VFMADD231PS %s, %s, %s", a.v(3), a.v(0), a.v(1)) // Φ + x·φ
}

// silu is x·σ(x).
func (a *assembly) silu() {
	a.logistic(0, 3, 4, 5, 6)
	a.p("VMULPS %s, %s, %s", a.v(5), a.v(0), a.v(1))
}

func (a *assembly) siluBoth() {
	a.logistic(0, 3, 4, 5, 6)
	a.p("VMULPS %s, %s, %s", a.v(5), a.v(0), a.v(2))
	a.p("VMOVAPS %s, %s", a.v(5), a.v(1))
	a.p("VFMADD231PS %s, %s, %s", a.v(3), a.v(2), a.v(1)) // σ + x·σ·(1 - σ)
}

// geluTanh is x·σ(u) with u = x·(first + third·x²), which is x/2·(1 + tanh(u/2)).
func (a *assembly) geluTanh() {
	a.p("VMULPS %s, %s, %s", a.v(0), a.v(0), a.v(7))
	a.p("VMOVUPS %s, %s", a.c(geluTanhFirst), a.v(1))
	a.p("VFMADD231PS %s, %s, %s", a.c(geluTanhThird), a.v(7), a.v(1))
	a.p("VMULPS %s, %s, %s", a.v(0), a.v(1), a.v(1))
	a.logistic(1, 3, 4, 5, 6)
	a.p("VMULPS %s, %s, %s", a.v(5), a.v(0), a.v(1))
}

func (a *assembly) geluTanhBoth() {
	a.geluTanh()
	a.p("VMOVAPS %s, %s", a.v(1), a.v(2))
	a.p("VMULPS %s, %s, %s", a.v(2), a.v(3), a.v(3))
	a.p("VMOVUPS %s, %s", a.c(geluTanhFirst), a.v(1))
	a.p("VFMADD231PS %s, %s, %s", a.c(3*geluTanhThird), a.v(7), a.v(1)) // du/dx
	a.p("VFMADD213PS %s, %s, %s", a.v(5), a.v(3), a.v(1))               // σ + x·σ·(1 - σ)·du/dx
}

func (a *assembly) tanhValue() { a.tanh(0, 1, 2, 3, 4) }

func (a *assembly) tanhBoth() {
	a.tanh(0, 2, 1, 3, 4)
	a.p("VMOVUPS %s, %s", a.c(1), a.v(1))
	a.p("VFNMADD231PS %s, %s, %s", a.v(2), a.v(2), a.v(1)) // 1 - tanh²
}

func (a *assembly) relu() {
	a.vectors("relu")
	a.zero(1)
	a.loop(func(m access) {
		m.load("SI", 0)
		a.p("VMAXPS %s, %s, %s", a.v(0), a.v(1), a.v(0)) // the argument comes last, so that a NaN passes
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) reluGradient() {
	a.vectors("reluGradient")
	a.zero(1)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 2)
		const notLessEqual = 0x16
		if a.wide() {
			a.p("VCMPPS $%#x, %s, %s, K2", notLessEqual, a.v(1), a.v(2))
			a.p("VMOVAPS.Z %s, K2, %s", a.v(0), a.v(0))
		} else {
			a.p("VCMPPS $%#x, %s, %s, %s", notLessEqual, a.v(1), a.v(2), a.v(2))
			a.p("VANDPS %s, %s, %s", a.v(2), a.v(0), a.v(0))
		}
		m.store(0, "DI")
	})
	a.ret()
}
