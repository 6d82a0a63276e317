package kernel

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"testing"
)

// TestPortableBitsAreTheSameOnEveryProcessor holds what the portable kernels compute to hashes made on amd64, where Go fuses
// nothing: a multiplication and an addition that a compiler may fuse, as it does for arm64, give other bits.
func TestPortableBitsAreTheSameOnEveryProcessor(t *testing.T) {
	s, err := New(Portable)
	if err != nil {
		t.Fatal(err)
	}
	const n = 384
	x, y, gamma, beta := random(n, 3, "x"), random(n, 2, "y"), random(n, 1, "gamma"), random(n, 1, "beta")
	stats := []float32{0.1, 0.8}
	cases := []struct {
		name string
		want uint64
		call func(out []float32)
	}{
		{"gemm", 0xfc1f76181dea70c7, func(out []float32) {
			s.Gemm(x, slices.Concat(y, gamma), out, n/portableMR, portableNR, true)
		}},
		{"add rows", 0x78cd5151afc1df70, func(out []float32) { s.AddRows(out, slices.Concat(x, y), 2, n) }},
		{"add scaled", 0x7e9381e1bbd05c98, func(out []float32) { s.AddScaled(out, x, 0.3) }},
		{"mul add", 0x38a225b968ab3ec9, func(out []float32) { s.MulAdd(out, x, y) }},
		{"gelu", 0xd291b336ae63f130, func(out []float32) { s.GELU.Apply(out, x) }},
		{"gelu gradient", 0xaac7ad2f0a0bb119, func(out []float32) { s.GELU.Gradient(out, y, x) }},
		{"gelu tanh", 0x35e99eb2088a9ede, func(out []float32) { s.GELUTanh.Apply(out, x) }},
		{"gelu tanh gradient", 0x4437e990fbf7d4d9, func(out []float32) { s.GELUTanh.Gradient(out, y, x) }},
		{"silu", 0xeb30dd178fc9b622, func(out []float32) { s.SiLU.Apply(out, x) }},
		{"silu gate", 0xcf6ca61d23e8a3d6, func(out []float32) { s.SiLU.Gate(out, x, y) }},
		{"silu gradient of gate", 0x97c26a2f4c46151a, func(out []float32) { s.SiLU.GateGradient(out, make([]float32, n), y, x, gamma) }},
		{"silu gradient of up", 0xcf6ca61d23e8a3d6, func(out []float32) { s.SiLU.GateGradient(make([]float32, n), out, y, x, gamma) }},
		{"tanh", 0x10ae2a63e58cf7eb, func(out []float32) { s.Tanh.Apply(out, x) }},
		{"tanh gradient", 0x52f0d764e03f91bf, func(out []float32) { s.Tanh.Gradient(out, y, x) }},
		{"dropout", 0x80592332e642e951, func(out []float32) {
			s.Dropout(out, x, Drop{Key: 0x123456789abcdef0, Threshold: 1 << 22, Scale: 4. / 3})
		}},
		{"dot", 0x8945a4c8bbc64f01, func(out []float32) { s.Dot(out, x, y) }},
		{"dot64", 0xfa71f348e2890da0, func(out []float32) { out[0] = float32(s.Dot64(x, y)) }},
		{"softmax", 0x73a40d73c8dbdaaa, func(out []float32) { s.Softmax(out, x, 0.7) }},
		{"softmax gradient", 0x56afe3d2cb43a4fe, func(out []float32) { s.SoftmaxGradient(out, x, y, 0.7) }},
		{"layer norm", 0x065d66eef4abda69, func(out []float32) { s.LayerNorm(out, x, gamma, beta, make([]float32, 2), 1e-12) }},
		{"layer norm gradient", 0xf6a56ba64116c430, func(out []float32) { s.LayerNormGradient(out, y, x, gamma, stats) }},
		{"layer norm gamma", 0xb44bb46a57f7a1c2, func(out []float32) { s.LayerNormWeights(out, make([]float32, n), y, x, stats) }},
		{"rms norm", 0x6a5cc330026fd12a, func(out []float32) { s.RMSNorm(out, x, gamma, make([]float32, 1), 1e-6, 1) }},
		{"rms norm gradient", 0x6c130673a8ca10a7, func(out []float32) { s.RMSNormGradient(out, y, x, gamma, stats, 1) }},
		{"rms norm gamma", 0x570f6cdfa5311d08, func(out []float32) { s.RMSNormWeights(out, y, x, stats) }},
		{"rotate", 0x1749e829bee5fe57, func(out []float32) { s.Rotate(out, x, y[:n/2], gamma) }},
		{"adamw weights", 0xb39fb89475cbda0e, func(out []float32) { s.AdamW(out, x, make([]float32, n), magnitudes(y), &settings) }},
		{"adamw first moment", 0x045ae0b93284d5c2, func(out []float32) { s.AdamW(make([]float32, n), x, out, magnitudes(y), &settings) }},
		{"adamw second moment", 0x9ee50ad5d11fd521, func(out []float32) { s.AdamW(make([]float32, n), x, make([]float32, n), out, &settings) }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			out := magnitudes(beta)
			tc.call(out)
			hash := fnv.New64a()
			if err := binary.Write(hash, binary.LittleEndian, out); err != nil {
				t.Fatal(err)
			}
			if got := hash.Sum64(); got != tc.want {
				t.Errorf("got %#016x, want %#016x", got, tc.want)
			}
		})
	}
}

var settings = AdamStep{GradientScale: 0.3, Keep: 0.999, OneMinusBeta1: 0.1, Beta2: 0.999, OneMinusBeta2: 0.001, Step: 0.01, Correction: 2, Epsilon: 1e-8}

func magnitudes(x []float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(math.Abs(float64(v)))
	}
	return out
}
