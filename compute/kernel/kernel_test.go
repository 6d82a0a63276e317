package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/draw"
)

// sizes are the lengths every kernel is tried on: none, one, around each vector width, primes, and a hidden size.
var sizes = []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 61, 127, 384}

const canary = 12345.5

// guarded is a slice of n values between two canaries that check tells the fate of.
type guarded struct {
	all    []float32
	values []float32
}

func guard(n, offset int) guarded {
	all := make([]float32, n+64+offset)
	for i := range all {
		all[i] = canary
	}
	return guarded{all, all[32+offset : 32+offset+n : 32+offset+n]}
}

func (g guarded) check(t *testing.T) {
	t.Helper()
	first := (len(g.all) - len(g.values) - 64) + 32
	for i, v := range g.all {
		if (i < first || i >= first+len(g.values)) && v != canary {
			t.Fatalf("wrote outside the output: element %d of [%d,%d)", i-first, 0, len(g.values))
		}
	}
}

func random(n int, scale float32, key string) []float32 {
	source := draw.New(7, "kernel test", 0, 0, key)
	x := make([]float32, n)
	for i := range x {
		x[i] = scale * float32(2*source.Float64()-1)
	}
	return x
}

// each runs a kernel on every available path, size and alignment and compares it with the portable path.
func each(t *testing.T, tolerance float64, call func(s *Set, n int, out []float32)) {
	reference, err := New(Portable)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range Available() {
		if path == Portable {
			continue
		}
		s, err := New(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range sizes {
			for _, offset := range []int{0, 1, 3} {
				t.Run(fmt.Sprintf("%s/n=%d/offset=%d", path, n, offset), func(t *testing.T) {
					want := make([]float32, n)
					call(reference, n, want)
					got := guard(n, offset)
					call(s, n, got.values)
					got.check(t)
					for i := range want {
						if d := math.Abs(float64(got.values[i] - want[i])); !(d <= tolerance*(1+math.Abs(float64(want[i])))) {
							t.Fatalf("element %d: got %v, want %v", i, got.values[i], want[i])
						}
					}
				})
			}
		}
	}
}

func TestElementwiseKernels(t *testing.T) {
	const n = 384
	x, y, z := random(n, 6, "x"), random(n, 3, "y"), random(n, 2, "z")
	rows := random(5*(n+3), 2, "rows")
	cases := []struct {
		name string
		call func(s *Set, n int, out []float32)
	}{
		{"add", func(s *Set, n int, out []float32) { s.Add(out, x, y) }},
		{"add scaled", func(s *Set, n int, out []float32) { copy(out, z); s.AddScaled(out, x, 0.3) }},
		{"add rows", func(s *Set, n int, out []float32) { copy(out, z); s.AddRows(out, rows, 5, n+3) }},
		{"add no rows", func(s *Set, n int, out []float32) { copy(out, z); s.AddRows(out, nil, 0, n) }},
		{"scale", func(s *Set, n int, out []float32) { s.Scale(out, x, -1.7) }},
		{"mul add", func(s *Set, n int, out []float32) { copy(out, z); s.MulAdd(out, x, y) }},
		{"softmax", func(s *Set, n int, out []float32) { s.Softmax(out, x, 0.7) }},
		{"softmax part", func(s *Set, n int, out []float32) { s.SoftmaxPart(out, x, []float32{-2, 3}, 0.7) }},
		{"softmax gradient", func(s *Set, n int, out []float32) {
			p := make([]float32, n)
			s.Softmax(p, x, 1)
			s.SoftmaxGradient(out, y, p, 0.5)
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { each(t, 2e-6, tc.call) })
	}
}

func TestDropoutIsTheSameOnEveryPath(t *testing.T) {
	x := random(384, 1, "x")
	each(t, 0, func(s *Set, n int, out []float32) {
		s.Dropout(out, x, Drop{Key: 0x123456789abcdef0, Threshold: 1 << 22, Scale: 4. / 3})
	})
}

// TestDropoutFromAnElement compares the mask of a part of a row with that part of the whole row's.
func TestDropoutFromAnElement(t *testing.T) {
	x := random(384, 1, "x")
	for _, path := range Available() {
		s, _ := New(path)
		for _, key := range []uint64{7, 0x123456789abcdef0, math.MaxUint64} {
			d := Drop{Key: key, Threshold: 1 << 22, Scale: 4. / 3}
			whole := make([]float32, len(x))
			s.Dropout(whole, x, d)
			for _, from := range []int{0, 1, 16, 17, 383} {
				part := guard(len(x)-from, 1)
				s.Dropout(part.values, x[from:], d.From(from))
				part.check(t)
				if !slices.Equal(part.values, whole[from:]) {
					t.Errorf("%s, key %x: the mask from element %d on is another", path, key, from)
				}
			}
		}
	}
}

// TestSoftmaxInParts cuts rows and compares with float64; the largest element comes first, in the middle and last.
func TestSoftmaxInParts(t *testing.T) {
	const scale = 0.7
	for _, path := range Available() {
		s, _ := New(path)
		for _, n := range sizes[1:] {
			for _, cut := range []int{1, 5, 16, 40, 500} {
				for _, largest := range []int{0, n / 2, n - 1} {
					x := random(n, 6, "x")
					x[largest] = 9
					got, stats := make([]float32, n), []float32{float32(math.Inf(-1)), 0}
					for from := 0; from < n; from += cut {
						to := min(n, from+cut)
						part := guard(to-from, 3)
						s.Scale(got[:from], got[:from], s.SoftmaxPart(part.values, x[from:to], stats, scale))
						part.check(t)
						copy(got[from:to], part.values)
					}
					var sum float64
					for _, v := range x {
						sum += math.Exp(scale * float64(v-9))
					}
					if stats[0] != 9 || math.Abs(float64(stats[1])/sum-1) > 2e-6 {
						t.Fatalf("%s: %d elements by %d: largest %v and sum %v, want 9 and %v", path, n, cut, stats[0], stats[1], sum)
					}
					for i, v := range got {
						if want := math.Exp(scale * float64(x[i]-9)); math.Abs(float64(v)-want) > 2e-6*want {
							t.Fatalf("%s: %d elements by %d: element %d is %v, want %v", path, n, cut, i, v, want)
						}
					}
				}
			}
		}
	}
}

// TestDot64IsTheSameOnEveryPath compares bits, with sums that cancel: any other order gives others.
func TestDot64IsTheSameOnEveryPath(t *testing.T) {
	reference, err := New(Portable)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range Available() {
		s, err := New(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range append(sizes, 100, 770) {
			x, y := random(n, 1, "x"), random(n, 1, "y")
			for i := range x {
				x[i] *= float32(math.Pow(2, float64(i*7%60)))
			}
			if got, want := s.Dot64(x, y), reference.Dot64(x, y); got != want {
				t.Errorf("%s, %d elements: %v, want %v", path, n, got, want)
			}
		}
	}
}

func TestDropoutKeepsTheStatedShare(t *testing.T) {
	const n, rows, rate = 512, 400, 0.1
	for _, path := range Available() {
		t.Run(string(path), func(t *testing.T) {
			s, _ := New(path)
			ones, out := make([]float32, n), make([]float32, n)
			for i := range ones {
				ones[i] = 1
			}
			dropped := 0
			byColumn := make([]int, n)
			for row := range rows {
				s.Dropout(out, ones, Drop{Key: draw.Mix(uint64(row)), Threshold: uint32(math.Round(rate * (1 << 24))), Scale: 1})
				for i, v := range out {
					if v == 0 {
						dropped++
						byColumn[i]++
					}
				}
			}
			// Five standard deviations of a binomial share.
			if share := float64(dropped) / (n * rows); math.Abs(share-rate) > 5*math.Sqrt(rate*(1-rate)/(n*rows)) {
				t.Errorf("dropped a share of %.4f, want %.2f", share, rate)
			}
			for i, c := range byColumn {
				if share := float64(c) / rows; math.Abs(share-rate) > 6*math.Sqrt(rate*(1-rate)/rows) {
					t.Errorf("column %d dropped a share of %.3f, want %.2f", i, share, rate)
				}
			}
		})
	}
}

func TestLayerNormKernels(t *testing.T) {
	const n = 384
	x, y, gamma, beta := random(n, 3, "x"), random(n, 2, "y"), random(n, 1, "gamma"), random(n, 1, "beta")
	cases := []struct {
		name string
		call func(s *Set, n int, out []float32)
	}{
		{"forward", func(s *Set, n int, out []float32) {
			if n > 0 {
				s.LayerNorm(out, x, gamma, beta, make([]float32, 2), 1e-12+1e-3)
			}
		}},
		{"gradient", func(s *Set, n int, out []float32) {
			if n > 0 {
				s.LayerNormGradient(out, y, x, gamma, []float32{0.1, 0.8})
			}
		}},
		{"gamma", func(s *Set, n int, out []float32) {
			copy(out, beta)
			s.LayerNormWeights(out, make([]float32, n), y, x, []float32{0.1, 0.8})
		}},
		{"beta", func(s *Set, n int, out []float32) {
			copy(out, beta)
			s.LayerNormWeights(make([]float32, n), out, y, x, []float32{0.1, 0.8})
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { each(t, 2e-5, tc.call) })
	}
}

func TestRMSNormKernels(t *testing.T) {
	const n = 384
	x, y, gamma := random(n, 3, "x"), random(n, 2, "y"), random(n, 1, "gamma")
	for _, offset := range []float32{0, 1} {
		cases := []struct {
			name string
			call func(s *Set, n int, out []float32)
		}{
			{"forward", func(s *Set, n int, out []float32) {
				if n > 0 {
					s.RMSNorm(out, x, gamma, make([]float32, 1), 1e-3, offset)
				}
			}},
			{"inverse root", func(s *Set, n int, out []float32) {
				if clear(out); n > 0 {
					s.RMSNorm(make([]float32, n), x, gamma, out, 1e-3, offset)
				}
			}},
			{"gradient", func(s *Set, n int, out []float32) {
				if n > 0 {
					s.RMSNormGradient(out, y, x, gamma, []float32{0.8}, offset)
				}
			}},
			{"gamma", func(s *Set, n int, out []float32) {
				copy(out, gamma)
				s.RMSNormWeights(out, y, x, []float32{0.8})
			}},
		}
		for _, tc := range cases {
			t.Run(fmt.Sprintf("%s/offset=%v", tc.name, offset), func(t *testing.T) { each(t, 2e-5, tc.call) })
		}
	}
}

func TestRotateKernels(t *testing.T) {
	const n = 384
	x, cos, sin := random(2*n, 3, "x"), random(n, 1, "cos"), random(n, 1, "sin")
	cases := []struct {
		name string
		call func(s *Set, n int, out []float32)
	}{
		{"rotate", func(s *Set, n int, out []float32) { copy(out, x); s.Rotate(out, x, cos[:n/2], sin) }},
		{"in place", func(s *Set, n int, out []float32) { copy(out, x); s.Rotate(out, out, cos[:n/2], sin) }},
		{"back", func(s *Set, n int, out []float32) { copy(out, x); s.RotateBack(out, x, cos[:n/2], sin) }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { each(t, 1e-6, tc.call) })
	}
}

// TestRotateTurnsByTheAngle turns (1, 0) by 30 degrees and back, by hand: to (√3/2, 1/2).
func TestRotateTurnsByTheAngle(t *testing.T) {
	const root = 0.8660254
	for _, path := range Available() {
		s, _ := New(path)
		x := []float32{1, 0}
		s.Rotate(x, x, []float32{root}, []float32{0.5})
		if x[0] != root || x[1] != 0.5 {
			t.Errorf("%s: got %v, want (√3/2, 1/2)", path, x)
		}
		s.RotateBack(x, x, []float32{root}, []float32{0.5})
		if math.Abs(float64(x[0]-1)) > 1e-7 || math.Abs(float64(x[1])) > 1e-7 {
			t.Errorf("%s: back to %v, want (1, 0)", path, x)
		}
	}
}

func TestAdamWKernel(t *testing.T) {
	const n = 384
	for which, name := range []string{"weights", "first moment", "second moment"} {
		t.Run(name, func(t *testing.T) {
			each(t, 1e-6, func(s *Set, n int, out []float32) {
				state := [3][]float32{random(n, 1, "w"), random(n, 1, "m"), random(n, 1, "v")}
				for i, v := range state[2] {
					state[2][i] = v * v
				}
				copy(out, state[which])
				state[which] = out
				step := AdamStep{GradientScale: 0.5, Keep: 0.999, OneMinusBeta1: 0.1, Beta2: 0.999, OneMinusBeta2: 0.001, Step: 0.01, Correction: 2, Epsilon: 1e-8}
				s.AdamW(state[0], random(n, 2, "g"), state[1], state[2], &step)
			})
		})
	}
	_ = n
}

func TestDotSumsInFloat32(t *testing.T) {
	x, y := random(384, 1, "x"), random(384, 1, "y")
	for _, path := range Available() {
		s, _ := New(path)
		for _, n := range sizes {
			var want float64
			for i := range n {
				want += float64(x[i]) * float64(y[i])
			}
			got := make([]float32, 1)
			s.Dot(got, x[:n], y[:n])
			if math.Abs(float64(got[0])-want) > 1e-5 {
				t.Errorf("%s: n=%d: got %v, want %v", path, n, got[0], want)
			}
		}
	}
}

// TestGemmTile compares a tile with float64 sums; the bound is k half units in the last place of the sum of magnitudes.
func TestGemmTile(t *testing.T) {
	for _, path := range Available() {
		s, _ := New(path)
		for _, k := range []int{0, 1, 2, 5, 64, 385} {
			for _, accumulate := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/k=%d/accumulate=%v", path, k, accumulate), func(t *testing.T) {
					a, b := random(k*s.MR, 1, "a"), random(k*s.NR, 1, "b")
					ldc := s.NR + 3
					c := guard((s.MR-1)*ldc+s.NR, 1)
					before := random(len(c.values), 1, "c")
					copy(c.values, before)
					s.Gemm(a, b, c.values, k, ldc, accumulate)
					c.check(t)
					for i := range s.MR {
						for j := range ldc {
							at := i*ldc + j
							if at >= len(before) {
								continue
							}
							want, magnitude := 0.0, 0.0
							if j >= s.NR || accumulate {
								want = float64(before[at])
							}
							if j < s.NR {
								for p := range k {
									product := float64(a[p*s.MR+i]) * float64(b[p*s.NR+j])
									want += product
									magnitude += math.Abs(product)
								}
							}
							if d := math.Abs(float64(c.values[at]) - want); d > float64(k+1)*(magnitude+1)*6e-8 {
								t.Fatalf("c[%d,%d]: got %v, want %v", i, j, c.values[at], want)
							}
						}
					}
				})
			}
		}
	}
}

func TestTranspose(t *testing.T) {
	for _, path := range Available() {
		s, _ := New(path)
		for _, blocks := range []int{0, 1, 3} {
			for _, surplus := range []int{0, s.Lanes / 4} {
				t.Run(fmt.Sprintf("%s/blocks=%d/surplus=%d", path, blocks, surplus), func(t *testing.T) {
					columns, stride := blocks*s.Lanes, blocks*s.Lanes+5
					rows := s.Lanes - surplus
					src := random(s.Lanes*stride, 1, "src")
					dst := guard(max(0, columns-1)*rows+s.Lanes, 1)
					s.Transpose(dst.values, src, blocks, stride, rows)
					dst.check(t)
					for j := range columns {
						for i := range rows {
							if got, want := dst.values[j*rows+i], src[i*stride+j]; got != want {
								t.Fatalf("dst[%d,%d]: got %v, want %v", j, i, got, want)
							}
						}
					}
				})
			}
		}
	}
}

// TestFunctionsAgainstFloat64 states the error of exp and erf: 1.5e-7 relative for exp, 4e-7 absolute for erf (the roundings of two sums and a quotient).
func TestFunctionsAgainstFloat64(t *testing.T) {
	for x := -86.9; x < 87; x += 0.0137 {
		if got, want := float64(exp(float32(x))), math.Exp(float64(float32(x))); math.Abs(got/want-1) > 1.5e-7 {
			t.Fatalf("exp(%v): got %v, want %v", x, got, want)
		}
	}
	for x := -6.0; x < 6; x += 0.00137 {
		if got, want := float64(erf(float32(x))), math.Erf(float64(float32(x))); math.Abs(got-want) > 4e-7 {
			t.Fatalf("erf(%v): got %v, want %v", x, got, want)
		}
	}
}

func TestNaNIsNotSwallowed(t *testing.T) {
	nan := float32(math.NaN())
	for _, path := range Available() {
		s, _ := New(path)
		for at := range 19 {
			x := random(19, 1, "x")
			x[at] = nan
			out := make([]float32, 19)
			s.Softmax(out, x, 1)
			if out[at] == out[at] {
				t.Errorf("%s: softmax hides a NaN at %d", path, at)
			}
			for name, f := range activationsOf(s) {
				f.Apply(out, x)
				if out[at] == out[at] {
					t.Errorf("%s: %s hides a NaN at %d", path, name, at)
				}
			}
		}
	}
}

func TestUnavailablePathIsAnError(t *testing.T) {
	if _, err := New("vax"); err == nil {
		t.Error("want an error for an unknown path")
	}
}

func BenchmarkGemmTile(b *testing.B) {
	for _, path := range Available() {
		s, _ := New(path)
		b.Run(string(path), func(b *testing.B) {
			const k = 384
			x, y, c := random(k*s.MR, 1, "a"), random(k*s.NR, 1, "b"), make([]float32, s.MR*s.NR)
			for b.Loop() {
				s.Gemm(x, y, c, k, s.NR, false)
			}
			b.ReportMetric(2*float64(k*s.MR*s.NR)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}
