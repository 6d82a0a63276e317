package kernel

import (
	"sync"
	"testing"
	"time"
)

// BenchmarkPeak measures what bounds every kernel on one core: the multiply-adds of each path on registers, in GFLOPS (those of bf16
// where the path has them), and the copying of memory that no cache holds, in GB/s of bytes read and written.
func BenchmarkPeak(b *testing.B) {
	for _, path := range Available() {
		peak, ok := peaks[path]
		if !ok {
			continue
		}
		b.Run(string(path), func(b *testing.B) {
			const rounds = 10_000
			for b.Loop() {
				peak.run(rounds)
			}
			b.ReportMetric(rounds*peak.perRound*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
	b.Run("copy", func(b *testing.B) {
		dst, src := make([]float32, memoryFloats), make([]float32, memoryFloats)
		for b.Loop() {
			copy(dst, src)
		}
		b.ReportMetric(8*memoryFloats*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
	})
}

// memoryFloats is the elements of an operand that no cache holds.
const memoryFloats = 16 << 20

// fastest is the operations, or bytes, a second of the best of some calls, which do so many each.
func fastest(each float64, call func()) float64 {
	best := time.Duration(1 << 62)
	for range 10 {
		start := time.Now()
		call()
		best = min(best, time.Since(start))
	}
	return each / best.Seconds()
}

// flopsAtMost is a path's multiply-adds of float32 a second, 0 where they cannot be told; bytesAtMost is the memory's. Both are
// measured once.
var (
	flopsAtMost = sync.OnceValue(func() map[Path]float64 {
		most := map[Path]float64{}
		for _, path := range Available() {
			of := path
			if path == AMX || path == AVX512BF16 {
				of = AVX512 // all but products
			}
			if peak, ok := peaks[of]; ok {
				const rounds = 50_000
				most[path] = fastest(rounds*peak.perRound, func() { peak.run(rounds) })
			}
		}
		return most
	})
	bytesAtMost = sync.OnceValue(func() float64 {
		dst, src := make([]float32, memoryFloats), make([]float32, memoryFloats)
		return fastest(8*memoryFloats, func() { copy(dst, src) })
	})
)
