package compute

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/compute/kernel"
)

// Weight is one parameter: its values, and its gradient where it is trained. A vector has one row. A matrix that is not
// trained may have its values in 16 bits: products and lookups widen them, or pack them as they are, a panel or a row at a
// time.
type Weight struct {
	Name          string
	Rows, Columns int
	Values        []float32  // row-major [Rows, Columns]; may be mapped and is then never written; nil where Halves has them
	Halves        half.Slice // the same in 16 bits
	Gradient      []float32  // nil where the parameter is frozen

	version             uint64 // counts changes of Values
	rowPanels, colPanel panels
}

// panels is a packed copy of a weight, with the version it was made from and the layout it was made for: engines of other
// paths and precisions pack the same weight otherwise.
type panels struct {
	values    []float32
	version   uint64
	precision Precision // empty where nothing is packed yet
	width     int
}

// holds says whether the copy is of a weight as it is now, for a layout.
func (p *panels) holds(w *Weight, l layout) bool {
	return len(p.values) > 0 && p.version == w.version && p.precision == l.precision() && p.width == l.width()
}

// NewWeight wraps row-major values [rows, columns]; the caller says through Changed when it has written them.
func NewWeight(name string, rows, columns int, values []float32) (*Weight, error) {
	if len(values) != rows*columns {
		return nil, fmt.Errorf("tensor %s: %d values for a shape of [%d, %d]", name, len(values), rows, columns)
	}
	return &Weight{Name: name, Rows: rows, Columns: columns, Values: values}, nil
}

// NewHalfWeight wraps row-major values of 16 bits [rows, columns], which may be mapped.
func NewHalfWeight(name string, rows, columns int, values half.Slice) (*Weight, error) {
	if values.Len() != rows*columns {
		return nil, fmt.Errorf("tensor %s: %d values for a shape of [%d, %d]", name, values.Len(), rows, columns)
	}
	return &Weight{Name: name, Rows: rows, Columns: columns, Halves: values}, nil
}

// Float32s returns a copy of the values.
func (w *Weight) Float32s() []float32 {
	if !w.isHalf() {
		return slices.Clone(w.Values)
	}
	values := make([]float32, w.Rows*w.Columns)
	w.Halves.Widen(values, 0)
	return values
}

// Replace puts other values in place of those that the weight has.
func (w *Weight) Replace(values []float32) {
	w.Values, w.Halves = values, half.Slice{}
	w.Changed()
}

// isHalf says whether the values have 16 bits.
func (w *Weight) isHalf() bool { return w.Halves.Type != 0 }

// read sets dst to the values from the given one on.
func (w *Weight) read(s *kernel.Set, dst []float32, from int) {
	if w.isHalf() {
		widen(s, dst, w.Halves, from)
		return
	}
	copy(dst, w.Values[from:])
}

// widen is half.Slice.Widen at a path's speed.
func widen(s *kernel.Set, dst []float32, of half.Slice, from int) {
	bits := of.Bits[from : from+len(dst)]
	if of.Type == half.BF16 {
		s.Widen(dst, bits)
		return
	}
	s.WidenF16(dst, bits)
}

// at is the value at an index.
func (w *Weight) at(i int) float32 {
	if w.isHalf() {
		return w.Halves.At(i)
	}
	return w.Values[i]
}

// operand is the weight in a product.
func (w *Weight) operand(transposed bool) operand {
	return operand{values: w.Values, halves: w.Halves, stride: w.Columns, transposed: transposed}
}

// panels is the lasting packed copy of one form: rows as columns of the right operand, or as they stand.
func (w *Weight) panels(transposed bool) *panels {
	if transposed {
		return &w.rowPanels
	}
	return &w.colPanel
}

// Changed tells the weight that its values were written, so that packed copies are made anew.
func (w *Weight) Changed() { w.version++ }

// Trainable says whether the weight takes a gradient.
func (w *Weight) Trainable() bool { return w.Gradient != nil }
