package main

// reductions emits the kernels that sum or compare over a row: softmax, its gradient, and the dot product.
func (a *assembly) reductions() {
	a.dot()
	a.softmax()
	a.softmaxGradient()
}

func (a *assembly) dot() {
	a.vectors("dot", "writes the dot product of x and y to out: a fused sum per lane, then lanes by halves.", []string{"out", "x", "y"})
	a.zero(2)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		a.p("VFMADD231PS %s, %s, %s", a.v(1), a.v(0), a.v(2))
	})
	a.reduce("VADDPS", 2, 3)
	a.p("VMOVSS X2, (DI)")
	a.ret()
}

func (a *assembly) softmax() {
	a.vectors("softmax", "sets dst = softmax(scale·x) for scale > 0; dst may be x.", []string{"dst", "x"}, arg{"scale", "float32"})
	a.loadScalar("scale", 8)
	a.p("VMOVUPS %s, %s", a.bits(0xff800000), a.v(9))
	a.p("VMOVAPS %s, %s", a.v(9), a.v(10))
	a.loop(func(m access) {
		m.load("SI", 0)
		m.fillTail(0, 9, 1)
		a.p("VMAXPS %s, %s, %s", a.v(0), a.v(10), a.v(10))
	})
	a.reduce("VMAXPS", 10, 1)
	a.spread(10)
	a.zero(11)
	a.loop(func(m access) {
		m.load("SI", 0)
		a.p("VSUBPS %s, %s, %s", a.v(10), a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(8), a.v(0), a.v(0))
		a.exp(0, 1, 2, 3)
		m.store(0, "DI")
		m.zeroTail(0)
		a.p("VADDPS %s, %s, %s", a.v(0), a.v(11), a.v(11))
	})
	a.reduce("VADDPS", 11, 1)
	a.p("VMOVSS %s, X1", a.c(1))
	a.p("VDIVSS X11, X1, X11")
	a.spread(11)
	a.loop(func(m access) {
		m.load("DI", 0)
		a.p("VMULPS %s, %s, %s", a.v(11), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) softmaxGradient() {
	a.vectors("softmaxGradient", "sets dst = scale·p·(dp - Σ p·dp); dst may be dp.", []string{"dst", "dp", "p"}, arg{"scale", "float32"})
	a.loadScalar("scale", 8)
	a.zero(9)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		a.p("VFMADD231PS %s, %s, %s", a.v(1), a.v(0), a.v(9))
	})
	a.reduce("VADDPS", 9, 1)
	a.spread(9)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		a.p("VSUBPS %s, %s, %s", a.v(9), a.v(0), a.v(0))
		a.p("VMULPS %s, %s, %s", a.v(8), a.v(1), a.v(1))
		a.p("VMULPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}
