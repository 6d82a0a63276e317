package finetune

import "slices"

// lossSpace is the memory of a block's loss, kept from step to step: it grows to the largest block and then no more.
type lossSpace struct {
	scores, pull      matrix // of a tile
	queries, passages matrix // gradients
	rows, distances   []float64
	masks, guides     []int
	columns           []stand
	owner             []int32
	gradient          []float32
	parts             *lossSpace // of leading parts of the vectors
	units             [2]partSpace
}

// partSpace is leading parts of one side's vectors, brought to length 1 from the lengths they had.
type partSpace struct {
	values  []float32
	vectors [][]float32 // in values
	lengths []float64
}

// matrix is rows of one length behind one another.
type matrix struct {
	values []float64
	rows   [][]float64
}

// zeros gives the matrix another shape and sets it to zero. What it was before is lost.
func (m *matrix) zeros(rows, columns int) [][]float64 {
	m.values = resized(m.values, rows*columns)
	clear(m.values)
	m.rows = resized(m.rows, rows)
	for i := range m.rows {
		m.rows[i] = m.values[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return m.rows
}

// zeroed has n elements that are zero.
func zeroed[E any](s []E, n int) []E {
	s = resized(s, n)
	clear(s)
	return s
}

// resized has n elements of any value.
func resized[E any](s []E, n int) []E {
	return slices.Grow(s[:0], n)[:n]
}
