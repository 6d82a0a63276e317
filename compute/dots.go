package compute

import (
	"math"

	"github.com/quarry-ml/quarry/compute/kernel"
)

// Dots computes the dot products of rows with columns, all with all, at the speed of a path's matrix product, and says how
// far a product may be from the true one. It serves those who look at every pair and want few of them exactly. It may be
// shared by goroutines.
type Dots struct {
	layout layout
	dim    int
}

// NewDots multiplies vectors of so many numbers, in bf16 where the path has it.
func NewDots(s *kernel.Set, dim int) *Dots {
	if s.MultipliesBF16() {
		return &Dots{bf16Layout{s}, dim}
	}
	return &Dots{f32Layout{s}, dim}
}

// RowBlock and ColumnBlock are the rows and columns that are packed together: blocks of others are filled up with zeros.
func (d *Dots) RowBlock() int { return d.layout.height() }

// ColumnBlock is RowBlock for columns.
func (d *Dots) ColumnBlock() int { return d.layout.width() }

// RowWords is the size of n packed rows, in words of 4 bytes.
func (d *Dots) RowWords(n int) int { return ceil(n, d.layout.height()) * d.layout.leftWords(d.dim) }

// ColumnWords is the size of n packed columns, in words of 4 bytes.
func (d *Dots) ColumnWords(n int) int { return packedSize(d.layout, d.dim, n) }

// PackRows packs n vectors [n, dim] as rows.
func (d *Dots) PackRows(dst, vectors []float32, n int) {
	d.layout.packLeft(dst, operand{values: vectors, stride: d.dim}, 0, n, d.dim)
}

// PackColumns packs n vectors [n, dim] as columns.
func (d *Dots) PackColumns(dst, vectors []float32, n int) {
	b := operand{values: vectors, stride: d.dim, transposed: true}
	for task := range d.layout.rightTasks(b, d.dim, n) {
		d.layout.packRight(dst, b, d.dim, n, task, nil)
	}
}

// ScratchWords is what Multiply needs for m rows.
func (d *Dots) ScratchWords(m int) int { return d.layout.tileWords(m) }

// Multiply sets dst [m, n], rows stride apart, to the products of m packed rows with n packed columns.
func (d *Dots) Multiply(dst []float32, stride int, rows, columns []float32, m, n int, scratch []float32) {
	x := product{layout: d.layout, m: m, n: n, k: d.dim, b: columns, c: dst, ldc: stride}
	d.layout.multiply(&x, rows, scratch, 0, m, 0, ceil(n, d.layout.width()))
}

// Size is what the error of a vector's products depends on.
type Size struct {
	Length float64 // 2-norm of the vector as it is multiplied
	Lost   float64 // 2-norm of what rounding the vector took away
}

// Size measures a vector, rounded up.
func (d *Dots) Size(v []float32) Size {
	var kept, lost float64
	if d.layout.precision() == F32 {
		for _, x := range v {
			kept += float64(x) * float64(x)
		}
		return Size{Length: up(math.Sqrt(kept))}
	}
	for _, x := range v {
		r := float64(roundBF16(x))
		kept += r * r
		lost += (float64(x) - r) * (float64(x) - r)
	}
	return Size{up(math.Sqrt(kept)), up(math.Sqrt(lost))}
}

// up covers the rounding of the float64 sums above: less than one part in 2^30 for any number of terms that fits memory.
func up(x float64) float64 { return x * (1 + 0x1p-30) }

// roundBF16 is x as the kernels round it: to nearest even, denormals to zero.
func roundBF16(x float32) float32 {
	u := math.Float32bits(x)
	if u&0x7f800000 == 0 {
		return 0
	}
	u += 0x7fff + u>>16&1
	return math.Float32frombits(u &^ 0xffff)
}

// Error bounds |product - true dot product| for vectors of these sizes. With q' and p' the rounded vectors and δ what they
// lost, q·p - q'·p' = q'·δp + δq·p' + δq·δp, each at most the product of norms (Cauchy and Schwarz). Summing n products in
// float32, in any order, errs by at most γ·Σ|q'ᵢp'ᵢ| ≤ γ·|q'||p'|, γ = n·u/(1 - n·u), u = 2^-24 (Higham, Accuracy and Stability
// of Numerical Algorithms, 2002, section 3.1); what a product below the normal numbers loses is at most 2^-126 a term.
func (d *Dots) Error(q, p Size) float64 {
	n := float64(d.dim + kernel.TileDepth) // the zeros that fill a tile up, and the addition that ends it
	gamma := n * 0x1p-24 / (1 - n*0x1p-24)
	return up(q.Length*p.Lost + q.Lost*p.Length + q.Lost*p.Lost + gamma*q.Length*p.Length + 2*n*0x1p-126)
}
