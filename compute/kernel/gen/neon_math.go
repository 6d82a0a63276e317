package main

// The constants that exp and erf want held; their coefficients are read from memory, which costs no more than the copy of a
// register that each step of a polynomial needs anyway.
var (
	expConstants = append(floats(expLow, expHigh, log2E, ln2High, ln2Low, 1), 127)
	erfConstants = floats(erfLimit, -erfLimit)

	logisticConstants = append([]uint32{signBit}, expConstants...)
	tanhConstants     = append(floats(expHigh, log2E, ln2High, ln2Low, 1, 2), 127, signBit)
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
	p, t = n.expParts(x, k, p, t)
	n.copy(t, n.constant(1))
	n.multiplyAdd(t, p, x)
	n.simd("fmul", x, t, k)
	n.simd("bic", x, x, below)
}

// expParts splits exp(x) = 2^n·(1 + r·p): it leaves r in register x and 2^n in k, and returns the register of p, which is
// one of p and t, and the other.
func (n *neon) expParts(x, k, p, t int) (int, int) {
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
	n.copy(t, n.constant(1)) // r·p + 1
	n.multiplyAdd(t, p, x)
	return t, p
}

// logistic leaves σ(x) = 1/(1 + exp(-x)) in register q and σ(-x) in register o. Both come from exp(-|x|), so that neither
// loses digits to a difference. It clobbers e, k and below; x stays.
func (n *neon) logistic(x, e, k, q, o, below int) {
	n.or(e, x, n.constantBits(signBit))
	n.exp(e, k, q, o, below)
	n.simd("fadd", k, e, n.constant(1))
	n.simd("fdiv", k, n.constant(1), k)
	n.simd("fmul", e, e, k)
	n.zero(q)
	n.simd("fcmgt", q, q, x) // where x is negative
	n.copy(o, q)
	n.choose(q, e, k)
	n.choose(o, k, e)
}

// tanh leaves tanh(x) in register y: with d = exp(2·|x|) - 1 it is d/(d + 2), and d keeps its digits near 0. It clobbers
// k, p, t and r; x stays.
func (n *neon) tanh(x, y, k, p, t, r int) {
	n.copy(r, n.constantBits(signBit))
	n.simd("bic", r, x, r)
	n.simd("fadd", r, r, r)
	n.simd("fmin", r, r, n.constant(expHigh))
	p, t = n.expParts(r, k, p, t)
	n.simd("fmul", r, r, p)              // exp(r) - 1
	n.simd("fsub", t, k, n.constant(1))  // 2^n - 1
	n.multiplyAdd(t, r, k)               // d
	n.simd("fadd", p, t, n.constant(2))  //
	n.simd("fdiv", t, t, p)              //
	n.and(p, x, n.constantBits(signBit)) //
	n.or(y, t, p)                        //
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
