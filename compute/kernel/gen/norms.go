package main

// norms emits layer normalisation, normalisation by the root mean square, and their gradients. stats points at mean and
// 1/deviation of the row, or at 1/root mean square.
func (a *assembly) norms() {
	a.layerNorm()
	a.layerNormGradient()
	a.layerNormWeights()
	a.rmsNorm()
	a.rmsNormGradient()
	a.rmsNormWeights()
}

// count leaves float32(n) in lane 0 of register r.
func (a *assembly) count(r int) {
	a.p("VXORPS X%d, X%d, X%d", r, r, r)
	a.p("VCVTSI2SSQ CX, X%d, X%d", r, r)
}

// inverseRoot takes a sum of squares in register r to 1/sqrt(mean + epsilon), in lane 0. It clobbers X1 and X2.
func (a *assembly) inverseRoot(r int) {
	a.reduce("VADDPS", r, 1)
	a.count(2)
	a.p("VDIVSS X2, X%d, X%d", r, r)
	a.p("VADDSS %s, X%d, X%d", a.argument("epsilon"), r, r)
	a.p("VSQRTSS X%d, X%d, X%d", r, r, r)
	a.p("VMOVSS %s, X1", a.c(1))
	a.p("VDIVSS X%d, X1, X%d", r, r)
}

func (a *assembly) layerNorm() {
	a.vectors("layerNorm")
	a.zero(8)
	a.loop(func(m access) {
		m.load("SI", 0)
		a.p("VADDPS %s, %s, %s", a.v(0), a.v(8), a.v(8))
	})
	a.reduce("VADDPS", 8, 1)
	a.count(2)
	a.p("VDIVSS X2, X8, X8")
	a.p("VMOVSS X8, (R10)")
	a.spread(8)
	a.zero(9)
	a.loop(func(m access) {
		m.load("SI", 0)
		a.p("VSUBPS %s, %s, %s", a.v(8), a.v(0), a.v(0))
		m.zeroTail(0)
		a.p("VFMADD231PS %s, %s, %s", a.v(0), a.v(0), a.v(9))
	})
	a.inverseRoot(9)
	a.p("VMOVSS X9, 4(R10)")
	a.spread(9)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		m.load("R9", 2)
		a.p("VSUBPS %s, %s, %s", a.v(8), a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(0), a.v(0))
		a.p("VFMADD213PS %s, %s, %s", a.v(2), a.v(1), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) layerNormGradient() {
	a.vectors("layerNormGradient")
	a.p("VBROADCASTSS (R10), %s", a.v(8))
	a.p("VBROADCASTSS 4(R10), %s", a.v(9))
	a.zero(10) // Σ gamma·dy
	a.zero(11) // Σ gamma·dy·x̂
	normalised := func(m access) {
		m.load("SI", 0)
		m.load("R9", 1)
		m.load("R8", 2)
		a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0)) // gamma·dy
		a.p("VSUBPS %s, %s, %s", a.v(8), a.v(2), a.v(2))
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(2), a.v(2)) // x̂
	}
	a.loop(func(m access) {
		normalised(m)
		a.p("VADDPS %s, %s, %s", a.v(0), a.v(10), a.v(10))
		a.p("VFMADD231PS %s, %s, %s", a.v(2), a.v(0), a.v(11))
	})
	a.count(3)
	for _, r := range []int{10, 11} {
		a.reduce("VADDPS", r, 1)
		a.p("VDIVSS X3, X%d, X%d", r, r)
		a.spread(r)
	}
	a.loop(func(m access) {
		normalised(m)
		a.p("VSUBPS %s, %s, %s", a.v(10), a.v(0), a.v(0))
		a.p("VFNMADD231PS %s, %s, %s", a.v(11), a.v(2), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) layerNormWeights() {
	a.vectors("layerNormWeights")
	a.p("VBROADCASTSS (R10), %s", a.v(8))
	a.p("VBROADCASTSS 4(R10), %s", a.v(9))
	a.loop(func(m access) {
		m.load("R8", 0)
		m.load("R9", 1)
		m.load("DI", 2)
		m.load("SI", 3)
		a.p("VSUBPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(1), a.v(1))
		a.p("VFMADD231PS %s, %s, %s", a.v(1), a.v(0), a.v(2))
		a.p("VADDPS %s, %s, %s", a.v(0), a.v(3), a.v(3))
		m.store(2, "DI")
		m.store(3, "SI")
	})
	a.ret()
}

func (a *assembly) rmsNorm() {
	a.vectors("rmsNorm")
	a.loadScalar("offset", 8)
	a.zero(9)
	a.loop(func(m access) {
		m.load("SI", 0)
		a.p("VFMADD231PS %s, %s, %s", a.v(0), a.v(0), a.v(9))
	})
	a.inverseRoot(9)
	a.p("VMOVSS X9, (R9)")
	a.spread(9)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(0), a.v(0))
		a.p("VADDPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
		a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) rmsNormGradient() {
	a.vectors("rmsNormGradient")
	a.loadScalar("offset", 8)
	a.p("VBROADCASTSS (R10), %s", a.v(9))
	a.zero(10) // Σ weight·dy·x̂
	weighed := func(m access) {
		m.load("SI", 0)
		m.load("R9", 1)
		m.load("R8", 2)
		a.p("VADDPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
		a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0)) // weight·dy, 0 beyond the end
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(2), a.v(2)) // x̂
	}
	a.loop(func(m access) {
		weighed(m)
		a.p("VFMADD231PS %s, %s, %s", a.v(2), a.v(0), a.v(10))
	})
	a.reduce("VADDPS", 10, 1)
	a.count(3)
	a.p("VDIVSS X3, X10, X10")
	a.spread(10)
	a.loop(func(m access) {
		weighed(m)
		a.p("VFNMADD231PS %s, %s, %s", a.v(10), a.v(2), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) rmsNormWeights() {
	a.vectors("rmsNormWeights")
	a.p("VBROADCASTSS (R9), %s", a.v(9))
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		m.load("DI", 2)
		a.p("VMULPS %s, %s, %s", a.v(9), a.v(1), a.v(1))
		a.p("VFMADD231PS %s, %s, %s", a.v(1), a.v(0), a.v(2))
		m.store(2, "DI")
	})
	a.ret()
}
