// Package kernel holds the innermost loops: one set of functions for each instruction-set path, all with the same meaning.
//
// A Set is a value chosen once; nothing here looks at the processor except Available. The assembly is written by the
// generator in gen; the portable path is plain Go that compilers may not fuse, and every other path is tested against it.
package kernel

//go:generate go run ./gen -out .

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/quarry-ml/quarry/compute/half"
)

// Path names an instruction-set path.
type Path string

// The paths, best first.
const (
	AMX        Path = "amx"        // AVX-512, and products of bf16 by AMX tiles
	AVX512BF16 Path = "avx512bf16" // AVX-512, and products of bf16 by VDPBF16PS
	AVX512     Path = "avx512"     // AVX-512 F, BW, DQ, VL: 16 lanes, fused multiply-add
	AVX2       Path = "avx2"       // AVX2, FMA and F16C, as x86-64-v3 has them: 8 lanes
	NEON       Path = "neon"       // NEON of arm64: 4 lanes, fused multiply-add
	Portable   Path = "portable"   // Go
)

// Lack is a path that the machine cannot run, and why.
type Lack struct {
	Path    Path   `json:"path"`
	Because string `json:"because"`
}

// Set is the kernels of one path and the tile of its matrix product.
type Set struct {
	Path   Path
	Lanes  int // float32 lanes of a vector; Transpose works on blocks of Lanes x Lanes
	MR, NR int // rows and columns of a tile of the matrix product; NR divides 64, so that 64 columns are whole panels

	gemm              func(a, b, c *float32, k, ldc, accumulate int)
	transpose         func(dst, src *float32, blocks, srcStride, dstStride int)
	add               func(dst, x, y *float32, n int)
	addRows           func(dst, src *float32, n, rows, stride int)
	addScaled         func(dst, x *float32, n int, alpha float32)
	scale             func(dst, x *float32, n int, alpha float32)
	mulAdd            func(dst, x, y *float32, n int)
	dropout           func(dst, x *float32, n int, low, high, threshold uint32, scale float32)
	dot               func(out, x, y *float32, n int)
	dot64             func(x, y *float32, n int) float64
	softmax           func(dst, x *float32, n int, scale float32)
	softmaxGradient   func(dst, dp, p *float32, n int, scale float32)
	layerNorm         func(dst, x, gamma, beta, stats *float32, n int, epsilon float32)
	layerNormGradient func(dx, dy, x, gamma, stats *float32, n int)
	layerNormWeights  func(dgamma, dbeta, dy, x, stats *float32, n int)
	rmsNorm           func(dst, x, gamma, stats *float32, n int, epsilon, offset float32)
	rmsNormGradient   func(dx, dy, x, gamma, stats *float32, n int, offset float32)
	rmsNormWeights    func(dgamma, dy, x, stats *float32, n int)
	rotate            func(dlow, dhigh, low, high, cos, sin *float32, n int)
	adamw             func(w, grad, m, v, settings *float32, n int)
	widen, widenF16   func(dst *float32, src *uint16, blocks int) // of Lanes, of bf16 and of F16; nil where Go does it
	softmaxPart       func(dst, x, stats *float32, n int, scale float32)

	GELU, GELUTanh, ReLU, SiLU, Tanh Activation

	bf16 bf16 // nil functions where the path multiplies float32 alone
}

// New returns the kernels of a path; the empty path means the best one available.
// A path that the machine lacks is an error that lists those it has.
func New(path Path) (*Set, error) {
	available := Available()
	if path == "" {
		path = available[0]
	}
	if !slices.Contains(available, path) {
		names := make([]string, len(available))
		for i, p := range available {
			names[i] = string(p)
		}
		return nil, fmt.Errorf("processor path %q is not available here; available: %s", path, strings.Join(names, ", "))
	}
	return sets(path), nil
}

// Gemm computes one MR x NR tile, c = a·b or c += a·b: a is packed [k][MR], b is packed [k][NR], ldc counts elements.
// The order of summation is k alone.
func (s *Set) Gemm(a, b, c []float32, k, ldc int, accumulate bool) {
	if k == 0 && accumulate {
		return
	}
	_, _, _ = a[:k*s.MR], b[:k*s.NR], c[:(s.MR-1)*ldc+s.NR]
	add := 0
	if accumulate {
		add = 1
	}
	s.gemm(unsafe.SliceData(a), unsafe.SliceData(b), &c[0], k, ldc, add)
}

// Transpose writes blocks blocks of Lanes columns of Lanes rows of src as rows of Lanes elements of dst: dst[j][i] = src[i][j].
// Rows of dst are written whole and in order, so a dstStride below Lanes lets each row overwrite the surplus of the last.
func (s *Set) Transpose(dst, src []float32, blocks, srcStride, dstStride int) {
	if blocks == 0 {
		return
	}
	_, _ = dst[:(blocks*s.Lanes-1)*dstStride+s.Lanes], src[:(s.Lanes-1)*srcStride+blocks*s.Lanes]
	s.transpose(&dst[0], &src[0], blocks, srcStride, dstStride)
}

// Add sets dst = x + y over len(dst) elements.
func (s *Set) Add(dst, x, y []float32) {
	if n := len(dst); n > 0 {
		_, _ = x[:n], y[:n]
		s.add(&dst[0], &x[0], &y[0], n)
	}
}

// AddRows adds rows of src, stride elements apart, to dst, one after the other, over len(dst) columns.
func (s *Set) AddRows(dst, src []float32, rows, stride int) {
	if n := len(dst); n > 0 && rows > 0 {
		_ = src[:(rows-1)*stride+n]
		s.addRows(&dst[0], &src[0], n, rows, stride)
	}
}

// AddScaled sets dst += alpha·x.
func (s *Set) AddScaled(dst, x []float32, alpha float32) {
	if n := len(dst); n > 0 {
		_ = x[:n]
		s.addScaled(&dst[0], &x[0], n, alpha)
	}
}

// Scale sets dst = alpha·x.
func (s *Set) Scale(dst, x []float32, alpha float32) {
	if n := len(dst); n > 0 {
		_ = x[:n]
		s.scale(&dst[0], &x[0], n, alpha)
	}
}

// MulAdd sets dst += x·y.
func (s *Set) MulAdd(dst, x, y []float32) {
	if n := len(dst); n > 0 {
		_, _ = x[:n], y[:n]
		s.mulAdd(&dst[0], &x[0], &y[0], n)
	}
}

// Widen sets dst to the first len(dst) bf16 of src; it is exact.
func (s *Set) Widen(dst []float32, src []uint16) {
	done := s.widenBlocks(s.widen, dst, src)
	for i, b := range src[done:len(dst)] {
		dst[done+i] = math.Float32frombits(uint32(b) << 16)
	}
}

// WidenF16 sets dst to the first len(dst) numbers of src in half precision; it is exact, and as half.F16ToF32 has it.
func (s *Set) WidenF16(dst []float32, src []uint16) {
	done := s.widenBlocks(s.widenF16, dst, src)
	for i, b := range src[done:len(dst)] {
		dst[done+i] = half.F16ToF32(b)
	}
}

// widenBlocks widens what makes whole vectors, and returns how many that were.
func (s *Set) widenBlocks(widen func(dst *float32, src *uint16, blocks int), dst []float32, src []uint16) int {
	blocks := len(dst) / s.Lanes
	if _ = src[:len(dst)]; widen == nil || blocks == 0 {
		return 0
	}
	widen(&dst[0], &src[0], blocks)
	return blocks * s.Lanes
}

// Drop says which elements a dropout keeps: those whose 24-bit hash under Key reaches Threshold, scaled by Scale.
type Drop struct {
	Key       uint64
	Threshold uint32 // rate · 2^24
	Scale     float32
}

// From is the dropout of a row's elements from the given one on.
func (d Drop) From(element int) Drop {
	// The hash starts from the key's lower half plus a multiple of the element.
	d.Key = d.Key&^math.MaxUint32 | uint64(uint32(d.Key)+uint32(element)*hashStep)
	return d
}

// Dropout sets dst[i] = x[i]·Scale where element i is kept, else 0; dst may be x. The choice depends on the key and i alone and is the same on every path.
func (s *Set) Dropout(dst, x []float32, d Drop) {
	if n := len(dst); n > 0 {
		_ = x[:n]
		s.dropout(&dst[0], &x[0], n, uint32(d.Key), uint32(d.Key>>32), d.Threshold, d.Scale)
	}
}

// Dot writes the dot product of x and y over len(x) elements to out[0], summed in the path's lane order.
func (s *Set) Dot(out, x, y []float32) {
	if len(x) == 0 {
		out[0] = 0
		return
	}
	_ = y[:len(x)]
	s.dot(&out[0], &x[0], &y[0], len(x))
}

// Dot64 is the function Dot64 at the path's speed.
func (s *Set) Dot64(x, y []float32) float64 {
	if len(x) == 0 {
		return 0
	}
	_ = y[:len(x)]
	return s.dot64(&x[0], &y[0], len(x))
}

// Softmax sets dst = softmax(scale·x) for scale > 0; dst may be x.
func (s *Set) Softmax(dst, x []float32, scale float32) {
	if n := len(dst); n > 0 {
		_ = x[:n]
		s.softmax(&dst[0], &x[0], n, scale)
	}
}

// SoftmaxPart is one step of a softmax over a row that comes in parts (Milakov and Gimelshein, 2018). stats[0] is the largest
// x so far, stats[1] the sum of exp(scale·(x - stats[0])) so far; they start as -Inf and 0. It brings both up to date, sets
// dst = exp(scale·(x - stats[0])) and returns the factor of what earlier parts gave. dst may be x, scale > 0.
func (s *Set) SoftmaxPart(dst, x, stats []float32, scale float32) float32 {
	n := len(dst)
	if n == 0 {
		return 1
	}
	_, _ = x[:n], stats[:2]
	highest, sum := stats[0], stats[1]
	s.softmaxPart(&dst[0], &x[0], &stats[0], n, scale)
	factor := exp(float32((highest - stats[0]) * scale))
	stats[1] += float32(sum * factor)
	return factor
}

// SoftmaxGradient sets dst = scale·p·(dp - Σ p·dp), the gradient of Softmax with respect to x; dst may be dp.
func (s *Set) SoftmaxGradient(dst, dp, p []float32, scale float32) {
	if n := len(dst); n > 0 {
		_, _ = dp[:n], p[:n]
		s.softmaxGradient(&dst[0], &dp[0], &p[0], n, scale)
	}
}

// LayerNorm normalises one row (Ba, Kiros and Hinton, 2016) and writes its mean and inverse deviation to stats[0] and stats[1].
func (s *Set) LayerNorm(dst, x, gamma, beta, stats []float32, epsilon float32) {
	n := len(dst)
	_, _, _, _ = x[:n], gamma[:n], beta[:n], stats[:2]
	s.layerNorm(&dst[0], &x[0], &gamma[0], &beta[0], &stats[0], n, epsilon)
}

// LayerNormGradient sets dx to the gradient of LayerNorm with respect to x. dx must not overlap dy.
func (s *Set) LayerNormGradient(dx, dy, x, gamma, stats []float32) {
	n := len(dx)
	_, _, _, _ = dy[:n], x[:n], gamma[:n], stats[:2]
	s.layerNormGradient(&dx[0], &dy[0], &x[0], &gamma[0], &stats[0], n)
}

// LayerNormWeights adds one row's part to the gradients of gamma and beta, over len(dgamma) columns.
func (s *Set) LayerNormWeights(dgamma, dbeta, dy, x, stats []float32) {
	if n := len(dgamma); n > 0 {
		_, _, _, _ = dbeta[:n], dy[:n], x[:n], stats[:2]
		s.layerNormWeights(&dgamma[0], &dbeta[0], &dy[0], &x[0], &stats[0], n)
	}
}

// RMSNorm divides one row by its root mean square (Zhang and Sennrich, 2019): dst = x/sqrt(mean of x² + epsilon)·(gamma +
// offset). It writes the inverse root to stats[0].
func (s *Set) RMSNorm(dst, x, gamma, stats []float32, epsilon, offset float32) {
	n := len(dst)
	_, _, _ = x[:n], gamma[:n], stats[:1]
	s.rmsNorm(&dst[0], &x[0], &gamma[0], &stats[0], n, epsilon, offset)
}

// RMSNormGradient sets dx to the gradient of RMSNorm with respect to x. dx must not overlap dy.
func (s *Set) RMSNormGradient(dx, dy, x, gamma, stats []float32, offset float32) {
	n := len(dx)
	_, _, _, _ = dy[:n], x[:n], gamma[:n], stats[:1]
	s.rmsNormGradient(&dx[0], &dy[0], &x[0], &gamma[0], &stats[0], n, offset)
}

// RMSNormWeights adds one row's part to the gradient of gamma, over len(dgamma) columns.
func (s *Set) RMSNormWeights(dgamma, dy, x, stats []float32) {
	if n := len(dgamma); n > 0 {
		_, _, _ = dy[:n], x[:n], stats[:1]
		s.rmsNormWeights(&dgamma[0], &dy[0], &x[0], &stats[0], n)
	}
}

// Rotate turns the pairs (x[i], x[i+n]) of a head of 2n elements by the angles whose cosines and sines are given, n each:
// rotary position embedding (Su et al., 2021) with the halves that transformers' rotate_half pairs. dst may be x.
func (s *Set) Rotate(dst, x, cos, sin []float32) {
	if n := len(cos); n > 0 {
		_, _, _ = dst[:2*n], x[:2*n], sin[:n]
		s.rotate(&dst[0], &dst[n], &x[0], &x[n], &cos[0], &sin[0], n)
	}
}

// RotateBack turns by the angles' opposites: it undoes Rotate and is its gradient. dst may be x.
func (s *Set) RotateBack(dst, x, cos, sin []float32) {
	if n := len(cos); n > 0 {
		_, _, _ = dst[:2*n], x[:2*n], sin[:n]
		s.rotate(&dst[n], &dst[0], &x[n], &x[0], &cos[0], &sin[0], n) // the halves trade places: so does the sine's sign
	}
}

// AdamStep is the settings of one AdamW step (Loshchilov and Hutter, 2019; the arithmetic of torch.optim.AdamW).
type AdamStep struct {
	GradientScale float32 // the clipping factor
	Keep          float32 // 1 - learning rate · weight decay
	OneMinusBeta1 float32
	Beta2         float32
	OneMinusBeta2 float32
	Step          float32 // learning rate / (1 - β1^t)
	Correction    float32 // 1 / sqrt(1 - β2^t)
	Epsilon       float32
}

// AdamW takes one step over weights w with gradient g and moments m and v, in place.
func (s *Set) AdamW(w, g, m, v []float32, step *AdamStep) {
	if n := len(w); n > 0 {
		_, _, _ = g[:n], m[:n], v[:n]
		s.adamw(&w[0], &g[0], &m[0], &v[0], &step.GradientScale, n)
	}
}
