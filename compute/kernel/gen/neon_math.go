package main

// The constants that exp and erf want held; their coefficients are read from memory, which costs no more than the copy of a
// register that each step of a polynomial needs anyway.
var (
	expConstants = append(floats(expLow, expHigh, log2E, ln2High, ln2Low, 1), 127)
	erfConstants = floats(erfLimit, -erfLimit)
)

// horner computes the polynomial of z with the given coefficients (constant first) and returns its register, p or t.
func (n *neon) horner(coefficients []float64, z, p, t int) int {
	last := len(coefficients) - 1
	n.loadConstant(float(coefficients[last]), p)
	for i := last - 1; i >= 0; i-- {
		n.loadConstant(float(coefficients[i]), t)
		n.multiplyAdd(t, p, z)
		p, t = t, p
	}
	return p
}

// exp replaces register x by exp(x), exactly 0 below expLow; NaN stays NaN. It clobbers k, p, t and below.
func (n *neon) exp(x, k, p, t, below int) {
	n.simd("fcmgt", below, n.constant(expLow), x) // false for NaN
	n.simd("fmax", x, x, n.constant(expLow))
	n.simd("fmin", x, x, n.constant(expHigh))
	n.simd("fmul", k, x, n.constant(log2E))
	n.simd("frintn", k, k)
	n.multiplySubtract(x, k, n.constant(ln2High))
	n.multiplySubtract(x, k, n.constant(ln2Low))
	if n.horner(expCoefficients, x, p, t) == t {
		p, t = t, p
	}
	n.simd("fcvtns", k, k)
	n.addWords(k, k, n.constantBits(127))
	n.shiftLeft(k, k, 23)
	for range 2 { // r·p + 1, twice
		n.copy(t, n.constant(1))
		n.multiplyAdd(t, p, x)
		p, t = t, p
	}
	n.simd("fmul", x, p, k)
	n.simd("bic", x, x, below)
}

// erf replaces register x by erf(x). It clobbers z, p, t, q and u.
func (n *neon) erf(x, z, p, t, q, u int) {
	n.simd("fmin", x, x, n.constant(erfLimit))
	n.simd("fmax", x, x, n.constant(-erfLimit))
	n.simd("fmul", z, x, x)
	p = n.horner(erfNumerator, z, p, t)
	q = n.horner(erfDenominator, z, q, u)
	n.simd("fmul", p, x, p)
	n.simd("fdiv", x, p, q)
}
