package main

// optimizer emits AdamW, fused: one pass over weights, gradients and both moments.
func (a *assembly) optimizer() {
	a.vectors("adamw")
	for i := range 8 {
		a.p("VBROADCASTSS %d(R10), %s", 4*i, a.v(6+i))
	}
	const scale, keep, oneMinusBeta1, beta2, oneMinusBeta2, step, correction, epsilon = 6, 7, 8, 9, 10, 11, 12, 13
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		m.load("R9", 2)
		a.p("VMULPS %s, %s, %s", a.v(scale), a.v(0), a.v(0))
		a.p("VSUBPS %s, %s, %s", a.v(1), a.v(0), a.v(3))
		a.p("VFMADD231PS %s, %s, %s", a.v(oneMinusBeta1), a.v(3), a.v(1)) // m += (g - m)·(1 - β1)
		m.store(1, "R8")
		a.p("VMULPS %s, %s, %s", a.v(0), a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(oneMinusBeta2), a.v(0), a.v(0))
		a.p("VFMADD231PS %s, %s, %s", a.v(beta2), a.v(2), a.v(0)) // β2·v + (1 - β2)·g²
		m.store(0, "R9")
		a.p("VSQRTPS %s, %s", a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(correction), a.v(0), a.v(0))
		a.p("VADDPS %s, %s, %s", a.v(epsilon), a.v(0), a.v(0))
		a.p("VDIVPS %s, %s, %s", a.v(0), a.v(1), a.v(1))
		m.load("DI", 2)
		a.p("VMULPS %s, %s, %s", a.v(keep), a.v(2), a.v(2))
		a.p("VFNMADD231PS %s, %s, %s", a.v(step), a.v(1), a.v(2))
		m.store(2, "DI")
	})
	a.ret()
}
