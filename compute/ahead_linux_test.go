package compute

import (
	"sync/atomic"
	"testing"
	"unsafe"
)

// TestPiecesAreWholePages cuts memory from odd beginnings.
func TestPiecesAreWholePages(t *testing.T) {
	const page, size = 64, 256
	memory := make([]byte, 2000)
	memory = memory[-uintptr(unsafe.Pointer(&memory[0]))&(page-1):][:1900]
	for _, c := range []struct{ from, to, first, pieces int }{{0, 1000, 0, 4}, {3, 1000, 64, 4}, {63, 320, 64, 1}, {1, 60, 0, 0}, {5, 5, 0, 0}} {
		end, n := 0, 0
		for b := range pieces(memory[c.from:c.to], page, size) {
			at := int(uintptr(unsafe.Pointer(&b[0])) - uintptr(unsafe.Pointer(&memory[0])))
			if n == 0 && at != c.first || n > 0 && at != end || at%page != 0 || len(b) > size {
				t.Errorf("[%d, %d): piece %d is [%d, %d)", c.from, c.to, n, at, at+len(b))
			}
			end, n = at+len(b), n+1
		}
		if n != c.pieces || n > 0 && end != c.to {
			t.Errorf("[%d, %d): %d pieces up to %d, want %d", c.from, c.to, n, end, c.pieces)
		}
	}
	w, err := NewWeight("w", 3, 500, make([]float32, 1500))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.bytes()); n != 6000 {
		t.Errorf("%d bytes of 1500 values", n)
	}
	var ended atomic.Bool
	willNeed(w, &ended) // of memory that is no file nothing happens
}
