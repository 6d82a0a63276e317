package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/draw"
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

// TestCopiedPanelsAreThoseOfWidenedValues packs bf16 of every kind, denormals apart, as it is and by way of float32, and
// looks that nothing beside is touched.
func TestCopiedPanelsAreThoseOfWidenedValues(t *testing.T) {
	for _, s := range bf16Paths(t) {
		for _, lines := range []int{0, 1, 3, 15, 16} {
			for _, k := range []int{0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 97, 300} {
				const extra = 5
				rows, columns := bits16(16*(k+extra)), bits16(k*(16+extra))
				for _, transposed := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/lines=%d/k=%d/transposed=%t", s.Path, lines, k, transposed), func(t *testing.T) {
						for _, tc := range []struct {
							name string
							copy func(dst []float32)
							pack func(dst []float32)
						}{
							{"rows", func(dst []float32) {
								s.CopyRows(dst, rows[:max(0, (lines-1)*(k+extra)+k)], lines, k, k+extra, transposed)
							},
								func(dst []float32) { s.PackRows(dst, widened(rows), lines, k, k+extra, transposed) }},
							{"columns", func(dst []float32) {
								s.CopyColumns(dst, columns[:max(0, (k-1)*(16+extra)+lines)], lines, k, 16+extra, transposed)
							},
								func(dst []float32) { s.PackColumns(dst, widened(columns), lines, k, 16+extra, transposed) }},
						} {
							got, want := guard(PanelWords(k), 0), make([]float32, PanelWords(k))
							tc.copy(got.values)
							got.check(t)
							tc.pack(want)
							for i, w := range want {
								if g := got.values[i]; math.Float32bits(g) != math.Float32bits(w) {
									t.Fatalf("%s: word %d is %#08x, want %#08x", tc.name, i, math.Float32bits(g), math.Float32bits(w))
								}
							}
						}
					})
				}
			}
		}
	}
}

// bits16 is random bf16 of any sign and exponent, none of them a denormal, an infinity or a NaN.
func bits16(n int) []uint16 {
	source := draw.New(7, "kernel test", n, 0, "bits")
	all := make([]uint16, n)
	for i := range all {
		all[i] = uint16(source.IntN(2)<<15 | (1+source.IntN(254))<<7 | source.IntN(128))
		if source.IntN(20) == 0 {
			all[i] &= 1 << 15 // a zero
		}
	}
	return all
}

func widened(bits []uint16) []float32 {
	values := make([]float32, len(bits))
	for i, b := range bits {
		values[i] = math.Float32frombits(uint32(b) << 16)
	}
	return values
}

// TestProductsTakeDenormalsForZeros: so it does not show whether packing has flushed them, or copied. The other operand is
// such that what they are worth would be seen.
func TestProductsTakeDenormalsForZeros(t *testing.T) {
	for _, s := range bf16Paths(t) {
		const k = 40
		x, denormals := make([]float32, k), make([]uint16, k)
		for i := range x {
			x[i], denormals[i] = 0x1p127, uint16(i%2)<<15|uint16(1+i)
		}
		panel, right := make([]float32, PanelWords(k)), make([]float32, 2*PanelWords(k))
		s.PackRows(panel, x, 1, k, k, false)
		s.CopyRows(right, denormals, 1, k, k, true)
		c := []float32{1}
		s.Multiply(&Product{A: panel, B: right, C: c, K: k, Rows: 1, Columns: 1, StrideC: 1, Scratch: make([]float32, ScratchWords(1))})
		if c[0] != 0 {
			t.Errorf("%s: products of denormals give %v", s.Path, c[0])
		}
	}
}

// TestProductsOfBF16 compares with sums in float64 of the rounded operands. The bound is that of summing k products in
// float32 in any order: (k+2)·2^-24 of the sum of magnitudes, and the denormals that the instructions flush.
func TestProductsOfBF16(t *testing.T) {
	extras := []struct {
		name                 string
		bias, addend, itself bool
	}{{"plain", false, false, false}, {"bias", true, false, false}, {"addend", false, true, false}, {"bias and c itself", true, true, true}}
	for _, s := range bf16Paths(t) {
		for _, rows := range []int{1, 15, 16, 17, 33, 64, 77} {
			for _, columns := range []int{1, 16, 31, 32, 33, 97} {
				for _, k := range []int{0, 1, 31, 33, 384, 400, 900} {
					for _, x := range extras {
						t.Run(fmt.Sprintf("%s/%dx%d/k=%d/%s", s.Path, rows, columns, k, x.name), func(t *testing.T) {
							checkProduct(t, s, rows, columns, k, x.bias, x.addend, x.itself)
						})
					}
				}
			}
		}
	}
}

// packedProduct packs random operands of a product; x is [rows, k] and y [columns, k].
func packedProduct(s *Set, rows, columns, k int) (p *Product, x, y []float32) {
	x, y = random(rows*k, 2, "x"), random(columns*k, 2, "y")
	words := PanelWords(k)
	pack := func(lines int, src []float32, panels int, right bool) []float32 {
		dst := make([]float32, panels*words)
		for i := range panels {
			if first := i * TileSide; k > 0 && first < lines {
				s.PackRows(dst[i*words:], src[first*k:], min(TileSide, lines-first), k, k, right)
			}
		}
		return dst
	}
	a := pack(rows, x, (rows+TileSide-1)/TileSide, false)
	b := pack(columns, y, (columns+Strip-1)/Strip*2, true)
	return &Product{A: a, B: b, K: k, Rows: rows, Columns: columns}, x, y
}

func checkProduct(t *testing.T, s *Set, rows, columns, k int, bias, addend, itself bool) {
	p, x, y := packedProduct(s, rows, columns, k)
	p.StrideC, p.StrideAddend = columns+3, columns+5
	c, scratch := guard((rows-1)*p.StrideC+columns, 0), guard(ScratchWords(rows), 0)
	before := random(len(c.values), 1, "c")
	copy(c.values, before)
	p.C, p.Scratch = c.values, scratch.values
	if bias {
		p.Bias = random(columns, 1, "bias")
	}
	if addend {
		p.Addend = random(rows*p.StrideAddend, 1, "addend")
	}
	if itself {
		p.Addend, p.StrideAddend = p.C, p.StrideC
	}
	at := func(values []float32, i int) float64 {
		if values == nil {
			return 0
		}
		return float64(values[i])
	}
	sums := make([]float64, len(before))
	magnitudes := make([]float64, len(before))
	for i := range rows {
		for j := range columns {
			want := at(p.Bias, j) + at(p.Addend, i*p.StrideAddend+j)
			magnitude := math.Abs(at(p.Bias, j)) + math.Abs(at(p.Addend, i*p.StrideAddend+j))
			for q := range k {
				v := float64(rounded(x[i*k+q])) * float64(rounded(y[j*k+q]))
				want += v
				magnitude += math.Abs(v)
			}
			sums[i*p.StrideC+j], magnitudes[i*p.StrideC+j] = want, magnitude
		}
	}
	s.Multiply(p)
	c.check(t)
	scratch.check(t)
	for i, got := range c.values {
		if i%p.StrideC >= columns {
			if got != before[i] {
				t.Fatalf("wrote between rows: element [%d, %d]", i/p.StrideC, i%p.StrideC)
			}
			continue
		}
		if d := math.Abs(float64(got) - sums[i]); !(d <= float64(k+2)*magnitudes[i]/(1<<24)+float64(k+1)*0x1p-126) {
			t.Fatalf("element [%d, %d]: got %v, want %v", i/p.StrideC, i%p.StrideC, got, sums[i])
		}
	}
}

// TestProductsOfBF16DoNotDependOnTheirNeighbours: an element's sum is the same bits whatever stands above and beside it.
func TestProductsOfBF16DoNotDependOnTheirNeighbours(t *testing.T) {
	for _, s := range bf16Paths(t) {
		for _, k := range []int{200, 700} {
			t.Run(fmt.Sprintf("%s/k=%d", s.Path, k), func(t *testing.T) {
				const rows, columns = 83, 100
				whole, _, _ := packedProduct(s, rows, columns, k)
				whole.C, whole.StrideC, whole.Scratch = make([]float32, rows*columns), columns, make([]float32, ScratchWords(rows))
				s.Multiply(whole)
				words := PanelWords(k)
				for i := 0; i < rows; i += TileSide {
					for j := 0; j < columns; j += Strip {
						alone := Product{A: whole.A[i/TileSide*words:], B: whole.B[j/TileSide*words:], C: make([]float32, TileSide*Strip), StrideC: Strip, Scratch: whole.Scratch, K: k, Rows: min(TileSide, rows-i), Columns: min(Strip, columns-j)}
						s.Multiply(&alone)
						for r := range alone.Rows {
							for c := range alone.Columns {
								if got, want := alone.C[r*Strip+c], whole.C[(i+r)*columns+j+c]; got != want {
									t.Fatalf("element [%d, %d]: %v alone, %v in company", i+r, j+c, got, want)
								}
							}
						}
					}
				}
			})
		}
	}
}

func BenchmarkProductBF16(b *testing.B) {
	for _, path := range Available() {
		s, _ := New(path)
		if !s.MultipliesBF16() {
			continue
		}
		for _, shape := range []struct{ rows, columns, k int }{{128, 384, 384}, {256, 1536, 384}, {128, 384, 1536}, {96, 384, 2048}, {64, 64, 32}} {
			b.Run(fmt.Sprintf("%s/m=%d/n=%d/k=%d", path, shape.rows, shape.columns, shape.k), func(b *testing.B) {
				p, _, _ := packedProduct(s, shape.rows, shape.columns, shape.k)
				p.C, p.StrideC, p.Scratch, p.Bias = make([]float32, shape.rows*shape.columns), shape.columns, make([]float32, ScratchWords(shape.rows)), make([]float32, shape.columns)
				for b.Loop() {
					s.Multiply(p)
				}
				flops := 2 * float64(shape.rows) * float64(shape.columns) * float64(shape.k)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
	}
}
