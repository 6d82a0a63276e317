package kernel

import (
	"fmt"
	"math"
	"testing"
)

// bf16Paths are the paths of this machine that multiply bf16.
func bf16Paths(t *testing.T) []*Set {
	var sets []*Set
	for _, path := range Available() {
		s, err := New(path)
		if err != nil {
			t.Fatal(err)
		}
		if s.MultipliesBF16() {
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		t.Skip("a path with bf16 is not available on this processor")
	}
	return sets
}

// rounded is x as bf16, to nearest even.
func rounded(x float32) float32 {
	u := math.Float32bits(x)
	u += 0x7fff + u>>16&1
	return math.Float32frombits(u &^ 0xffff)
}

// halves are the two bf16 of a word, the lower first.
func halves(word float32) (low, high float32) {
	u := math.Float32bits(word)
	return math.Float32frombits(u << 16), math.Float32frombits(u &^ 0xffff)
}

func TestPackedPanelsHoldRoundedValuesAndZeros(t *testing.T) {
	for _, s := range bf16Paths(t) {
		for _, lines := range []int{0, 1, 3, 15, 16} {
			for _, k := range []int{1, 2, 15, 16, 17, 31, 32, 33, 64, 97, 300} {
				const extra = 5
				rows, columns := random(16*(k+extra), 3, "rows"), random(k*(16+extra), 3, "columns")
				cases := []struct {
					name    string
					pack    func(dst []float32)
					element func(line, i int) float32
					right   bool // word [pair][line] instead of [line][pair]
				}{
					{"rows", func(dst []float32) { s.PackRows(dst, rows, lines, k, k+extra, false) }, func(line, i int) float32 { return rows[line*(k+extra)+i] }, false},
					{"rows transposed", func(dst []float32) { s.PackRows(dst, rows, lines, k, k+extra, true) }, func(line, i int) float32 { return rows[line*(k+extra)+i] }, true},
					{"columns", func(dst []float32) { s.PackColumns(dst, columns, lines, k, 16+extra, false) }, func(line, i int) float32 { return columns[i*(16+extra)+line] }, true},
					{"columns transposed", func(dst []float32) { s.PackColumns(dst, columns, lines, k, 16+extra, true) }, func(line, i int) float32 { return columns[i*(16+extra)+line] }, false},
				}
				for _, tc := range cases {
					t.Run(fmt.Sprintf("%s/%s/lines=%d/k=%d", s.Path, tc.name, lines, k), func(t *testing.T) {
						got := guard(PanelWords(k), 0)
						tc.pack(got.values)
						got.check(t)
						for at, word := range got.values {
							tile, place := at/TileWords, at%TileWords
							line, pair := place/TileSide, place%TileSide
							if tc.right {
								line, pair = pair, line
							}
							low, high := halves(word)
							for half, v := range []float32{low, high} {
								i := tile*TileDepth + 2*pair + half
								want := float32(0)
								if line < lines && i < k {
									want = rounded(tc.element(line, i))
								}
								if v != want {
									t.Fatalf("line %d, element %d: got %v, want %v", line, i, v, want)
								}
							}
						}
					})
				}
			}
		}
	}
}

// TestProductsOfBF16 compares with sums in float64 of the rounded operands. The bound is that of summing k products in
// float32 in any order: (k+1)·2^-24 of the sum of magnitudes, and the denormals that the instructions flush.
func TestProductsOfBF16(t *testing.T) {
	for _, s := range bf16Paths(t) {
		for _, rowTiles := range []int{1, 2, 3, 4} {
			for _, strips := range []int{1, 2, 3} {
				for _, k := range []int{0, 1, 31, 32, 33, 64, 100, 384} {
					for _, accumulate := range []bool{false, true} {
						t.Run(fmt.Sprintf("%s/rows=%d/columns=%d/k=%d/accumulate=%v", s.Path, 16*rowTiles, 32*strips, k, accumulate), func(t *testing.T) {
							checkProduct(t, s, rowTiles, strips, k, accumulate)
						})
					}
				}
			}
		}
	}
}

func checkProduct(t *testing.T, s *Set, rowTiles, strips, k int, accumulate bool) {
	m, n := TileSide*rowTiles, Strip*strips
	ldc := n + 3
	x, y := random(m*k, 2, "x"), random(n*k, 2, "y")
	a, b := make([]float32, rowTiles*PanelWords(k)), make([]float32, 2*strips*PanelWords(k))
	for i := range rowTiles {
		if k > 0 {
			s.PackRows(a[i*PanelWords(k):], x[i*TileSide*k:], TileSide, k, k, false)
		}
	}
	for j := range 2 * strips {
		if k > 0 {
			s.PackRows(b[j*PanelWords(k):], y[j*TileSide*k:], TileSide, k, k, true)
		}
	}
	before := random(m*ldc, 1, "c")
	got := guard((m-1)*ldc+n, 0)
	copy(got.values, before)
	s.Product(a, b, got.values, k, rowTiles, strips, ldc, accumulate)
	got.check(t)
	for i := range m {
		for j := range ldc {
			at := i*ldc + j
			if j >= n {
				if at < len(got.values) && got.values[at] != before[at] {
					t.Fatalf("wrote between rows: element [%d, %d]", i, j)
				}
				continue
			}
			var want, magnitude float64
			if accumulate {
				want = float64(before[at])
				magnitude = math.Abs(want)
			}
			for p := range k {
				v := float64(rounded(x[i*k+p])) * float64(rounded(y[j*k+p]))
				want += v
				magnitude += math.Abs(v)
			}
			if d := math.Abs(float64(got.values[at]) - want); !(d <= float64(k+1)*magnitude/(1<<24)+float64(k+1)*0x1p-126) {
				t.Fatalf("element [%d, %d]: got %v, want %v", i, j, got.values[at], want)
			}
		}
	}
}

// TestProductsOfBF16DoNotDependOnTheirNeighbours: a row's sums are the same bits whatever stands above and beside it.
func TestProductsOfBF16DoNotDependOnTheirNeighbours(t *testing.T) {
	const k, rowTiles, strips = 200, 5, 3
	for _, s := range bf16Paths(t) {
		t.Run(string(s.Path), func(t *testing.T) {
			words := PanelWords(k)
			a, b := make([]float32, rowTiles*words), make([]float32, 2*strips*words)
			for i := range rowTiles {
				s.PackRows(a[i*words:], random(TileSide*k, 2, fmt.Sprint("a", i)), TileSide, k, k, false)
			}
			for j := range 2 * strips {
				s.PackRows(b[j*words:], random(TileSide*k, 2, fmt.Sprint("b", j)), TileSide, k, k, true)
			}
			const ldc = Strip * strips
			whole := make([]float32, rowTiles*TileSide*ldc)
			s.Product(a, b, whole, k, rowTiles, strips, ldc, false)
			for i := range rowTiles {
				for j := range strips {
					alone := make([]float32, TileSide*Strip)
					s.Product(a[i*words:], b[2*j*words:], alone, k, 1, 1, Strip, false)
					for r := range TileSide {
						for c := range Strip {
							if got, want := alone[r*Strip+c], whole[(i*TileSide+r)*ldc+j*Strip+c]; got != want {
								t.Fatalf("tile %d, strip %d, element [%d, %d]: %v alone, %v in company", i, j, r, c, got, want)
							}
						}
					}
				}
			}
		})
	}
}

func BenchmarkProductBF16(b *testing.B) {
	for _, path := range Available() {
		s, _ := New(path)
		if !s.MultipliesBF16() {
			continue
		}
		for _, shape := range []struct{ k, rowTiles, strips int }{{384, 8, 12}, {384, 8, 48}, {1536, 8, 12}, {32, 4, 2}} {
			b.Run(fmt.Sprintf("%s/m=%d/n=%d/k=%d", path, 16*shape.rowTiles, 32*shape.strips, shape.k), func(b *testing.B) {
				words := PanelWords(shape.k)
				x, y, c := make([]float32, shape.rowTiles*words), make([]float32, 2*shape.strips*words), make([]float32, 16*shape.rowTiles*32*shape.strips)
				for b.Loop() {
					s.Product(x, y, c, shape.k, shape.rowTiles, shape.strips, 32*shape.strips, false)
				}
				flops := 2 * float64(16*shape.rowTiles) * float64(32*shape.strips) * float64(shape.k)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
	}
}
