package compute

import "github.com/quarry-ml/quarry/compute/kernel"

// bf16Layout rounds the operands to bf16 and sums in float32. A left panel is 16 rows; a right panel is the strip of 32
// columns that a kernel takes at once.
type bf16Layout struct{ *kernel.Set }

func (s bf16Layout) precision() Precision { return BF16 }

func (s bf16Layout) height() int { return kernel.TileSide }

func (s bf16Layout) width() int { return kernel.Strip }

func (s bf16Layout) leftWords(k int) int { return kernel.PanelWords(k) }

func (s bf16Layout) rightWords(k int) int { return 2 * kernel.PanelWords(k) }

func (s bf16Layout) tileWords(rows int) int {
	return ceil(rows, kernel.TileSide) * kernel.TileSide * kernel.Strip
}

func (s bf16Layout) packRight(dst []float32, b operand, k, n, p int) {
	words := kernel.PanelWords(k)
	for half := range 2 {
		at := 2*p + half
		first := at * kernel.TileSide
		s.pack(dst[at*words:(at+1)*words], b, first, max(0, min(kernel.TileSide, n-first)), k, true)
	}
}

func (s bf16Layout) packLeft(dst []float32, a operand, first, rows, k int) {
	words := kernel.PanelWords(k)
	for i := 0; i < rows; i += kernel.TileSide {
		s.pack(dst[i/kernel.TileSide*words:], a, first+i, min(kernel.TileSide, rows-i), k, false)
	}
}

// pack writes the panel of lines [first, first+lines) of an operand: rows of A, or columns of B. Lines lie along memory
// where the rows of A are not transposed or the columns of B are.
func (s bf16Layout) pack(dst []float32, x operand, first, lines, k int, right bool) {
	switch {
	case lines == 0:
		clear(dst[:kernel.PanelWords(k)])
	case x.transposed == right:
		s.PackRows(dst, x.values[first*x.stride:], lines, k, x.stride, right)
	default:
		s.PackColumns(dst, x.values[first:], lines, k, x.stride, !right)
	}
}

// callFlops bounds the work of one kernel call: an assembly call cannot be preempted, and 1e8 operations take about 1 ms
// on the slowest processor that has a bf16 product.
const callFlops = 1e8

func (s bf16Layout) multiply(x *product, left, tile []float32, first, last, firstPanel, lastPanel int) {
	whole := (last - first) / kernel.TileSide * kernel.TileSide
	wholePanels := lastPanel
	if lastPanel*kernel.Strip > x.n {
		wholePanels--
	}
	if whole > 0 {
		words, rowTiles := s.rightWords(x.k), whole/kernel.TileSide
		most := max(1, int(callFlops/(2*float64(whole)*kernel.Strip*float64(max(1, x.k)))))
		for p := firstPanel; p < wholePanels; p += most {
			s.Product(left, x.b[p*words:], x.c[first*x.ldc+p*kernel.Strip:], x.k, rowTiles, min(most, wholePanels-p), x.ldc, x.accumulate)
		}
		if wholePanels < lastPanel {
			s.edge(x, left, tile, first, whole, wholePanels)
		}
	}
	if whole < last-first {
		rest := left[whole/kernel.TileSide*kernel.PanelWords(x.k):]
		for p := firstPanel; p < lastPanel; p++ {
			s.edge(x, rest, tile, first+whole, last-first-whole, p)
		}
	}
}

// edge computes rows [first, first+rows) of panel p through a tile of its own, where C does not hold the kernel's whole block.
func (s bf16Layout) edge(x *product, left, tile []float32, first, rows, p int) {
	columns := min(kernel.Strip, x.n-p*kernel.Strip)
	c := x.c[first*x.ldc+p*kernel.Strip:]
	if x.accumulate {
		for r := range rows {
			copy(tile[r*kernel.Strip:(r+1)*kernel.Strip], c[r*x.ldc:r*x.ldc+columns])
		}
	}
	s.Product(left, x.b[p*s.rightWords(x.k):], tile, x.k, ceil(rows, kernel.TileSide), 1, kernel.Strip, x.accumulate)
	for r := range rows {
		copy(c[r*x.ldc:r*x.ldc+columns], tile[r*kernel.Strip:])
	}
}
