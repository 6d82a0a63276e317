package compute

import (
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
)

// slow is the precision of slowBF16.
const slow Precision = "bf16 in Go"

// slowBF16 is bf16Layout in Go: the same panels, for machines without a path that multiplies bf16. Its sums go along k.
type slowBF16 struct{ bf16Layout }

// word is a word of a panel of 16 lines, and whether it holds the upper half, for element i of a line.
func (s slowBF16) word(line, i int, right bool) (at int, upper bool) {
	pair := i % kernel.TileDepth / 2
	if right {
		line, pair = pair, line
	}
	return i/kernel.TileDepth*kernel.TileWords + line*kernel.TileSide + pair, i%2 == 1
}

func (s slowBF16) pack(dst []float32, lines, k int, right bool, element func(line, i int) float32) {
	words := kernel.PanelWords(k)
	for line := range ceil(lines, kernel.TileSide) * kernel.TileSide {
		for i := range words / kernel.TileWords * kernel.TileDepth {
			bits := uint32(0)
			if line < lines && i < k {
				bits = math.Float32bits(element(line, i))
				bits += 0x7fff + bits>>16&1
			}
			at, upper := s.word(line%kernel.TileSide, i, right)
			w := &dst[line/kernel.TileSide*words+at]
			if upper {
				*w = math.Float32frombits(math.Float32bits(*w)&0xffff | bits&^0xffff)
			} else {
				*w = math.Float32frombits(math.Float32bits(*w)&^0xffff | bits>>16)
			}
		}
	}
}

// line is a line of panels as it was packed.
func (s slowBF16) line(panels []float32, line, k int, right bool) []float32 {
	values := make([]float32, k)
	for i := range values {
		at, upper := s.word(line%kernel.TileSide, i, right)
		bits := math.Float32bits(panels[line/kernel.TileSide*kernel.PanelWords(k)+at])
		if !upper {
			bits <<= 16
		}
		values[i] = math.Float32frombits(bits &^ 0xffff)
	}
	return values
}

func (s slowBF16) packLeft(dst []float32, a operand, first, rows, k int) {
	s.pack(dst, rows, k, false, func(line, i int) float32 { return a.values[(first+line)*a.stride+i] })
}

func (s slowBF16) packPart(dst, src []float32, rows, from, to, k int) {
	words, columns := kernel.PanelWords(k), to-from
	for r := 0; r < rows; r += kernel.TileSide {
		panel := dst[r/kernel.TileSide*words:][from/kernel.TileDepth*kernel.TileWords:][:kernel.PanelWords(columns)]
		s.pack(panel, min(kernel.TileSide, rows-r), columns, false, func(line, i int) float32 { return src[(r+line)*columns+i] })
	}
}

func (s slowBF16) rightTasks(operand, int, int) int { return 1 }

func (s slowBF16) packRight(dst []float32, b operand, k, n, _ int, _ []float32) {
	clear(dst)
	s.pack(dst, n, k, true, func(line, i int) float32 { return b.values[line*b.stride+i] })
}

func (s slowBF16) multiply(x *product, left, _ []float32, first, last, firstPanel, lastPanel int) {
	var rows [][]float32
	for r := range last - first {
		rows = append(rows, s.line(left, r, x.k, false))
	}
	for c := firstPanel * kernel.Strip; c < min(x.n, lastPanel*kernel.Strip); c++ {
		column := s.line(x.b, c, x.k, true)
		for r := first; r < last; r++ {
			var sum float32
			for i, v := range rows[r-first] {
				sum += float32(v * column[i])
			}
			if x.bias != nil {
				sum += x.bias[c]
			}
			if x.addend != nil {
				sum += x.addend[r*x.ldAddend+c]
			}
			x.c[r*x.ldc+c] = sum
		}
	}
}
