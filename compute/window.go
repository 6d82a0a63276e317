package compute

import "github.com/quarry-ml/quarry/compute/tensor"

// window is the rows [first, last) of the batch that a task works on.
type window struct {
	w           *Workspace
	worker      int
	first, last int
	own         []float32    // where the values of a chain stand that live within it; nil outside a chain
	height      int          // rows that own has room for
	scratch     []float32    // for an operation's use; nil outside a chain
	packed      tensor.Value // whose rows lie packed at the beginning of scratch, or None
}

// gradient is the window's rows of a value's gradient.
func (v *window) gradient(x tensor.Value) []float32 {
	h := v.w.plan.Graph.Values[x].Columns
	return v.w.gradient(x)[v.first*h : v.last*h]
}

// memory is n float32s for an operation to use until it ends.
func (v *window) memory(n int) []float32 {
	if v.scratch == nil {
		return v.w.engine.team.memory(v.worker, n)
	}
	return v.scratch[:n]
}

// value is the window's rows of a value.
func (v *window) value(x tensor.Value) []float32 {
	h := v.w.plan.Graph.Values[x].Columns
	if v.own != nil {
		if at := v.w.plan.Own[x]; at >= 0 {
			return v.own[at*v.height:][:(v.last-v.first)*h]
		}
	}
	return v.w.value(x)[v.first*h : v.last*h]
}
