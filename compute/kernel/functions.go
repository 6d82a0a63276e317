package kernel

import "math"

// The constants of exp and erf, fitted by gen/fit.py and shared with the assembly: exp(r) = 1 + r + r²·p(r) on
// |r| ≤ ln 2 / 2 (relative error below 5e-9 before rounding), erf(x) = x·P(x²)/Q(x²) on |x| ≤ 3.925 (below 8e-8 before rounding).
const (
	exp0, exp1, exp2, exp3, exp4         = 0.4999999403953552, 0.16666515171527863, 0.04166845604777336, 0.008369418792426586, 0.0013813144760206342
	erfP0, erfP1, erfP2, erfP3           = 1.1283791065216064, 0.2003663033246994, 0.05063137039542198, 0.003719232277944684
	erfP4, erfP5, erfP6                  = 0.00014217259013094008, -1.956594132934697e-06, 1.9869460743393574e-08
	erfQ1, erfQ2, erfQ3, erfQ4           = 0.5109016299247742, 0.11518046259880066, 0.014390128664672375, 0.0009599804761819541
	erfLimit, expLow, expHigh            = 3.925, -87, 88
	ln2High, ln2Low, log2E       float32 = 0.693359375, -2.12194440054e-4, 1.4426950408889634
	inverseSqrt2                 float32 = 1 / math.Sqrt2
	inverseSqrtTwoPi             float32 = 0.3989422804014327

	// The tanh form of GELU is x/2·(1 + tanh(sqrt(2/π)·(x + 0.044715·x³))), that is x·σ(first·x + third·x³).
	geluTanhFirst = 1.5957691216057308
	geluTanhThird = 0.044715 * geluTanhFirst
)

// exp is e^x in float32, exactly 0 below expLow; NaN stays NaN.
func exp(x float32) float32 {
	if x < expLow {
		return 0
	}
	power, r, p := expParts(min(x, expHigh))
	return (float32(p*r) + 1) * power
}

// expParts splits exp(x) = power·(1 + r·p), power a power of two.
func expParts(x float32) (power, r, p float32) {
	n := float32(math.RoundToEven(float64(x * log2E)))
	r = float32(x - float32(n*ln2High))
	r = float32(r - float32(n*ln2Low))
	p = float32(exp4)
	for _, c := range [...]float32{exp3, exp2, exp1, exp0, 1} {
		p = float32(p*r) + c
	}
	return math.Float32frombits(uint32(int32(n)+127) << 23), r, p
}

const signBit = 1 << 31

// logistic returns σ(x) = 1/(1 + exp(-x)) and σ(-x). Both come from exp(-|x|), so that neither loses digits to a difference.
func logistic(x float32) (p, q float32) {
	e := exp(math.Float32frombits(math.Float32bits(x) | signBit))
	larger := 1 / (1 + e)
	smaller := float32(e * larger)
	if x < 0 {
		return smaller, larger
	}
	return larger, smaller
}

// tanh is d/(d + 2) with d = exp(2·|x|) - 1, which keeps its digits near 0.
func tanh(x float32) float32 {
	bits := math.Float32bits(x)
	y := math.Float32frombits(bits &^ signBit)
	power, r, p := expParts(min(y+y, expHigh))
	d := float32(power*float32(r*p)) + (power - 1)
	return math.Float32frombits(math.Float32bits(d/(d+2)) | bits&signBit)
}

// erf is the error function in float32.
func erf(x float32) float32 {
	x = max(min(x, erfLimit), -erfLimit)
	z := float32(x * x)
	p := float32(erfP6)
	for _, c := range [...]float32{erfP5, erfP4, erfP3, erfP2, erfP1, erfP0} {
		p = float32(p*z) + c
	}
	q := float32(erfQ4)
	for _, c := range [...]float32{erfQ3, erfQ2, erfQ1, 1} {
		q = float32(q*z) + c
	}
	return float32(x*p) / q
}
