package compute

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// adviceBytes is how much is asked for at once. The kernel reads no more than its read-ahead of one request, 128 KiB unless a
// machine says otherwise, whatever the length of that.
const adviceBytes = 128 << 10

// willNeed asks the kernel to read the file that a weight's values are mapped from. It may refuse; nothing but speed depends
// on it.
func willNeed(w *Weight, ended *atomic.Bool) {
	for b := range pieces(w.bytes(), os.Getpagesize(), adviceBytes) {
		if ended.Load() {
			return
		}
		_ = syscall.Madvise(b, syscall.MADV_WILLNEED)
	}
}

// pieces are the parts of memory from its first whole page on, of so many bytes, the last of what is left.
func pieces(b []byte, page, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		if len(b) == 0 {
			return
		}
		start := min(len(b), int(-uintptr(unsafe.Pointer(&b[0]))&uintptr(page-1)))
		for b = b[start:]; len(b) > 0; {
			n := min(size, len(b))
			if !yield(b[:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// bytes is the memory of a weight's values.
func (w *Weight) bytes() []byte {
	switch {
	case w.isHalf() && len(w.Halves.Bits) > 0:
		return unsafe.Slice((*byte)(unsafe.Pointer(&w.Halves.Bits[0])), 2*len(w.Halves.Bits))
	case len(w.Values) > 0:
		return unsafe.Slice((*byte)(unsafe.Pointer(&w.Values[0])), 4*len(w.Values))
	}
	return nil
}
