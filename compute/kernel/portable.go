package kernel

import (
	"math"
	"unsafe"
)

// The portable tile: 2 x 4 sums fit the registers of every processor that Go knows.
const portableMR, portableNR = 2, 4

func portable() *Set {
	return &Set{
		Path: Portable, Lanes: 1, MR: portableMR, NR: portableNR,
		gemm: gemmPortable, transpose: transposePortable, add: addPortable, addRows: addRowsPortable, addScaled: addScaledPortable, scale: scalePortable, mulAdd: mulAddPortable,
		GELU:     Activation{pointwise(gelu), slopewise(geluBoth), gatewise(gelu), gateSlopewise(geluBoth)},
		GELUTanh: Activation{pointwise(geluTanh), slopewise(geluTanhBoth), gatewise(geluTanh), gateSlopewise(geluTanhBoth)},
		SiLU:     Activation{pointwise(silu), slopewise(siluBoth), gatewise(silu), gateSlopewise(siluBoth)},
		ReLU:     Activation{value: pointwise(relu), gradient: reluGradientPortable},
		Tanh:     Activation{value: pointwise(tanh), gradient: slopewise(tanhBoth)},
		dropout:  dropoutPortable, dot: dotPortable, dot64: dot64Portable, softmax: softmaxPortable, softmaxGradient: softmaxGradientPortable,
		rmsNorm: rmsNormPortable, rmsNormGradient: rmsNormGradientPortable, rmsNormWeights: rmsNormWeightsPortable, rotate: rotatePortable,
		layerNorm: layerNormPortable, layerNormGradient: layerNormGradientPortable, layerNormWeights: layerNormWeightsPortable, adamw: adamwPortable,
		softmaxPart: softmaxPartPortable,
	}
}

func vector(p *float32, n int) []float32 { return unsafe.Slice(p, n) }

func gemmPortable(a, b, c *float32, k, ldc, accumulate int) {
	var c00, c01, c02, c03, c10, c11, c12, c13 float32
	x, y := vector(a, k*portableMR), vector(b, k*portableNR)
	for len(x) >= portableMR && len(y) >= portableNR {
		a0, a1 := x[0], x[1]
		b0, b1, b2, b3 := y[0], y[1], y[2], y[3]
		// The conversion forbids fusing, so that every compiler gives the same sum.
		c00 += float32(a0 * b0)
		c01 += float32(a0 * b1)
		c02 += float32(a0 * b2)
		c03 += float32(a0 * b3)
		c10 += float32(a1 * b0)
		c11 += float32(a1 * b1)
		c12 += float32(a1 * b2)
		c13 += float32(a1 * b3)
		x, y = x[portableMR:], y[portableNR:]
	}
	z := vector(c, ldc+portableNR)
	if accumulate != 0 {
		c00, c01, c02, c03 = c00+z[0], c01+z[1], c02+z[2], c03+z[3]
		c10, c11, c12, c13 = c10+z[ldc], c11+z[ldc+1], c12+z[ldc+2], c13+z[ldc+3]
	}
	z[0], z[1], z[2], z[3] = c00, c01, c02, c03
	z[ldc], z[ldc+1], z[ldc+2], z[ldc+3] = c10, c11, c12, c13
}

func transposePortable(dst, src *float32, blocks, srcStride, dstStride int) {
	d, s := vector(dst, (blocks-1)*dstStride+1), vector(src, blocks)
	for j, x := range s {
		d[j*dstStride] = x
	}
}

func addPortable(dst, x, y *float32, n int) {
	d, a, b := vector(dst, n), vector(x, n), vector(y, n)
	for i := range d {
		d[i] = a[i] + b[i]
	}
}

func addRowsPortable(dst, src *float32, n, rows, stride int) {
	d, a := vector(dst, n), vector(src, (rows-1)*stride+n)
	for r := range rows {
		for i, v := range a[r*stride : r*stride+n] {
			d[i] += v
		}
	}
}

func addScaledPortable(dst, x *float32, n int, alpha float32) {
	d, a := vector(dst, n), vector(x, n)
	for i := range d {
		d[i] += float32(alpha * a[i])
	}
}

func scalePortable(dst, x *float32, n int, alpha float32) {
	d, a := vector(dst, n), vector(x, n)
	for i := range d {
		d[i] = alpha * a[i]
	}
}

func mulAddPortable(dst, x, y *float32, n int) {
	d, a, b := vector(dst, n), vector(x, n), vector(y, n)
	for i := range d {
		d[i] += float32(a[i] * b[i])
	}
}

// hashStep is the golden ratio, by which the hash of a dropout tells elements apart.
const hashStep = 0x9e3779b1

func dropoutPortable(dst, x *float32, n int, low, high, threshold uint32, scale float32) {
	d, a := vector(dst, n), vector(x, n)
	for i, v := range a {
		h := uint32(i)*hashStep + low
		h ^= h >> 16
		h *= 0x85ebca6b
		h ^= h >> 13
		h ^= high
		h *= 0xc2b2ae35
		h ^= h >> 16
		h *= 0x85ebca6b
		h ^= h >> 15
		if h>>8 >= threshold {
			d[i] = v * scale
		} else {
			d[i] = 0
		}
	}
}

func dotPortable(out, x, y *float32, n int) {
	a, b := vector(x, n), vector(y, n)
	var sum float32
	for i := range a {
		sum += float32(a[i] * b[i])
	}
	*out = sum
}

func dot64Portable(x, y *float32, n int) float64 { return Dot64(vector(x, n), vector(y, n)) }

func softmaxPortable(dst, x *float32, n int, scale float32) {
	d, a := vector(dst, n), vector(x, n)
	highest := float32(math.Inf(-1))
	for _, v := range a {
		highest = max(highest, v)
	}
	var sum float32
	for i, v := range a {
		d[i] = exp(float32((v - highest) * scale))
		sum += d[i]
	}
	inverse := 1 / sum
	for i := range d {
		d[i] *= inverse
	}
}

func softmaxPartPortable(dst, x, stats *float32, n int, scale float32) {
	d, a, s := vector(dst, n), vector(x, n), vector(stats, 2)
	highest := s[0]
	for _, v := range a {
		highest = max(highest, v)
	}
	var sum float32
	for i, v := range a {
		d[i] = exp(float32((v - highest) * scale))
		sum += d[i]
	}
	s[0], s[1] = highest, sum
}

func softmaxGradientPortable(dst, dp, p *float32, n int, scale float32) {
	d, g, a := vector(dst, n), vector(dp, n), vector(p, n)
	var sum float32
	for i := range a {
		sum += float32(g[i] * a[i])
	}
	for i := range d {
		d[i] = float32(g[i]-sum) * float32(a[i]*scale)
	}
}

func layerNormPortable(dst, x, gamma, beta, stats *float32, n int, epsilon float32) {
	d, a, g, b := vector(dst, n), vector(x, n), vector(gamma, n), vector(beta, n)
	var mean, variance float32
	for _, v := range a {
		mean += v
	}
	mean /= float32(n)
	for _, v := range a {
		variance += float32((v - mean) * (v - mean))
	}
	inverse := 1 / float32(math.Sqrt(float64(variance/float32(n)+epsilon)))
	s := vector(stats, 2)
	s[0], s[1] = mean, inverse
	for i, v := range a {
		d[i] = float32(float32((v-mean)*inverse)*g[i]) + b[i]
	}
}

func layerNormGradientPortable(dx, dy, x, gamma, stats *float32, n int) {
	d, g, a, w, s := vector(dx, n), vector(dy, n), vector(x, n), vector(gamma, n), vector(stats, 2)
	var sum, projected float32
	for i, v := range a {
		wg := float32(w[i] * g[i])
		sum += wg
		projected += float32(wg * float32((v-s[0])*s[1]))
	}
	sum /= float32(n)
	projected /= float32(n)
	for i, v := range a {
		normal := float32((v - s[0]) * s[1])
		d[i] = float32(float32(w[i]*g[i])-sum-float32(normal*projected)) * s[1]
	}
}

func layerNormWeightsPortable(dgamma, dbeta, dy, x, stats *float32, n int) {
	dg, db, g, a, s := vector(dgamma, n), vector(dbeta, n), vector(dy, n), vector(x, n), vector(stats, 2)
	for i, v := range a {
		dg[i] += float32(g[i] * float32((v-s[0])*s[1]))
		db[i] += g[i]
	}
}

func rmsNormPortable(dst, x, gamma, stats *float32, n int, epsilon, offset float32) {
	d, a, g := vector(dst, n), vector(x, n), vector(gamma, n)
	var squares float32
	for _, v := range a {
		squares += float32(v * v)
	}
	inverse := 1 / float32(math.Sqrt(float64(squares/float32(n)+epsilon)))
	*stats = inverse
	for i, v := range a {
		d[i] = float32(v*inverse) * (g[i] + offset)
	}
}

func rmsNormGradientPortable(dx, dy, x, gamma, stats *float32, n int, offset float32) {
	d, g, a, w, inverse := vector(dx, n), vector(dy, n), vector(x, n), vector(gamma, n), *stats
	var projected float32
	for i, v := range a {
		projected += float32(float32(g[i]*(w[i]+offset)) * float32(v*inverse))
	}
	projected /= float32(n)
	for i, v := range a {
		d[i] = (float32(g[i]*(w[i]+offset)) - float32(float32(v*inverse)*projected)) * inverse
	}
}

func rmsNormWeightsPortable(dgamma, dy, x, stats *float32, n int) {
	dg, g, a, inverse := vector(dgamma, n), vector(dy, n), vector(x, n), *stats
	for i, v := range a {
		dg[i] += float32(g[i] * float32(v*inverse))
	}
}

func rotatePortable(dlow, dhigh, low, high, cos, sin *float32, n int) {
	dl, dh, l, h, c, s := vector(dlow, n), vector(dhigh, n), vector(low, n), vector(high, n), vector(cos, n), vector(sin, n)
	for i := range dl {
		x, y := l[i], h[i]
		dl[i] = float32(x*c[i]) - float32(y*s[i])
		dh[i] = float32(y*c[i]) + float32(x*s[i])
	}
}

func adamwPortable(w, grad, m, v, settings *float32, n int) {
	weights, g, first, second := vector(w, n), vector(grad, n), vector(m, n), vector(v, n)
	s := (*AdamStep)(unsafe.Pointer(settings))
	for i := range weights {
		x := float32(g[i] * s.GradientScale)
		first[i] += float32((x - first[i]) * s.OneMinusBeta1)
		second[i] = float32(second[i]*s.Beta2) + float32(float32(x*x)*s.OneMinusBeta2)
		deviation := float32(float32(math.Sqrt(float64(second[i])))*s.Correction) + s.Epsilon
		weights[i] = float32(weights[i]*s.Keep) - float32(s.Step*(first[i]/deviation))
	}
}
