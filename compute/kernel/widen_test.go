package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/half"
)

// TestWiden widens every number of 16 bits on every path, from odd places too, and compares bits: of subnormal numbers,
// infinities and NaN with their payloads as well.
func TestWiden(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	for _, path := range Available() {
		s, err := New(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []struct {
			name  string
			widen func(dst []float32, src []uint16)
			value func(uint16) float32
		}{{"bf16", s.Widen, half.BF16ToF32}, {"f16", s.WidenF16, half.F16ToF32}} {
			for _, n := range append(sizes, len(all)-1) {
				for _, offset := range []int{0, 1} {
					t.Run(fmt.Sprintf("%s/%s/n=%d/offset=%d", path, kind.name, n, offset), func(t *testing.T) {
						got := guard(n, offset)
						kind.widen(got.values, all[offset:])
						got.check(t)
						for i, v := range got.values {
							if want := kind.value(all[offset+i]); math.Float32bits(v) != math.Float32bits(want) {
								t.Fatalf("%#04x: got %v (%#08x), want %v (%#08x)", all[offset+i], v, math.Float32bits(v), want, math.Float32bits(want))
							}
						}
					})
				}
			}
		}
	}
}
