package draw

import (
	"math"
	"slices"
	"testing"
)

// The values were computed apart, in Python, from the definition: SHA-256 of the length-prefixed parts, then SplitMix64.
func TestKnownAnswers(t *testing.T) {
	for _, tc := range []struct {
		name         string
		seed         uint64
		purpose      Purpose
		round, epoch int
		key          string
		hash         uint64
		first        [3]uint64
	}{
		{"mining", 42, "mining", 0, 0, "q1", 0x936e98cdc237020b, [3]uint64{0x68e17de2b0f8a8ce, 0x89a967d298f0e204, 0x86a08dba8bd5ba4}},
		{"later epoch", 42, "negatives", 1, 3, "q1", 0x9441bb1a42995620, [3]uint64{0x2f922c0aa1c790ca, 0xac83dfef3c45579f, 0x1b50f32cc11504ae}},
		{"not ASCII, greatest seed", 18446744073709551615, "dropout", 2, -1, "żółw", 0x6a581e0b4c1550c9, [3]uint64{0x4258e46cf95fc346, 0x7ea77a4119c60810, 0xf5ab3f86eb1fe26d}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Hash(tc.seed, tc.purpose, tc.round, tc.epoch, tc.key); got != tc.hash {
				t.Errorf("hash: got %#x, want %#x", got, tc.hash)
			}
			s := New(tc.seed, tc.purpose, tc.round, tc.epoch, tc.key)
			for i, want := range tc.first {
				if got := s.Uint64(); got != want {
					t.Errorf("draw %d: got %#x, want %#x", i, got, want)
				}
			}
		})
	}
}

// Each part of the key must make another stream, also where parts joined would read the same.
func TestPartsOfTheKeyAreApart(t *testing.T) {
	hashes := map[string]uint64{
		"base":           Hash(1, "a", 2, 3, "b"),
		"seed":           Hash(2, "a", 2, 3, "b"),
		"purpose":        Hash(1, "c", 2, 3, "b"),
		"round":          Hash(1, "a", 3, 3, "b"),
		"epoch":          Hash(1, "a", 2, 4, "b"),
		"round, epoch":   Hash(1, "a", 3, 2, "b"),
		"key":            Hash(1, "a", 2, 3, "c"),
		"moved boundary": Hash(1, "ab", 2, 3, ""),
		"negative epoch": Hash(1, "a", 2, -3, "b"),
	}
	for left, a := range hashes {
		for right, b := range hashes {
			if left != right && a == b {
				t.Errorf("%s and %s share a stream", left, right)
			}
		}
	}
}

func TestFloat64IsInUnitInterval(t *testing.T) {
	s := New(7, Demo, 0, 0, "unit")
	sum := 0.0
	const n = 20000
	for range n {
		v := s.Float64()
		if v < 0 || v >= 1 {
			t.Fatalf("%v is outside [0, 1)", v)
		}
		sum += v
	}
	// The mean of n uniform numbers has deviation 1/sqrt(12 n); five of them are never reached by a sound generator.
	if mean := sum / n; math.Abs(mean-0.5) > 5/math.Sqrt(12*n) {
		t.Errorf("mean %v is too far from 0.5", mean)
	}
}

func TestIntNIsUniform(t *testing.T) {
	s := New(7, Demo, 0, 0, "uniform")
	const n, trials = 7, 70000
	var counts [n]int
	for range trials {
		counts[s.IntN(n)]++
	}
	chi := 0.0
	for _, c := range counts {
		d := float64(c) - trials/n
		chi += d * d / (trials / n)
	}
	// Chi-squared with 6 degrees of freedom exceeds 33 once in about 100,000 times; the key is fixed, so never here.
	if chi > 33 {
		t.Errorf("chi-squared %.1f: counts %v", chi, counts)
	}
}

func TestIntNRefusesNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("IntN(0) returned")
		}
	}()
	s := New(1, Demo, 0, 0, "")
	s.IntN(0)
}

func TestSample(t *testing.T) {
	for _, tc := range []struct {
		name    string
		n, k    int
		wantLen int
	}{
		{"some", 100, 15, 15},
		{"all", 15, 15, 15},
		{"more than there are", 4, 9, 4},
		{"none", 10, 0, 0},
		{"of nothing", 0, 3, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := New(42, Mining, 0, 0, tc.name)
			got := s.Sample(tc.n, tc.k)
			if len(got) != tc.wantLen {
				t.Fatalf("got %d positions, want %d", len(got), tc.wantLen)
			}
			sorted := slices.Sorted(slices.Values(got))
			if len(slices.Compact(slices.Clone(sorted))) != len(got) {
				t.Errorf("positions repeat: %v", got)
			}
			if len(got) > 0 && (sorted[0] < 0 || sorted[len(sorted)-1] >= tc.n) {
				t.Errorf("positions outside [0, %d): %v", tc.n, got)
			}
		})
	}
}

// Every ordered pair of three must come up about as often as any other.
func TestSampleIsUniform(t *testing.T) {
	const trials = 12000
	counts := map[[2]int]int{}
	s := New(42, Mining, 0, 0, "pairs")
	for range trials {
		p := s.Sample(3, 2)
		counts[[2]int{p[0], p[1]}]++
	}
	if len(counts) != 6 {
		t.Fatalf("%d ordered pairs of 3, want 6", len(counts))
	}
	for pair, c := range counts {
		if math.Abs(float64(c)-trials/6) > 5*math.Sqrt(trials/6) {
			t.Errorf("pair %v came up %d times of %d", pair, c, trials)
		}
	}
}

// A copy continues from the same place; draws from one never move the other.
func TestSourceIsAValue(t *testing.T) {
	a := New(1, Order, 0, 0, "value")
	a.Uint64()
	b := a
	if x, y := a.Uint64(), b.Uint64(); x != y {
		t.Errorf("a copy drew %#x, its original %#x", y, x)
	}
}

// TestPermuteBeginsAsSample: a draw that is taken one by one is the draw of so many at once.
func TestPermuteBeginsAsSample(t *testing.T) {
	for k := range 12 {
		a, b := New(1, "test", 0, 0, "key"), New(1, "test", 0, 0, "key")
		want, got := a.Sample(10, k), []int{}
		for i := range b.Permute(10) {
			if len(got) == k {
				break
			}
			got = append(got, i)
		}
		if !slices.Equal(want, got) {
			t.Errorf("%d of 10: %v at once, %v one by one", k, want, got)
		}
	}
}
