package kernel

import (
	"testing"
	"unsafe"
)

// BenchmarkKernels runs each kernel on a row that stays in the first-level cache, then on rows of operands that no cache holds, as
// they stand in an arena. It reports GFLOPS (the operations of the kernel's definition; exp counts as 19, comparing and hashing as
// none), GB/s of what is read and written, and in % how near that comes to the bound that BenchmarkPeak measures: operations in
// the cache, whichever takes longer in memory. Gemm and the products of bf16 have benchmarks of their own.
func BenchmarkKernels(b *testing.B) {
	rows := map[string][4][]float32{"cached": benchmarkOperands(benchmarkRow), "memory": benchmarkOperands(memoryFloats)}
	for _, path := range Available() {
		s, err := New(path)
		if err != nil {
			b.Fatal(err)
		}
		for _, k := range benchmarked(s) {
			for _, place := range []string{"cached", "memory"} {
				b.Run(string(path)+"/"+k.name+"/"+place, func(b *testing.B) {
					o, at := rows[place], 0
					for b.Loop() {
						to := at + benchmarkRow
						k.call(o[0][at:to:to], o[1][at:to:to], o[2][at:to:to], o[3][at:to:to])
						if at = to; at == len(o[0]) {
							at = 0
						}
					}
					achieved(b, path, benchmarkRow*k.flops, 4*benchmarkRow*k.floats, place == "memory")
				})
			}
		}
	}
}

const benchmarkRow = 1024

// benchmarkedKernel is a kernel on a row: the operations of an element, and the float32s that are read and written of it where they lie
// in rows of their own; what all rows share, as gamma, counts as none.
type benchmarkedKernel struct {
	name          string
	flops, floats float64
	call          func(out, x, y, z []float32)
}

// benchmarked is the kernels of a path that are not another's.
func benchmarked(s *Set) []benchmarkedKernel {
	const row = benchmarkRow
	if s.MultipliesBF16() {
		if s.Path == AMX {
			return nil // it packs as avx512bf16 does
		}
		const k = row / TileSide
		return []benchmarkedKernel{
			{"pack rows", 0, 1.5, func(out, x, y, z []float32) { s.PackRows(out, x, TileSide, k, k, true) }},
			{"pack columns", 0, 1.5, func(out, x, y, z []float32) { s.PackColumns(out, x, TileSide, k, TileSide, false) }},
			{"copy rows", 0, 1, func(out, x, y, z []float32) { s.CopyRows(out, shorts(x), TileSide, k, k, true) }},
			{"copy columns", 0, 1, func(out, x, y, z []float32) { s.CopyColumns(out, shorts(x), TileSide, k, TileSide, false) }},
		}
	}
	gamma, beta, one, two, stats := random(row, 1, "gamma"), random(row, 1, "beta"), make([]float32, 1), make([]float32, 2), []float32{0.1, 0.8}
	sums, more := make([]float32, row), make([]float32, row)
	return []benchmarkedKernel{
		{"softmax", 24, 2, func(out, x, y, z []float32) { s.Softmax(out, x, 0.7) }},
		{"softmax part", 22, 2, func(out, x, y, z []float32) { s.SoftmaxPart(out, x, two, 0.7) }},
		{"softmax gradient", 5, 3, func(out, x, y, z []float32) { s.SoftmaxGradient(out, x, y, 0.7) }},
		{"layer norm", 8, 2, func(out, x, y, z []float32) { s.LayerNorm(out, x, gamma, beta, two, 1e-6) }},
		{"layer norm gradient", 13, 3, func(out, x, y, z []float32) { s.LayerNormGradient(out, y, x, gamma, stats) }},
		{"layer norm weights", 5, 2, func(out, x, y, z []float32) { s.LayerNormWeights(sums, more, y, x, stats) }},
		{"rms norm", 5, 2, func(out, x, y, z []float32) { s.RMSNorm(out, x, gamma, one, 1e-6, 1) }},
		{"rms norm gradient", 11, 3, func(out, x, y, z []float32) { s.RMSNormGradient(out, y, x, gamma, stats, 1) }},
		{"rms norm weights", 3, 2, func(out, x, y, z []float32) { s.RMSNormWeights(sums, y, x, stats) }},
		{"rotate", 3, 2, func(out, x, y, z []float32) { s.Rotate(out, x, gamma[:row/2], beta) }},
		{"dropout", 1, 2, func(out, x, y, z []float32) { s.Dropout(out, x, Drop{Key: 7, Threshold: 1 << 22, Scale: 4. / 3}) }},
		{"adamw", 15, 7, func(out, x, y, z []float32) { s.AdamW(out, x, y, z, &settings) }},
		{"dot", 2, 2, func(out, x, y, z []float32) { s.Dot(one, x, y) }},
		{"dot64", 2, 2, func(out, x, y, z []float32) { s.Dot64(x, y) }},
		{"add", 1, 3, func(out, x, y, z []float32) { s.Add(out, x, y) }},
		{"add scaled", 2, 3, func(out, x, y, z []float32) { s.AddScaled(out, x, 0.3) }},
		{"mul add", 2, 4, func(out, x, y, z []float32) { s.MulAdd(out, x, y) }},
		{"scale", 1, 2, func(out, x, y, z []float32) { s.Scale(out, x, 0.3) }},
		{"add rows, as pooling does", 1, 1, func(out, x, y, z []float32) { s.AddRows(sums[:row/4], x, 4, row/4) }},
		{"widen bf16", 0, 1.5, func(out, x, y, z []float32) { s.Widen(out, shorts(x)) }},
		{"widen f16", 0, 1.5, func(out, x, y, z []float32) { s.WidenF16(out, shorts(x)) }},
		{"transpose, as packing does", 0, 2, func(out, x, y, z []float32) { s.Transpose(out, x, row/s.Lanes/s.Lanes, row/s.Lanes, s.Lanes) }},
	}
}

// shorts is a row's memory as its numbers of 16 bits, as many as the row has floats.
func shorts(x []float32) []uint16 { return unsafe.Slice((*uint16)(unsafe.Pointer(&x[0])), len(x)) }

// benchmarkOperands are four operands of n floats; the last has no negative number.
func benchmarkOperands(n int) (operands [4][]float32) {
	for i := range operands {
		row := random(benchmarkRow, 1, string(rune('a'+i)))
		if i == 3 {
			row = magnitudes(row)
		}
		operands[i] = make([]float32, n)
		for at := 0; at < n; at += len(row) {
			copy(operands[i][at:], row)
		}
	}
	return operands
}

// achieved adds what calls of so many operations and bytes achieve.
func achieved(b *testing.B, path Path, flops, bytes float64, memory bool) {
	each := b.Elapsed().Seconds() / float64(b.N)
	if flops > 0 {
		b.ReportMetric(flops/each/1e9, "GFLOPS")
	}
	b.ReportMetric(bytes/each/1e9, "GB/s")
	bound := 0.0
	if most := flopsAtMost()[path]; most > 0 {
		bound = flops / most
	}
	if memory {
		bound = max(bound, bytes/bytesAtMost())
	}
	if bound > 0 {
		b.ReportMetric(100*bound/each, "%-of-bound")
	}
}
