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

// bf16 is the kernels that round to bf16 (to nearest even, denormals to zero), copy what is bf16, and multiply: products take
// denormals for zeros.
type bf16 struct {
	packRows, packColumns func(dst, src *float32, lines, k, stride, transposed int)
	copyRows, copyColumns func(dst *float32, src *uint16, lines, k, stride, transposed int) // of bf16
	product               func(a, b, c, scratch, bias, addend *float32, kTiles, rows, columns, ldc, ldAddend int)
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
	_ = dst[PanelWords(k)-1]
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
	_ = dst[PanelWords(k)-1]
	var first *float32
	if columns > 0 {
		_ = src[:(k-1)*stride+columns]
		first = &src[0]
	} else {
		first = &dst[0]
	}
	s.bf16.packColumns(&dst[0], first, columns, k, stride, number(transposed))
}

// CopyRows is PackRows of bf16, which are copied as they are.
func (s *Set) CopyRows(dst []float32, src []uint16, lines, k, stride int, transposed bool) {
	if k == 0 || lines == 0 {
		clear(dst[:PanelWords(k)])
		return
	}
	_, _ = dst[PanelWords(k)-1], src[:(lines-1)*stride+k]
	s.bf16.copyRows(&dst[0], &src[0], lines, k, stride, number(transposed))
}

// CopyColumns is PackColumns of bf16, which are copied as they are.
func (s *Set) CopyColumns(dst []float32, src []uint16, columns, k, stride int, transposed bool) {
	if k == 0 || columns == 0 {
		clear(dst[:PanelWords(k)])
		return
	}
	_, _ = dst[PanelWords(k)-1], src[:(k-1)*stride+columns]
	s.bf16.copyColumns(&dst[0], &src[0], columns, k, stride, number(transposed))
}

// Product is C [Rows, Columns] = A·B + Bias + Addend: A in left panels, B in pairs of right panels, Bias a row or nil,
// Addend a matrix, which may be C, or nil. Scratch holds ScratchWords. Strides count floats.
type Product struct {
	A, B, C, Bias, Addend, Scratch []float32
	K, Rows, Columns               int
	StrideC, StrideAddend          int
}

// ScratchWords is the scratch of a product of so many rows.
func ScratchWords(rows int) int { return (rows + Strip - 1) / Strip * Strip * Strip }

// Multiply computes a product of bf16. The order of summation of an element is fixed by K alone; bias and addend come last.
func (s *Set) Multiply(p *Product) {
	if p.Rows == 0 || p.Columns == 0 {
		return
	}
	words := PanelWords(p.K)
	_, _ = p.A[:(p.Rows+TileSide-1)/TileSide*words], p.B[:(p.Columns+Strip-1)/Strip*2*words]
	// What is written is checked by length: a slice that ends earlier than its array has a neighbour.
	_, _ = p.C[(p.Rows-1)*p.StrideC+p.Columns-1], p.Scratch[ScratchWords(p.Rows)-1]
	var a, b, bias, addend *float32
	if words > 0 {
		a, b = &p.A[0], &p.B[0]
	}
	if p.Bias != nil {
		_, bias = p.Bias[:p.Columns], &p.Bias[0]
	}
	if p.Addend != nil {
		_, addend = p.Addend[:(p.Rows-1)*p.StrideAddend+p.Columns], &p.Addend[0]
	}
	s.bf16.product(a, b, &p.C[0], &p.Scratch[0], bias, addend, words/TileWords, p.Rows, p.Columns, p.StrideC, p.StrideAddend)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
