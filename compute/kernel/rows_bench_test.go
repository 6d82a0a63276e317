package kernel

import "testing"

// BenchmarkRows runs the kernels of a decoder's rows on a row that stays in the first-level cache.
func BenchmarkRows(b *testing.B) {
	const n = 1024
	x, y, up, out, other := random(n, 6, "x"), random(n, 3, "y"), random(n, 2, "up"), make([]float32, n), make([]float32, n)
	for _, path := range Available() {
		s, _ := New(path)
		if s.MultipliesBF16() {
			continue // rows are those of avx512
		}
		for _, k := range []struct {
			name string
			call func()
		}{
			{"gelu", func() { s.GELU.Apply(out, x) }},
			{"gelu tanh", func() { s.GELUTanh.Apply(out, x) }},
			{"silu", func() { s.SiLU.Apply(out, x) }},
			{"tanh", func() { s.Tanh.Apply(out, x) }},
			{"silu gate", func() { s.SiLU.Gate(out, x, up) }},
			{"silu gate gradient", func() { s.SiLU.GateGradient(out, other, y, x, up) }},
			{"rms norm", func() { s.RMSNorm(out, x, y, other, 1e-6, 0) }},
			{"rms norm gradient", func() { s.RMSNormGradient(out, y, x, up, other, 0) }},
			{"rotate, heads of 128", func() { rotateHeads(s, out, x, y[:64], up) }},
		} {
			b.Run(string(path)+"/"+k.name, func(b *testing.B) {
				for b.Loop() {
					k.call()
				}
				b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e9, "Gelements/s")
			})
		}
	}
}

func rotateHeads(s *Set, out, x, cos, sin []float32) {
	for at := 0; at < len(x); at += 2 * len(cos) {
		s.Rotate(out[at:], x[at:], cos, sin)
	}
}
