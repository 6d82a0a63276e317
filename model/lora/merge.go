package lora

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// Merge returns the base's tensors, in their order and types, with the adapter's part added: W + scaling·B·A, summed in
// float64 in the order of the rank and rounded once, to nearest, ties to even. Every other tensor is copied byte for
// byte. The work is done when an entry is written, some rows at a time on so many workers, so that no more than those rows of
// a large model are in memory. A sum that is not finite in the base's type is an error that names tensor and element; a
// cancelled context ends the writing.
func (a *Adapter) Merge(ctx context.Context, base *safetensors.File, workers int) ([]safetensors.Entry, error) {
	layers := map[string]*Layer{}
	for i := range a.Layers {
		layers[a.Layers[i].Tensor] = &a.Layers[i]
	}
	merged := 0
	var entries []safetensors.Entry
	for _, t := range base.Tensors() {
		layer, adapted := layers[t.Name]
		saved, replaced := a.Saved[t.Name]
		if !adapted && !replaced {
			entries = append(entries, safetensors.Copy(t))
			continue
		}
		merged++
		e, err := mergedEntry(ctx, t, layer, saved, workers)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if want := len(a.Layers) + len(a.Saved); merged != want {
		return nil, fmt.Errorf("%s: the adapter changes %d tensors, of which the base has %d: it was read for another base", base.Name(), want, merged)
	}
	return entries, nil
}

func mergedEntry(ctx context.Context, t safetensors.Tensor, layer *Layer, saved Saved, workers int) (safetensors.Entry, error) {
	number, err := numberOf(t)
	if err != nil {
		return safetensors.Entry{}, err
	}
	e := safetensors.Entry{Name: t.Name, DType: t.DType, Shape: t.Shape}
	if layer == nil {
		e.Write = func(w io.Writer) error { return replace(w, t, number, saved.Values) }
		return e, nil
	}
	if len(t.Shape) != 2 || t.Shape[0] != layer.Out || t.Shape[1] != layer.In {
		return safetensors.Entry{}, fmt.Errorf("%s: shape %v, but the adapter's module is [%d, %d]", t.Where(), t.Shape, layer.Out, layer.In)
	}
	e.Write = func(w io.Writer) error { return layer.mergeInto(ctx, w, t, number, workers) }
	return e, nil
}

// mergeRows is the rows that a worker merges before they are written.
const mergeRows = 16

// mergeInto writes the rows of W + scaling·B·A.
func (l *Layer) mergeInto(ctx context.Context, w io.Writer, t safetensors.Tensor, n number, workers int) error {
	a := make([]float64, len(l.A)) // converted once, used for every row
	for i, v := range l.A {
		a[i] = float64(v)
	}
	width := l.In * n.size
	parts := make([]mergedPart, max(1, min(workers, (l.Out+mergeRows-1)/mergeRows)))
	for i := range parts {
		parts[i] = mergedPart{sum: make([]float64, l.In), bytes: make([]byte, mergeRows*width)}
	}
	for first := 0; first < l.Out; first += mergeRows * len(parts) {
		if err := ctx.Err(); err != nil {
			return err
		}
		var wait sync.WaitGroup
		for i := range parts {
			wait.Go(func() { parts[i].merge(l, a, t, n, first+i*mergeRows) })
		}
		wait.Wait()
		for i := range parts {
			if parts[i].err != nil {
				return parts[i].err
			}
			if _, err := w.Write(parts[i].bytes[:parts[i].rows*width]); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergedPart is some rows on their way to a file.
type mergedPart struct {
	sum   []float64
	bytes []byte
	rows  int
	err   error
}

// merge makes the rows from the given one on, as far as there are any.
func (p *mergedPart) merge(l *Layer, a []float64, t safetensors.Tensor, n number, first int) {
	width := l.In * n.size
	p.rows = max(0, min(mergeRows, l.Out-first))
	for r := range p.rows {
		i := first + r
		clear(p.sum)
		addProducts(p.sum, l.B[i*l.Rank:(i+1)*l.Rank], a)
		weights, row := t.Data[i*width:(i+1)*width], p.bytes[r*width:(r+1)*width]
		for j, change := range p.sum {
			before := n.read(weights[j*n.size:])
			if !n.write(row[j*n.size:], before+float64(l.Scaling*change)) {
				p.err = fmt.Errorf("%s: element [%d, %d] is not finite after merging: %g with %g added", t.Where(), i, j, before, l.Scaling*change)
				return
			}
		}
	}
}

// addProducts adds to sum a row of B times A [len(b), len(sum)], in the order of the rank, four at a time so that sums are
// fetched less often. The product of two float32 is exact in float64, so a fused multiply-add gives the same sum.
func addProducts(sum []float64, b []float32, a []float64) {
	n := len(sum)
	row := func(k int) []float64 { return a[k*n:][:n] }
	k := 0
	for ; k+4 <= len(b); k += 4 {
		b0, b1, b2, b3 := float64(b[k]), float64(b[k+1]), float64(b[k+2]), float64(b[k+3])
		a0, a1, a2, a3 := row(k), row(k+1), row(k+2), row(k+3)
		for j, s := range sum {
			s += b0 * a0[j]
			s += b1 * a1[j]
			s += b2 * a2[j]
			sum[j] = s + b3*a3[j]
		}
	}
	for ; k < len(b); k++ {
		factor := float64(b[k])
		for j, v := range row(k) {
			sum[j] += factor * v
		}
	}
}

func replace(w io.Writer, t safetensors.Tensor, n number, values []float32) error {
	const block = 1 << 15 // elements
	out := make([]byte, min(block, len(values))*n.size)
	for at := 0; at < len(values); at += block {
		part := values[at:min(at+block, len(values))]
		for i, v := range part {
			if !n.write(out[i*n.size:], float64(v)) {
				return fmt.Errorf("%s: element %d is not finite after merging: %g", t.Where(), at+i, v)
			}
		}
		if _, err := w.Write(out[:len(part)*n.size]); err != nil {
			return err
		}
	}
	return nil
}

// number reads and writes one element of a type; write reports whether the rounded value is finite.
type number struct {
	size  int
	read  func([]byte) float64
	write func([]byte, float64) bool
}

func numberOf(t safetensors.Tensor) (number, error) {
	short := func(read func(uint16) float32, round func(float32) uint16) number {
		return number{2,
			func(p []byte) float64 { return float64(read(binary.LittleEndian.Uint16(p))) },
			func(p []byte, v float64) bool {
				bits := round(roundToOdd(v))
				binary.LittleEndian.PutUint16(p, bits)
				return finite(float64(read(bits)))
			}}
	}
	switch t.DType {
	case safetensors.F32:
		return number{4,
			func(p []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(p))) },
			func(p []byte, v float64) bool {
				binary.LittleEndian.PutUint32(p, math.Float32bits(float32(v)))
				return finite(float64(float32(v)))
			}}, nil
	case safetensors.F16:
		return short(half.F16ToF32, half.F32ToF16), nil
	case safetensors.BF16:
		return short(half.BF16ToF32, half.F32ToBF16), nil
	}
	return number{}, fmt.Errorf("%s: is %s; adapters merge into F32, F16 and BF16 (a quantised base must be merged unquantised)", t.Where(), t.DType)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// roundToOdd makes a float32 on the way from float64 to a 16-bit type without rounding twice: where v is not a float32,
// it is the neighbour whose last bit is odd, which lies on the same side of every 16-bit tie as v (Boldo and Melquiond,
// 2005).
func roundToOdd(v float64) float32 {
	f := float32(v)
	if float64(f) == v || math.IsNaN(v) || math.Float32bits(f)&1 == 1 {
		return f
	}
	if math.IsInf(float64(f), 0) {
		return f // beyond every 16-bit number, too
	}
	toward := float32(math.Inf(1))
	if v < float64(f) {
		toward = float32(math.Inf(-1))
	}
	return math.Nextafter32(f, toward)
}
