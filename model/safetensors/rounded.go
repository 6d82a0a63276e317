package safetensors

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/quarry-ml/quarry/compute/half"
)

// Rounded returns the entry that writes an F32 tensor as BF16, each element rounded to nearest, ties to even; a tensor of
// another type is copied. Little of it is in memory at a time. A finite element that no BF16 can hold is an error that names
// it; what is not finite stays that.
func Rounded(ctx context.Context, t Tensor) Entry {
	if t.DType != F32 {
		return Copy(t)
	}
	return Entry{Name: t.Name, DType: BF16, Shape: t.Shape, Write: func(w io.Writer) error { return round(ctx, w, t) }}
}

func round(ctx context.Context, w io.Writer, t Tensor) error {
	const block = 1 << 15 // elements
	out := make([]byte, 0, 2*block)
	for at := 0; at < len(t.Data); at += 4 * block {
		if err := ctx.Err(); err != nil {
			return err
		}
		out = out[:0]
		for data := t.Data[at:min(at+4*block, len(t.Data))]; len(data) > 0; data = data[4:] {
			bits := binary.LittleEndian.Uint32(data)
			b := half.F32ToBF16(math.Float32frombits(bits))
			if b&0x7f80 == 0x7f80 && bits&0x7f800000 != 0x7f800000 {
				return fmt.Errorf("%s: element %d is %g, above what bf16 can hold", t.Where(), at/4+len(out)/2, math.Float32frombits(bits))
			}
			out = binary.LittleEndian.AppendUint16(out, b)
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}
