package main

// optimizer emits AdamW, fused: one pass over weights, gradients and both moments.
func (n *neon) optimizer() {
	const scale, keep, oneMinusBeta1, beta2, oneMinusBeta2, step, correction, epsilon = 8, 9, 10, 11, 12, 13, 14, 15
	n.vectors("adamw")
	n.p("FLDPQ (R4), (F0, F1)")
	for i := range 8 {
		n.spreadLane(scale+i, i/4, i%4)
	}
	n.loop(func(m lanes) {
		m.load(1, 0)
		m.load(2, 1)
		m.load(3, 2)
		n.simd("fmul", 0, 0, scale)
		n.simd("fsub", 3, 0, 1)
		n.multiplyAdd(1, 3, oneMinusBeta1) // m += (g - m)·(1 - β1)
		m.store(1, 2)
		n.simd("fmul", 0, 0, 0)
		n.simd("fmul", 0, 0, oneMinusBeta2)
		n.multiplyAdd(0, 2, beta2) // β2·v + (1 - β2)·g²
		m.store(0, 3)
		n.simd("fsqrt", 0, 0)
		n.simd("fmul", 0, 0, correction)
		n.simd("fadd", 0, 0, epsilon)
		n.simd("fdiv", 1, 1, 0)
		m.load(0, 2)
		n.simd("fmul", 2, 2, keep)
		n.multiplySubtract(2, 1, step)
		m.store(2, 0)
	})
	n.ret()
}
