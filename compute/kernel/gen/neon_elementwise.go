package main

// elementwise emits the kernels that treat every element alone.
func (n *neon) elementwise() {
	n.add()
	n.addRows()
	n.addScaled()
	n.scale()
	n.mulAdd()
	n.activations()
	n.dropout()
	n.rotate()
}

func (n *neon) add() {
	n.vectors("add")
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		n.simd("fadd", 0, 0, 1)
		m.store(0, 0)
	})
	n.ret()
}

// addRows keeps four vectors of sums in registers while it goes down the rows, then one at a time what is left.
func (n *neon) addRows() {
	const vectors = 4
	n.vectors("addRows")
	n.load("rows", "R2")
	n.load("stride", "R3")
	n.p("LSL $2, R3")
	down := func(add func()) {
		row := n.newLabel("row")
		n.p("MOVD R1, R10")
		n.p("MOVD R2, R11")
		n.label(row)
		add()
		n.p("ADD R3, R10")
		n.p("SUB $1, R11")
		n.p("CBNZ R11, %s", row)
	}
	n.p("MOVD ZR, R6")
	n.label("wide")
	n.p("ADD $%d, R6, R12", 16*vectors)
	n.p("CMP R7, R12")
	n.p("BGT narrow")
	n.p("ADD R6, R0, R4")
	for i := range vectors {
		n.p("FMOVQ %d(R4), F%d", 16*i, i)
	}
	down(func() {
		n.p("ADD R6, R10, R13")
		for i := range vectors {
			n.p("FMOVQ %d(R13), F%d", 16*i, vectors+i)
			n.simd("fadd", i, i, vectors+i)
		}
	})
	for i := range vectors {
		n.p("FMOVQ F%d, %d(R4)", i, 16*i)
	}
	n.p("MOVD R12, R6")
	n.p("JMP wide")
	n.label("narrow")
	n.loopOn(func(m lanes) {
		m.load(0, 0)
		down(func() {
			m.load(10, 1)
			n.simd("fadd", 0, 0, 1)
		})
		m.store(0, 0)
	})
	n.ret()
}

func (n *neon) addScaled() {
	n.vectors("addScaled")
	n.loadScalar("alpha", 2)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(0, 1)
		n.multiplyAdd(1, 0, 2)
		m.store(1, 0)
	})
	n.ret()
}

func (n *neon) scale() {
	n.vectors("scale")
	n.loadScalar("alpha", 2)
	n.loop(func(m lanes) {
		m.load(1, 0)
		n.simd("fmul", 0, 0, 2)
		m.store(0, 0)
	})
	n.ret()
}

func (n *neon) mulAdd() {
	n.vectors("mulAdd")
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		m.load(0, 2)
		n.multiplyAdd(2, 0, 1)
		m.store(2, 0)
	})
	n.ret()
}

// rotate turns pairs of elements, one of low and one of high, each by its angle.
func (n *neon) rotate() {
	n.vectors("rotate")
	n.loop(func(m lanes) {
		const low, high, cos, sin = 0, 1, 2, 3
		for i := range 4 {
			m.load(2+i, i)
		}
		n.simd("fmul", 4, low, cos)
		n.multiplySubtract(4, high, sin)
		n.simd("fmul", 5, high, cos)
		n.multiplyAdd(5, low, sin)
		m.store(4, 0)
		m.store(5, 1)
	})
	n.ret()
}

// dropout hashes (key, element) to 24 bits and keeps the element where they are not below the threshold.
func (n *neon) dropout() {
	const h, t, low, high, threshold, scale, element, four, one = 1, 2, 8, 9, 10, 11, 12, 13, 14
	n.vectors("dropout", hashStep, hashMultiplier1, hashMultiplier2)
	for i, name := range []string{"low", "high", "threshold", "scale"} {
		n.loadScalar(name, low+i)
	}
	n.p("MOVD $iota<>(SB), R10")
	n.p("FMOVQ (R10), F%d", element)
	n.loadConstant(4, four)
	n.loadConstant(1, one)
	n.loop(func(m lanes) {
		mix := func(bits int) {
			n.shiftRight(t, h, bits)
			n.xor(h, h, t)
		}
		multiply := func(by uint32) { n.simd("mul", h, h, n.constantBits(by)) }
		n.simd("mul", h, element, n.constantBits(hashStep))
		n.addWords(h, h, low)
		mix(16)
		multiply(hashMultiplier1)
		mix(13)
		n.xor(h, h, high)
		multiply(hashMultiplier2)
		mix(16)
		multiply(hashMultiplier1)
		mix(15)
		n.shiftRight(h, h, 8)
		m.load(1, 0)
		n.simd("fmul", 0, 0, scale)
		n.simd("cmhs", h, h, threshold)
		n.and(0, 0, h)
		m.store(0, 0)
		if m.single {
			n.addWords(element, element, one)
		} else {
			n.addWords(element, element, four)
		}
	})
	n.ret()
}
