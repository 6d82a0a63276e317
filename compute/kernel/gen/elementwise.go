package main

// elementwise emits the kernels that treat every element alone. The pointers are in DI, SI, R8, R9 in the order of the arguments, n in CX.
func (a *assembly) elementwise() {
	a.add()
	a.addRows()
	a.addScaled()
	a.scale()
	a.mulAdd()
	a.activations()
	a.dropout()
	a.rotate()
}

// vectors starts a kernel over n elements.
func (a *assembly) vectors(name string) {
	s := signatures[name]
	a.function(name, s.comment, s.args())
	for i, r := range []string{"DI", "SI", "R8", "R9", "R10", "R11"}[:len(s.pointers)] {
		a.load(s.pointers[i], r)
	}
	a.load("n", "CX")
}

func (a *assembly) add() {
	a.vectors("add")
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		a.p("VADDPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

// addRows keeps four vectors of sums in registers while it goes down the rows, then one at a time what is left.
func (a *assembly) addRows() {
	a.vectors("addRows")
	a.load("rows", "R8")
	a.load("stride", "R9")
	a.p("SHLQ $2, R9")
	const vectors = 4
	down := func(add func()) {
		row := a.newLabel("row")
		a.p("LEAQ (SI)(AX*4), R10")
		a.p("MOVQ R8, R11")
		a.label(row)
		add()
		a.p("ADDQ R9, R10")
		a.p("DECQ R11")
		a.p("JNZ %s", row)
	}
	a.p("XORQ AX, AX")
	a.label("wide")
	a.p("LEAQ %d(AX), DX", vectors*a.lanes)
	a.p("CMPQ DX, CX")
	a.p("JGT narrow")
	for i := range vectors {
		a.p("VMOVUPS %d(DI)(AX*4), %s", i*a.bytes(), a.v(i))
	}
	down(func() {
		for i := range vectors {
			a.p("VADDPS %d(R10), %s, %s", i*a.bytes(), a.v(i), a.v(i))
		}
	})
	for i := range vectors {
		a.p("VMOVUPS %s, %d(DI)(AX*4)", a.v(i), i*a.bytes())
	}
	a.p("MOVQ DX, AX")
	a.p("JMP wide")
	a.label("narrow")
	a.loopOn(func(m access) {
		m.load("DI", 0)
		down(func() {
			m.loadFrom("(R10)", 1)
			a.p("VADDPS %s, %s, %s", a.v(1), a.v(0), a.v(0))
		})
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) addScaled() {
	a.vectors("addScaled")
	a.loadScalar("alpha", 2)
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("DI", 1)
		a.p("VFMADD231PS %s, %s, %s", a.v(2), a.v(0), a.v(1))
		m.store(1, "DI")
	})
	a.ret()
}

func (a *assembly) scale() {
	a.vectors("scale")
	a.loadScalar("alpha", 2)
	a.loop(func(m access) {
		m.load("SI", 0)
		a.p("VMULPS %s, %s, %s", a.v(2), a.v(0), a.v(0))
		m.store(0, "DI")
	})
	a.ret()
}

func (a *assembly) mulAdd() {
	a.vectors("mulAdd")
	a.loop(func(m access) {
		m.load("SI", 0)
		m.load("R8", 1)
		m.load("DI", 2)
		a.p("VFMADD231PS %s, %s, %s", a.v(1), a.v(0), a.v(2))
		m.store(2, "DI")
	})
	a.ret()
}

// rotate turns pairs of elements, one of low and one of high, each by its angle.
func (a *assembly) rotate() {
	a.vectors("rotate")
	a.loop(func(m access) {
		for i, base := range []string{"R8", "R9", "R10", "R11"} {
			m.load(base, i)
		}
		const low, high, cos, sin = 0, 1, 2, 3
		a.p("VMULPS %s, %s, %s", a.v(cos), a.v(low), a.v(4))
		a.p("VFNMADD231PS %s, %s, %s", a.v(sin), a.v(high), a.v(4))
		a.p("VMULPS %s, %s, %s", a.v(cos), a.v(high), a.v(5))
		a.p("VFMADD231PS %s, %s, %s", a.v(sin), a.v(low), a.v(5))
		m.store(4, "DI")
		m.store(5, "SI")
	})
	a.ret()
}

// dropout hashes (key, element) to 24 bits and keeps the element where they are not below the threshold.
func (a *assembly) dropout() {
	a.vectors("dropout")
	for i, name := range []string{"low", "high", "threshold", "scale"} {
		a.loadScalar(name, 8+i)
	}
	a.p("VMOVUPS iota<>(SB), %s", a.v(7))
	xor := "VPXOR"
	if a.wide() {
		xor = "VPXORD"
	}
	a.loop(func(m access) {
		const h, t = 1, 2
		mix := func(shift int) {
			a.p("VPSRLD $%d, %s, %s", shift, a.v(h), a.v(t))
			a.p("%s %s, %s, %s", xor, a.v(t), a.v(h), a.v(h))
		}
		multiply := func(by uint32) { a.p("VPMULLD %s, %s, %s", a.bits(by), a.v(h), a.v(h)) }
		a.p("VPMULLD %s, %s, %s", a.bits(hashStep), a.v(7), a.v(h))
		a.p("VPADDD %s, %s, %s", a.v(8), a.v(h), a.v(h))
		mix(16)
		multiply(hashMultiplier1)
		mix(13)
		a.p("%s %s, %s, %s", xor, a.v(9), a.v(h), a.v(h))
		multiply(hashMultiplier2)
		mix(16)
		multiply(hashMultiplier1)
		mix(15)
		a.p("VPSRLD $8, %s, %s", a.v(h), a.v(h))
		m.load("SI", 0)
		a.p("VMULPS %s, %s, %s", a.v(11), a.v(0), a.v(0))
		if a.wide() {
			a.p("VPCMPGTD %s, %s, K2", a.v(h), a.v(10))
			a.p("KNOTW K2, K2")
			a.p("VMOVAPS.Z %s, K2, %s", a.v(0), a.v(0))
		} else {
			a.p("VPCMPGTD %s, %s, %s", a.v(h), a.v(10), a.v(t))
			a.p("VANDNPS %s, %s, %s", a.v(0), a.v(t), a.v(0))
		}
		m.store(0, "DI")
		a.p("VPADDD %s, %s, %s", a.bits(uint32(a.lanes)), a.v(7), a.v(7))
	})
	a.ret()
}

// The multipliers of the dropout hash: the golden ratio for the element, MurmurHash3's finalizer for the mixing (Appleby).
const (
	hashStep        = 0x9e3779b1
	hashMultiplier1 = 0x85ebca6b
	hashMultiplier2 = 0xc2b2ae35
)
