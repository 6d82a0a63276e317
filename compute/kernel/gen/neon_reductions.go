package main

// reductions emits the kernels that sum or compare over a row. Elements beyond the last whole vector join lane 0.
func (n *neon) reductions() {
	n.dot()
	n.dot64()
	n.softmax()
	n.softmaxPart()
	n.softmaxGradient()
}

func (n *neon) dot() {
	n.vectors("dot")
	n.zero(8)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		n.multiplyAdd(8, 0, 1)
	})
	n.sum(8, 1)
	n.p("FMOVS F8, (R0)")
	n.ret()
}

// dot64 keeps eight float64 sums, lane j those of positions j, j+8, …, two to a register from 8 on, and folds them in halves.
// The product of two float32 is exact in float64: that it is fused shows in no bit. Nor does the +0 that the upper lane of
// a single element adds: no sum is -0, since the first is +0.
func (n *neon) dot64() {
	n.startDot64()
	n.load("x", "R0")
	n.load("y", "R1")
	n.load("n", "R2")
	const sums, x, y = 8, 0, 1
	for i := range 4 {
		n.zero(sums + i)
	}
	multiply := func(widen string, sum int) {
		n.simd(widen, 2, x)
		n.simd(widen, 3, y)
		n.p("VFMLA V3.D2, V2.D2, V%d.D2", sum)
	}
	take := func(move string, bytes int) {
		n.p("%s.P %d(R0), F%d", move, bytes, x)
		n.p("%s.P %d(R1), F%d", move, bytes, y)
	}
	four := func(sum int) {
		take("FMOVQ", 16)
		multiply("fcvtl", sum)
		multiply("fcvtl2", sum+1)
	}
	// fewer takes up to three elements: a pair, then a single one.
	fewer := func(sum int) {
		single := n.newLabel("single")
		n.p("TBZ $1, R2, %s", single)
		take("FMOVD", 8)
		multiply("fcvtl", sum)
		n.p("TBZ $0, R2, fold")
		take("FMOVS", 4)
		multiply("fcvtl", sum+1)
		n.p("JMP fold")
		n.label(single)
		n.p("TBZ $0, R2, fold")
		take("FMOVS", 4)
		multiply("fcvtl", sum)
		n.p("JMP fold")
	}
	n.label("whole")
	n.p("CMP $8, R2")
	n.p("BLT tail")
	four(sums)
	four(sums + 2)
	n.p("SUB $8, R2")
	n.p("JMP whole")
	n.label("tail")
	n.p("TBZ $2, R2, short")
	four(sums)
	fewer(sums + 2)
	n.label("short")
	fewer(sums)
	n.label("fold")
	n.simd("fadd.2d", sums, sums, sums+2)
	n.simd("fadd.2d", sums+1, sums+1, sums+3)
	n.simd("fadd.2d", sums, sums, sums+1)
	n.simd("faddp.2d", sums, sums)
	n.p("FMOVD F%d, %s", sums, n.argument("ret"))
	n.ret()
}

func (n *neon) softmax() {
	const scale, highest, sum = 8, 9, 10
	n.vectors("softmax", append(expConstants, lowest)...)
	n.loadScalar("scale", scale)
	n.copy(highest, n.constantBits(lowest))
	n.exponentials(scale, highest, sum)
	n.p("FDIVS F%d, F%d, F%d", sum, n.constant(1), sum)
	n.spread(sum)
	n.loop(func(m lanes) {
		m.load(0, 0)
		n.simd("fmul", 0, 0, sum)
		m.store(0, 0)
	})
	n.ret()
}

// softmaxPart is softmax without its division, from the largest element of the parts before on.
func (n *neon) softmaxPart() {
	const scale, highest, sum = 8, 9, 10
	n.vectors("softmaxPart", expConstants...)
	n.loadScalar("scale", scale)
	n.p("FMOVS (R2), F%d", highest)
	n.spread(highest)
	n.exponentials(scale, highest, sum)
	n.p("FMOVS F%d, (R2)", highest)
	n.p("FMOVS F%d, 4(R2)", sum)
	n.ret()
}

// exponentials sets dst = exp(scale·(x - largest)), and leaves the largest of x and what highest held in highest and the
// sum of dst in lane 0 of sum. It clobbers 0 to 4.
func (n *neon) exponentials(scale, highest, sum int) {
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.repeat(0)
		n.simd("fmax", highest, highest, 0)
	})
	n.simd("fmaxv", highest, highest)
	n.spread(highest)
	n.zero(sum)
	n.loop(func(m lanes) {
		m.load(1, 0)
		n.simd("fsub", 0, 0, highest)
		n.simd("fmul", 0, 0, scale)
		n.exp(0, 1, 2, 3, 4)
		m.store(0, 0)
		m.zeroRest(0)
		n.simd("fadd", sum, sum, 0)
	})
	n.sum(sum, 1)
}

func (n *neon) softmaxGradient() {
	const scale, sum = 8, 9
	n.vectors("softmaxGradient")
	n.loadScalar("scale", scale)
	n.zero(sum)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		n.multiplyAdd(sum, 0, 1)
	})
	n.sum(sum, 1)
	n.spread(sum)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		n.simd("fsub", 0, 0, sum)
		n.simd("fmul", 1, 1, scale)
		n.simd("fmul", 0, 0, 1)
		m.store(0, 0)
	})
	n.ret()
}
