package compute

import "github.com/quarry-ml/quarry/compute/kernel"

// f32Layout packs float32: a left panel is [k][MR], a right one [k][NR], and one tile call sums k in order.
type f32Layout struct{ *kernel.Set }

func (s f32Layout) precision() Precision { return F32 }

func (s f32Layout) height() int { return s.MR }

func (s f32Layout) width() int { return s.NR }

func (s f32Layout) leftWords(k int) int { return s.MR * k }

func (s f32Layout) rightWords(k int) int { return s.NR * k }

func (s f32Layout) tileWords(int) int { return s.MR * s.NR }

func (s f32Layout) rightTasks(_ operand, _, n int) int { return ceil(n, s.NR) }

func (s f32Layout) packRight(dst []float32, b operand, k, n, p int, wide []float32) {
	dst = dst[p*s.NR*k : (p+1)*s.NR*k]
	first, columns := p*s.NR, min(s.NR, n-p*s.NR)
	if b.halves.Type != 0 {
		s.packHalves(dst, b, first, columns, k, wide)
		return
	}
	if !b.transposed {
		for i := range k {
			row := dst[i*s.NR : (i+1)*s.NR]
			copy(row, b.values[i*b.stride+first:i*b.stride+first+columns])
			clear(row[columns:])
		}
		return
	}
	s.packRows(dst, b.values[first*b.stride:], columns, s.NR, k, b.stride)
}

// packHalves writes the panel of columns [first, first+columns) of an operand of 16 bits.
func (s f32Layout) packHalves(dst []float32, b operand, first, columns, k int, wide []float32) {
	if !b.transposed {
		for i := range k {
			row := dst[i*s.NR : (i+1)*s.NR]
			widen(s.Set, row[:columns], b.halves, i*b.stride+first)
			clear(row[columns:])
		}
		return
	}
	for from := 0; from < k; from += wideDepth {
		to := min(k, from+wideDepth)
		part := wide[:columns*(to-from)]
		for r := range columns {
			widen(s.Set, part[r*(to-from):(r+1)*(to-from)], b.halves, (first+r)*b.stride+from)
		}
		s.packRows(dst[from*s.NR:to*s.NR], part, columns, s.NR, to-from, to-from)
	}
}

func (s f32Layout) packLeft(dst []float32, a operand, first, rows, k int) {
	for i := 0; i < rows; i += s.MR {
		height := min(s.MR, rows-i)
		panel := dst[i*k : (i+s.MR)*k]
		if a.transposed {
			for p := range k {
				row := panel[p*s.MR : (p+1)*s.MR]
				copy(row, a.values[p*a.stride+first+i:p*a.stride+first+i+height])
				clear(row[height:])
			}
			continue
		}
		s.packRows(panel, a.values[(first+i)*a.stride:], height, s.MR, k, a.stride)
	}
}

func (s f32Layout) packPart(dst, src []float32, rows, from, to, k int) {
	columns := to - from
	for i := 0; i < rows; i += s.MR {
		panel := dst[i*k:][from*s.MR : to*s.MR]
		s.packRows(panel, src[i*columns:], min(s.MR, rows-i), s.MR, columns, columns)
	}
}

// packRows writes rows of src (k elements each) as the columns of dst [k][width]; columns beyond rows are zero.
func (s f32Layout) packRows(dst, src []float32, rows, width, k, stride int) {
	if rows == width {
		done := 0
		for done < rows {
			lanes := min(s.Lanes, rows-done)
			n := s.packTransposed(dst, src, done, lanes, width, k, stride, rows)
			packScalar(dst[done:], src[done*stride:], lanes, width, k, stride, n)
			done += lanes
		}
		return
	}
	packScalar(dst, src, rows, width, k, stride, 0)
	for p := range k {
		clear(dst[p*width+rows : (p+1)*width])
	}
}

// packTransposed packs as many columns as the vector transpose can without reading or writing past the panel, and returns how many.
// Where fewer than Lanes rows are left it overwrites the surplus with the next column, and leaves the last columns to packScalar.
func (s f32Layout) packTransposed(dst, src []float32, first, lanes, width, k, stride, rows int) int {
	blocks := k / s.Lanes
	if blocks == 0 || s.Lanes == 1 {
		return 0
	}
	// The surplus of the vector's last row may not lie past the end of the source.
	if lanes < s.Lanes && (first+s.Lanes-1)*stride+blocks*s.Lanes > len(src) {
		return 0
	}
	if lanes < s.Lanes && first > 0 {
		return 0 // the surplus would overwrite columns of the rows before
	}
	if lanes < s.Lanes && blocks*s.Lanes == k {
		blocks-- // the last row of the panel may not spill into the next panel
	}
	s.Transpose(dst[first:], src[first*stride:], blocks, stride, width)
	return blocks * s.Lanes
}

func packScalar(dst, src []float32, rows, width, k, stride, from int) {
	for r := range rows {
		row := src[r*stride : r*stride+k]
		for p := from; p < k; p++ {
			dst[p*width+r] = row[p]
		}
	}
}

// multiply lays bias and addend down first, and adds the sums to them.
func (s f32Layout) multiply(x *product, left, tile []float32, first, last, firstPanel, lastPanel int) {
	accumulate := s.lay(x, first, last, firstPanel*s.NR, min(x.n, lastPanel*s.NR))
	for p := firstPanel; p < lastPanel; p++ {
		right := x.b[p*s.NR*x.k : (p+1)*s.NR*x.k]
		columns := min(s.NR, x.n-p*s.NR)
		for i := first; i < last; i += s.MR {
			panel := left[(i-first)*x.k : (i-first+s.MR)*x.k]
			height := min(s.MR, last-i)
			c := x.c[i*x.ldc+p*s.NR:]
			if height == s.MR && columns == s.NR {
				s.Gemm(panel, right, c, x.k, x.ldc, accumulate)
				continue
			}
			s.Gemm(panel, right, tile, x.k, s.NR, false)
			for r := range height {
				row := c[r*x.ldc : r*x.ldc+columns]
				if accumulate {
					for j := range row {
						row[j] = tile[r*s.NR+j] + row[j]
					}
				} else {
					copy(row, tile[r*s.NR:])
				}
			}
		}
	}
}

// lay writes bias + addend to a block of C and says whether there was any.
func (s f32Layout) lay(x *product, first, last, from, to int) bool {
	if x.bias == nil && x.addend == nil {
		return false
	}
	if x.bias == nil && &x.addend[0] == &x.c[0] {
		return true
	}
	for r := first; r < last; r++ {
		row := x.c[r*x.ldc+from : r*x.ldc+to]
		switch {
		case x.addend == nil:
			copy(row, x.bias[from:to])
		case x.bias == nil:
			copy(row, x.addend[r*x.ldAddend+from:r*x.ldAddend+to])
		default:
			s.Add(row, x.bias[from:to], x.addend[r*x.ldAddend+from:r*x.ldAddend+to])
		}
	}
	return true
}
