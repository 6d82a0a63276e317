package main

// norms emits layer normalisation, normalisation by the root mean square, and their gradients.
func (n *neon) norms() {
	n.layerNorm()
	n.layerNormGradient()
	n.layerNormWeights()
	n.rmsNorm()
	n.rmsNormGradient()
	n.rmsNormWeights()
}

const normMean, normInverse = 8, 9

// loadStats broadcasts mean and 1/deviation, to which R4 points.
func (n *neon) loadStats() {
	n.p("FMOVD (R4), F%d", normMean)
	n.spreadLane(normInverse, normMean, 1)
	n.spread(normMean)
}

// divideByCount divides lane 0 of register r by the number of elements. It clobbers register t.
func (n *neon) divideByCount(r, t int) {
	n.p("SCVTFS R9, F%d", t)
	n.p("FDIVS F%d, F%d, F%d", t, r, r)
}

func (n *neon) layerNorm() {
	n.vectors("layerNorm", float(1))
	n.zero(normMean)
	n.loop(func(m lanes) {
		m.load(1, 0)
		n.simd("fadd", normMean, normMean, 0)
	})
	n.sum(normMean, 1)
	n.divideByCount(normMean, 2)
	n.p("FMOVS F%d, (R4)", normMean)
	n.spread(normMean)
	n.zero(normInverse)
	n.loop(func(m lanes) {
		m.load(1, 0)
		n.simd("fsub", 0, 0, normMean)
		m.zeroRest(0)
		n.multiplyAdd(normInverse, 0, 0)
	})
	n.inverseRoot(normInverse)
	n.p("FMOVS F%d, 4(R4)", normInverse)
	n.spread(normInverse)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		m.load(3, 2)
		n.simd("fsub", 0, 0, normMean)
		n.simd("fmul", 0, 0, normInverse)
		n.multiplyAdd(2, 0, 1)
		m.store(2, 0)
	})
	n.ret()
}

// inverseRoot makes lane 0 of register r 1/sqrt(mean + epsilon) of a sum of squares over its lanes. It clobbers registers 1 and 2.
func (n *neon) inverseRoot(r int) {
	n.sum(r, 1)
	n.divideByCount(r, 2)
	n.p("FMOVS %s, F1", n.argument("epsilon"))
	n.p("FADDS F1, F%d, F%d", r, r)
	n.p("FSQRTS F%d, F%d", r, r)
	n.p("FDIVS F%d, F%d, F%d", r, n.constant(1), r)
}

func (n *neon) layerNormGradient() {
	const sum, projected = 10, 11 // Σ gamma·dy, Σ gamma·dy·x̂
	n.vectors("layerNormGradient")
	n.loadStats()
	n.zero(sum)
	n.zero(projected)
	normalised := func(m lanes) {
		m.load(1, 0)
		m.load(3, 1)
		m.load(2, 2)
		n.simd("fmul", 0, 0, 1) // gamma·dy, 0 beyond a single element
		n.simd("fsub", 2, 2, normMean)
		n.simd("fmul", 2, 2, normInverse) // x̂
	}
	n.loop(func(m lanes) {
		normalised(m)
		n.simd("fadd", sum, sum, 0)
		m.zeroRest(2)
		n.multiplyAdd(projected, 0, 2)
	})
	for _, r := range []int{sum, projected} {
		n.sum(r, 1)
		n.divideByCount(r, 2)
		n.spread(r)
	}
	n.loop(func(m lanes) {
		normalised(m)
		n.simd("fsub", 0, 0, sum)
		n.multiplySubtract(0, 2, projected)
		n.simd("fmul", 0, 0, normInverse)
		m.store(0, 0)
	})
	n.ret()
}

func (n *neon) layerNormWeights() {
	n.vectors("layerNormWeights")
	n.loadStats()
	n.loop(func(m lanes) {
		m.load(2, 0)
		m.load(3, 1)
		m.load(0, 2)
		m.load(1, 3)
		n.simd("fsub", 1, 1, normMean)
		n.simd("fmul", 1, 1, normInverse)
		n.multiplyAdd(2, 0, 1)
		n.simd("fadd", 3, 3, 0)
		m.store(2, 0)
		m.store(3, 1)
	})
	n.ret()
}

const normOffset = 10

func (n *neon) rmsNorm() {
	n.vectors("rmsNorm", float(1))
	n.loadScalar("offset", normOffset)
	n.zero(normInverse)
	n.loop(func(m lanes) {
		m.load(1, 0)
		n.multiplyAdd(normInverse, 0, 0)
	})
	n.inverseRoot(normInverse)
	n.p("FMOVS F%d, (R3)", normInverse)
	n.spread(normInverse)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		n.simd("fmul", 0, 0, normInverse)
		n.simd("fadd", 1, 1, normOffset)
		n.simd("fmul", 0, 0, 1)
		m.store(0, 0)
	})
	n.ret()
}

func (n *neon) rmsNormGradient() {
	const projected = 11 // Σ weight·dy·x̂
	n.vectors("rmsNormGradient")
	n.loadScalar("offset", normOffset)
	n.p("FMOVS (R4), F%d", normInverse)
	n.spread(normInverse)
	n.zero(projected)
	weighed := func(m lanes) {
		m.load(1, 0)
		m.load(3, 1)
		m.load(2, 2)
		n.simd("fadd", 1, 1, normOffset)
		n.simd("fmul", 0, 0, 1)           // weight·dy, 0 beyond a single element
		n.simd("fmul", 2, 2, normInverse) // x̂
	}
	n.loop(func(m lanes) {
		weighed(m)
		n.multiplyAdd(projected, 0, 2)
	})
	n.sum(projected, 1)
	n.divideByCount(projected, 2)
	n.spread(projected)
	n.loop(func(m lanes) {
		weighed(m)
		n.multiplySubtract(0, 2, projected)
		n.simd("fmul", 0, 0, normInverse)
		m.store(0, 0)
	})
	n.ret()
}

func (n *neon) rmsNormWeights() {
	n.vectors("rmsNormWeights")
	n.p("FMOVS (R3), F%d", normInverse)
	n.spread(normInverse)
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		m.load(0, 2)
		n.simd("fmul", 1, 1, normInverse)
		n.multiplyAdd(2, 0, 1)
		m.store(2, 0)
	})
	n.ret()
}
