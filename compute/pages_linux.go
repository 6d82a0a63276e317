package compute

import (
	"syscall"
	"unsafe"
)

// largePage is the size of a large page on amd64, and on arm64 with pages of 4 KiB.
const largePage = 2 << 20

// adviseLargePages asks for large pages in the part of a buffer that holds whole ones. The kernel may refuse; nothing but
// speed depends on it.
func adviseLargePages(values []float32) {
	if 4*len(values) < 2*largePage {
		return
	}
	const adviceHugePage = 14 // MADV_HUGEPAGE of <asm-generic/mman-common.h>
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	start := -uintptr(unsafe.Pointer(&values[0])) & (largePage - 1)
	whole := (uintptr(len(bytes)) - start) &^ (largePage - 1)
	_ = syscall.Madvise(bytes[start:start+whole], adviceHugePage)
}
