package compute

import "fmt"

// Weight is one parameter: its values, and its gradient where it is trained. A vector has one row.
type Weight struct {
	Name          string
	Rows, Columns int
	Values        []float32 // row-major [Rows, Columns]; may be mapped and is then never written
	Gradient      []float32 // nil where the parameter is frozen

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

// NewWeight wraps row-major values [rows, columns]; the caller says through Changed when it has written them.
func NewWeight(name string, rows, columns int, values []float32) (*Weight, error) {
	if len(values) != rows*columns {
		return nil, fmt.Errorf("tensor %s: %d values for a shape of [%d, %d]", name, len(values), rows, columns)
	}
	return &Weight{Name: name, Rows: rows, Columns: columns, Values: values}, nil
}

// Changed tells the weight that its values were written, so that packed copies are made anew.
func (w *Weight) Changed() { w.version++ }

// Trainable says whether the weight takes a gradient.
func (w *Weight) Trainable() bool { return w.Gradient != nil }
