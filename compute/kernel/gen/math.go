package main

import "math"

// Coefficients fitted by fit.py: exp(r) = 1 + r + r²·p(r) on |r| ≤ ln 2 / 2, erf(x) = x·P(x²)/Q(x²) on |x| ≤ 3.925.
var (
	expCoefficients = []float64{0.4999999403953552, 0.16666515171527863, 0.04166845604777336, 0.008369418792426586, 0.0013813144760206342}
	erfNumerator    = []float64{1.1283791065216064, 0.2003663033246994, 0.05063137039542198, 0.003719232277944684, 0.00014217259013094008, -1.956594132934697e-06, 1.9869460743393574e-08}
	erfDenominator  = []float64{1.0, 0.5109016299247742, 0.11518046259880066, 0.014390128664672375, 0.0009599804761819541}
)

const (
	erfLimit = 3.925               // beyond it erf is ±1 in float32
	expLow   = -87.0               // below it exp is taken as 0, so that no result is denormal
	expHigh  = 88.0                // above it the argument is clamped
	ln2High  = 0.693359375         // ln 2 in two parts: n·ln2High is exact for the n that occur
	ln2Low   = -2.12194440054e-4   //
	log2E    = 1.44269504088896340 //
	signBit  = 1 << 31
)

// horner leaves the polynomial of z with the given coefficients (constant first) in register p.
func (a *assembly) horner(coefficients []float64, z, p int) {
	last := len(coefficients) - 1
	a.p("VMOVUPS %s, %s", a.c(coefficients[last]), a.v(p))
	for i := last - 1; i >= 0; i-- {
		a.p("VFMADD213PS %s, %s, %s", a.c(coefficients[i]), a.v(z), a.v(p))
	}
}

// exp replaces register x by exp(x), exactly 0 below expLow. It clobbers n, p and q (AVX-512: K2).
func (a *assembly) exp(x, n, p, q int) {
	if a.wide() {
		a.p("VCMPPS $0x15, %s, %s, K2", a.c(expLow), a.v(x))
	} else {
		a.p("VCMPPS $0x15, %s, %s, %s", a.c(expLow), a.v(x), a.v(q))
	}
	// The argument comes last, so that a NaN passes both clamps.
	a.p("VMOVUPS %s, %s", a.c(expLow), a.v(p))
	a.p("VMAXPS %s, %s, %s", a.v(x), a.v(p), a.v(x))
	a.p("VMOVUPS %s, %s", a.c(expHigh), a.v(p))
	a.p("VMINPS %s, %s, %s", a.v(x), a.v(p), a.v(x))
	a.expParts(x, n, p)
	a.p("VFMADD213PS %s, %s, %s", a.c(1), a.v(p), a.v(x)) // x = r·p + 1
	a.p("VMULPS %s, %s, %s", a.v(n), a.v(x), a.v(x))
	if a.wide() {
		a.p("VMOVAPS.Z %s, K2, %s", a.v(x), a.v(x))
	} else {
		a.p("VANDPS %s, %s, %s", a.v(q), a.v(x), a.v(x))
	}
}

// expParts splits exp(x) = 2^n·(1 + r·p): it leaves r in register x, 2^n in n and p in p.
func (a *assembly) expParts(x, n, p int) {
	a.p("VMULPS %s, %s, %s", a.c(log2E), a.v(x), a.v(n))
	if a.wide() {
		a.p("VRNDSCALEPS $0, %s, %s", a.v(n), a.v(n))
	} else {
		a.p("VROUNDPS $0, %s, %s", a.v(n), a.v(n))
	}
	a.p("VFNMADD231PS %s, %s, %s", a.c(ln2High), a.v(n), a.v(x))
	a.p("VFNMADD231PS %s, %s, %s", a.c(ln2Low), a.v(n), a.v(x))
	a.horner(expCoefficients, x, p)
	a.p("VCVTPS2DQ %s, %s", a.v(n), a.v(n))
	a.p("VPADDD %s, %s, %s", a.bits(127), a.v(n), a.v(n))
	a.p("VPSLLD $23, %s, %s", a.v(n), a.v(n))
	a.p("VFMADD213PS %s, %s, %s", a.c(1), a.v(x), a.v(p)) // p = r·p + 1
}

// logistic leaves σ(x) = 1/(1 + exp(-x)) in register q and σ(-x) in register e. Both come from exp(-|x|), so that neither
// loses digits to a difference. It clobbers n and p (AVX-512: K2 and K3).
func (a *assembly) logistic(x, e, n, q, p int) {
	a.p("VORPS %s, %s, %s", a.bits(signBit), a.v(x), a.v(e))
	a.exp(e, n, q, p)
	a.p("VMOVUPS %s, %s", a.c(1), a.v(q))
	a.p("VADDPS %s, %s, %s", a.v(q), a.v(e), a.v(n))
	a.p("VDIVPS %s, %s, %s", a.v(n), a.v(q), a.v(n))
	a.p("VMULPS %s, %s, %s", a.v(n), a.v(e), a.v(e))
	if a.wide() {
		a.p("VPMOVD2M %s, K3", a.v(x))
		a.p("VBLENDMPS %s, %s, K3, %s", a.v(e), a.v(n), a.v(q))
		a.p("VBLENDMPS %s, %s, K3, %s", a.v(n), a.v(e), a.v(e))
	} else {
		a.p("VBLENDVPS %s, %s, %s, %s", a.v(x), a.v(e), a.v(n), a.v(q))
		a.p("VBLENDVPS %s, %s, %s, %s", a.v(x), a.v(n), a.v(e), a.v(e))
	}
}

// tanh leaves tanh(x) in register y: with d = exp(2·|x|) - 1 it is d/(d + 2), and d keeps its digits near 0. It clobbers
// n, p and t; x stays.
func (a *assembly) tanh(x, y, n, p, t int) {
	a.p("VANDPS %s, %s, %s", a.bits(signBit-1), a.v(x), a.v(y))
	a.p("VADDPS %s, %s, %s", a.v(y), a.v(y), a.v(y))
	a.p("VMOVUPS %s, %s", a.c(expHigh), a.v(p))
	a.p("VMINPS %s, %s, %s", a.v(y), a.v(p), a.v(y)) // the argument comes last, so that a NaN passes
	a.expParts(y, n, p)
	a.p("VMULPS %s, %s, %s", a.v(p), a.v(y), a.v(y))      // exp(r) - 1
	a.p("VADDPS %s, %s, %s", a.c(-1), a.v(n), a.v(p))     // 2^n - 1
	a.p("VFMADD213PS %s, %s, %s", a.v(p), a.v(n), a.v(y)) // d
	a.p("VADDPS %s, %s, %s", a.c(2), a.v(y), a.v(t))
	a.p("VDIVPS %s, %s, %s", a.v(t), a.v(y), a.v(y))
	a.p("VANDPS %s, %s, %s", a.bits(signBit), a.v(x), a.v(t))
	a.p("VORPS %s, %s, %s", a.v(t), a.v(y), a.v(y))
}

// erf replaces register x by erf(x). It clobbers z, p and q.
func (a *assembly) erf(x, z, p, q int) {
	a.p("VMINPS %s, %s, %s", a.c(erfLimit), a.v(x), a.v(x))
	a.p("VMAXPS %s, %s, %s", a.c(-erfLimit), a.v(x), a.v(x))
	a.p("VMULPS %s, %s, %s", a.v(x), a.v(x), a.v(z))
	a.horner(erfNumerator, z, p)
	a.horner(erfDenominator, z, q)
	a.p("VMULPS %s, %s, %s", a.v(x), a.v(p), a.v(p))
	a.p("VDIVPS %s, %s, %s", a.v(q), a.v(p), a.v(x))
}

var (
	inverseSqrt2     = 1 / math.Sqrt2
	inverseSqrtTwoPi = 1 / math.Sqrt(2*math.Pi)

	// The tanh form of GELU is x/2·(1 + tanh(sqrt(2/π)·(x + 0.044715·x³))), that is x·σ(first·x + third·x³).
	geluTanhFirst = 2 * math.Sqrt(2/math.Pi)
	geluTanhThird = 0.044715 * geluTanhFirst
)
