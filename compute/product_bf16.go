package compute

import (
	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/compute/kernel"
)

// bf16Layout rounds the operands to bf16 and sums in float32. A left panel is 16 rows; a right panel is the strip of 32
// columns that a kernel takes at once.
type bf16Layout struct{ *kernel.Set }

func (s bf16Layout) precision() Precision { return BF16 }

func (s bf16Layout) height() int { return kernel.TileSide }

func (s bf16Layout) width() int { return kernel.Strip }

func (s bf16Layout) leftWords(k int) int { return kernel.PanelWords(k) }

func (s bf16Layout) rightWords(k int) int { return 2 * kernel.PanelWords(k) }

func (s bf16Layout) tileWords(rows int) int { return kernel.ScratchWords(rows) }

// depthTiles is the tiles along k that one task packs when rows of memory lie across k.
const depthTiles = 4

func (s bf16Layout) rightTasks(b operand, k, n int) int {
	if b.transposed {
		return ceil(n, kernel.Strip)
	}
	return ceil(k, depthTiles*kernel.TileDepth)
}

func (s bf16Layout) packRight(dst []float32, b operand, k, n, task int, wide []float32) {
	lines := ceil(n, kernel.Strip) * kernel.Strip // those beyond n are zero
	if b.transposed {
		first, last := span(task, kernel.Strip, lines)
		dst = dst[first/kernel.TileSide*kernel.PanelWords(k):]
		if b.halves.Type != 0 {
			s.packHalvesAlong(dst, b, first, min(n, last)-first, last-first, k, wide)
			return
		}
		s.packAlong(dst, b.values[first*b.stride:], min(n, last)-first, last-first, k, b.stride, true)
		return
	}
	from, to := span(task, depthTiles*kernel.TileDepth, k)
	if b.halves.Type != 0 {
		s.packHalvesAcross(dst, b, n, lines, from, to, k, wide)
		return
	}
	s.packAcross(dst, b.values, n, lines, from, to, k, b.stride, false)
}

func (s bf16Layout) packLeft(dst []float32, a operand, first, rows, k int) {
	lines := ceil(rows, kernel.TileSide) * kernel.TileSide
	if a.transposed {
		s.packAcross(dst, a.values[first:], rows, lines, 0, k, k, a.stride, true)
		return
	}
	s.packAlong(dst, a.values[first*a.stride:], rows, lines, k, a.stride, false)
}

func (s bf16Layout) packPart(dst, src []float32, rows, from, to, k int) {
	words, columns := kernel.PanelWords(k), to-from
	for i := 0; i < rows; i += kernel.TileSide {
		panel := dst[i/kernel.TileSide*words:][from/kernel.TileDepth*kernel.TileWords:][:kernel.PanelWords(columns)]
		s.PackRows(panel, src[i*columns:], min(kernel.TileSide, rows-i), columns, columns, false)
	}
}

// packAlong writes the panels of lines that lie along memory, n of them and zeros up to padded.
func (s bf16Layout) packAlong(dst, src []float32, n, padded, k, stride int, transposed bool) {
	words := kernel.PanelWords(k)
	for i := 0; i < padded; i += kernel.TileSide {
		panel := dst[i/kernel.TileSide*words:][:words]
		if i >= n {
			clear(panel)
			continue
		}
		s.PackRows(panel, src[i*stride:], min(kernel.TileSide, n-i), k, stride, transposed)
	}
}

// packAcross writes tiles [from, to) along k of the panels of lines that lie across memory. It goes along the rows of
// memory, a tile of each panel after the other: panel by panel it would touch a new page with every row.
func (s bf16Layout) packAcross(dst, src []float32, n, padded, from, to, k, stride int, transposed bool) {
	words := kernel.PanelWords(k)
	for d := from; d < to; d += kernel.TileDepth {
		depth := min(kernel.TileDepth, to-d)
		for i := 0; i < padded; i += kernel.TileSide {
			tile := dst[i/kernel.TileSide*words+d/kernel.TileDepth*kernel.TileWords:][:kernel.TileWords]
			if i >= n {
				clear(tile)
				continue
			}
			s.PackColumns(tile, src[d*stride+i:], min(kernel.TileSide, n-i), depth, stride, transposed)
		}
	}
}

// packHalvesAlong is packAlong of lines of 16 bits, the first of them given. BF16 is copied; F16 is widened and rounded.
func (s bf16Layout) packHalvesAlong(dst []float32, b operand, first, n, padded, k int, wide []float32) {
	words := kernel.PanelWords(k)
	for i := 0; i < padded; i += kernel.TileSide {
		panel, lines := dst[i/kernel.TileSide*words:][:words], max(0, min(kernel.TileSide, n-i))
		if b.halves.Type == half.BF16 {
			s.CopyRows(panel, b.halves.Bits[min((first+i)*b.stride, b.halves.Len()):], lines, k, b.stride, true)
			continue
		}
		for from := 0; from < k; from += wideDepth {
			to := min(k, from+wideDepth)
			part := wide[:lines*(to-from)]
			for r := range lines {
				widen(s.Set, part[r*(to-from):(r+1)*(to-from)], b.halves, (first+i+r)*b.stride+from)
			}
			s.packAlong(panel[from/kernel.TileDepth*kernel.TileWords:], part, lines, kernel.TileSide, to-from, to-from, true)
		}
	}
}

// packHalvesAcross is packAcross of columns of 16 bits.
func (s bf16Layout) packHalvesAcross(dst []float32, b operand, n, padded, from, to, k int, wide []float32) {
	words := kernel.PanelWords(k)
	for d := from; d < to; d += kernel.TileDepth {
		depth := min(kernel.TileDepth, to-d)
		for i := 0; i < padded; i += kernel.TileSide {
			tile, columns := dst[i/kernel.TileSide*words+d/kernel.TileDepth*kernel.TileWords:][:kernel.TileWords], max(0, min(kernel.TileSide, n-i))
			if b.halves.Type == half.BF16 {
				s.CopyColumns(tile, b.halves.Bits[min(d*b.stride+i, b.halves.Len()):], columns, depth, b.stride, false)
				continue
			}
			part := wide[:depth*columns]
			for r := range depth {
				widen(s.Set, part[r*columns:(r+1)*columns], b.halves, (d+r)*b.stride+i)
			}
			s.packAcross(tile, part, columns, kernel.TileSide, 0, depth, depth, columns, false)
		}
	}
}

// callFlops bounds the work of one kernel call: an assembly call cannot be preempted, and 1e8 operations take about 1 ms
// on the slowest processor that has a bf16 product.
const callFlops = 1e8

func (s bf16Layout) multiply(x *product, left, tile []float32, first, last, firstPanel, lastPanel int) {
	most := max(1, int(callFlops/(2*float64(last-first)*kernel.Strip*float64(max(1, x.k)))))
	for p := firstPanel; p < lastPanel; p += most {
		at, end := p*kernel.Strip, min(x.n, min(lastPanel, p+most)*kernel.Strip)
		call := kernel.Product{
			A: left, B: x.b[p*s.rightWords(x.k):], C: x.c[first*x.ldc+at:], Scratch: tile,
			K: x.k, Rows: last - first, Columns: end - at, StrideC: x.ldc, StrideAddend: x.ldAddend,
		}
		if x.bias != nil {
			call.Bias = x.bias[at:]
		}
		if x.addend != nil {
			call.Addend = x.addend[first*x.ldAddend+at:]
		}
		s.Multiply(&call)
	}
}
