package kernel

// The layout of bf16 operands, the same for every path: tiles of 16 x 16 words, a word being a pair of bf16 neighbours
// along k, 1,024 bytes in all. A left panel holds 16 rows, word [row][pair]; a right panel 16 columns, word [pair][column].
// A panel's tiles follow each other along k, and hold zeros beyond k, rows and columns. Words are kept in float32 slices,
// so that memory serves either precision; their values as floats mean nothing.
const (
	TileSide  = 16                  // rows of a left panel, columns of a right one
	TileDepth = 2 * TileSide        // of k in a tile
	TileWords = TileSide * TileSide // words of a tile
	Strip     = 2 * TileSide        // columns that a product takes at once: two right panels
)

// bf16 is the kernels that round to bf16 (to nearest even, denormals to zero) and multiply.
type bf16 struct {
	packRows, packColumns func(dst, src *float32, lines, k, stride, transposed int)
	product               func(a, b, c *float32, kTiles, panelTiles, rowTiles, strips, ldc, accumulate int)
}

// MultipliesBF16 says whether the path has products of bf16.
func (s *Set) MultipliesBF16() bool { return s.bf16.product != nil }

// PanelWords is the words of a bf16 panel along k.
func PanelWords(k int) int { return (k + TileDepth - 1) / TileDepth * TileWords }

// PackRows rounds up to 16 lines of k neighbouring floats, stride apart, to one panel: lines are rows of a left panel, or,
// transposed, columns of a right one.
func (s *Set) PackRows(dst, src []float32, lines, k, stride int, transposed bool) {
	if k == 0 {
		return
	}
	_ = dst[:PanelWords(k)]
	var first *float32
	if lines > 0 {
		_ = src[:(lines-1)*stride+k]
		first = &src[0]
	} else {
		first = &dst[0] // nothing is read
	}
	s.bf16.packRows(&dst[0], first, lines, k, stride, number(transposed))
}

// PackColumns rounds up to 16 columns of k lines, stride apart, to one panel: columns of a right panel, or, transposed,
// rows of a left one.
func (s *Set) PackColumns(dst, src []float32, columns, k, stride int, transposed bool) {
	if k == 0 {
		return
	}
	_ = dst[:PanelWords(k)]
	var first *float32
	if columns > 0 {
		_ = src[:(k-1)*stride+columns]
		first = &src[0]
	} else {
		first = &dst[0]
	}
	s.bf16.packColumns(&dst[0], first, columns, k, stride, number(transposed))
}

// Product sets c = a·b, or c += a·b, over rowTiles left panels and strips pairs of right panels; c is
// [16·rowTiles, 32·strips] with ldc floats from row to row. The order of summation of an element is fixed by k alone.
func (s *Set) Product(a, b, c []float32, k, rowTiles, strips, ldc int, accumulate bool) {
	if rowTiles == 0 || strips == 0 {
		return
	}
	words := PanelWords(k)
	_, _, _ = a[:rowTiles*words], b[:2*strips*words], c[:(TileSide*rowTiles-1)*ldc+Strip*strips]
	var left, right *float32
	if words > 0 {
		left, right = &a[0], &b[0]
	}
	// A strip is used by every row: cut along k it stays in the first-level cache meanwhile. Sums go through memory
	// unrounded, so the cut shows in no bit.
	tiles := words / TileWords
	for from := 0; from == 0 || from < tiles; from += cacheTiles {
		s.bf16.product(left, right, &c[0], min(cacheTiles, tiles-from), tiles, rowTiles, strips, ldc, number(accumulate || from > 0))
		if from+cacheTiles < tiles {
			left, right = &a[(from+cacheTiles)*TileWords], &b[(from+cacheTiles)*TileWords]
		}
	}
}

// cacheTiles is the tiles along k of one kernel call: 16 of each panel of a strip are 32 KiB.
const cacheTiles = 16

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
