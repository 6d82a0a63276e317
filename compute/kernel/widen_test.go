package kernel

import (
	"fmt"
	"math"
	"testing"
)

// TestWiden widens bf16 of every kind on every path, from odd places too.
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
		for _, n := range append(sizes, len(all)-1) {
			for _, offset := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s/n=%d/offset=%d", path, n, offset), func(t *testing.T) {
					got := guard(n, offset)
					s.Widen(got.values, all[offset:])
					got.check(t)
					for i, v := range got.values {
						if math.Float32bits(v) != uint32(all[offset+i])<<16 {
							t.Fatalf("element %d: got %v of %#04x", i, v, all[offset+i])
						}
					}
				})
			}
		}
	}
}
