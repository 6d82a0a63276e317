package compute

import "github.com/quarry-ml/quarry/compute/half"

// panelBudget is the words of the left operand that a task packs at once: about half of a second-level cache.
const panelBudget = 112 << 10

// operand is a matrix in memory: rows of stride elements. Transposed, element [i, k] stands at [k, i].
type operand struct {
	values     []float32
	halves     half.Slice // of a right operand, in place of values where it is some
	stride     int
	transposed bool
}

// layout is how the operands of products are packed and multiplied, one for each precision. Sizes count words of 4 bytes.
type layout interface {
	precision() Precision
	height() int // rows of a left panel
	width() int  // columns of a right panel
	leftWords(k int) int
	rightWords(k int) int
	tileWords(rows int) int // scratch of multiply for that many rows

	// packLeft writes rows [first, first+rows) of A [m, k] as panels, zero beyond rows.
	packLeft(dst []float32, a operand, first, rows, k int)
	// packPart writes columns [from, to) of A [rows, k] into its panels: those in src [rows, to-from]. from is a whole width.
	packPart(dst, src []float32, rows, from, to, k int)
	// packRight does one of rightTasks parts of packing B [k, n] into panels, zero beyond n. A transposed operand is stored
	// [n, k], as the weight of a Linear is. wide is wideWords that belong to the task; only an operand of 16 bits needs them.
	packRight(dst []float32, b operand, k, n, task int, wide []float32)
	rightTasks(b operand, k, n int) int
	// multiply computes rows [first, last) and panels [firstPanel, lastPanel) of a product from its packed left rows.
	multiply(x *product, left, tile []float32, first, last, firstPanel, lastPanel int)
}

// wideDepth is the elements along k of a right operand of 16 bits that packing widens at once: they stay in a first-level cache.
const wideDepth = 256

// wideWords is the words that packRight widens such an operand into.
func wideWords(l layout) int { return l.width() * wideDepth }

// product is one matrix product C [m, n] = A [m, k] · B + bias + addend, with B packed into panels. The order in which an
// element is summed depends on k alone.
type product struct {
	layout   layout
	m, n, k  int
	a        operand
	b        []float32
	c        []float32
	ldc      int
	bias     []float32 // [n], or nil
	addend   []float32 // [m, n], or nil; it may be c
	ldAddend int
}

// accumulate makes the product add to what is in C.
func (x *product) accumulate(yes bool) {
	if yes {
		x.addend, x.ldAddend = x.c, x.ldc
	}
}

// packedSize is the words of the panels of a right operand [k, n].
func packedSize(l layout, k, n int) int { return ceil(n, l.width()) * l.rightWords(k) }

// rows computes rows [first, last) and panels [firstPanel, lastPanel) of the product. scratch holds scratchSize words.
func (x *product) rows(first, last, firstPanel, lastPanel int, scratch []float32) {
	left := scratch[:ceil(last-first, x.layout.height())*x.layout.leftWords(x.k)]
	x.layout.packLeft(left, x.a, first, last-first, x.k)
	tile := scratch[len(left) : len(left)+x.layout.tileWords(last-first)]
	x.layout.multiply(x, left, tile, first, last, firstPanel, lastPanel)
}

// scratchSize is the words that rows needs for that many rows.
func (x *product) scratchSize(rows int) int { return scratchWords(x.layout, rows, x.k) }

func scratchWords(l layout, rows, k int) int {
	return ceil(rows, l.height())*l.leftWords(k) + l.tileWords(rows)
}

func ceil(a, b int) int { return (a + b - 1) / b }
