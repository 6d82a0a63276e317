package kernel

import (
	"fmt"
	"runtime/debug"
	"syscall"
	"testing"
	"unsafe"
)

// fenced is a copy of values in memory of its own between two pages that nobody may touch, against the first or the last.
func fenced(t *testing.T, values []float32, last bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	bytes := (4*len(values) + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, bytes+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	for _, fence := range [][]byte{memory[:page], memory[page+bytes:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	if len(values) == 0 {
		return nil
	}
	first := page
	if last {
		first += bytes - 4*len(values)
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(&memory[first])), len(values))
	copy(x, values)
	return x
}

// TestKernelsTouchNothingBeyondTheirOperands runs every kernel on operands that end, or begin, at a page that faults.
func TestKernelsTouchNothingBeyondTheirOperands(t *testing.T) {
	for _, path := range Available() {
		s, err := New(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, last := range []bool{false, true} {
			for _, n := range sizes {
				t.Run(fmt.Sprintf("%s/n=%d/last=%v", path, n, last), func(t *testing.T) {
					operand := func(n int) []float32 { return fenced(t, random(n, 1, "x"), last) }
					defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
					runAll(s, n, operand)
				})
			}
		}
	}
}

// TestPanelsAreCopiedOfNothingBeyondTheirLines packs bf16 that begin and end at a page that faults, as a weight may at the end
// of its file, in shapes that leave parts of registers and of panels over.
func TestPanelsAreCopiedOfNothingBeyondTheirLines(t *testing.T) {
	for _, s := range bf16Paths(t) {
		for _, last := range []bool{false, true} {
			for _, lines := range []int{1, 7, 16} {
				for _, k := range []int{1, 2, 31, 32, 33, 45} {
					t.Run(fmt.Sprintf("%s/lines=%d/k=%d/last=%v", s.Path, lines, k, last), func(t *testing.T) {
						n := lines * k
						words := fenced(t, make([]float32, (n+1)/2), last)
						bits := unsafe.Slice((*uint16)(unsafe.Pointer(&words[0])), 2*len(words))
						if bits = bits[:n]; last {
							bits = unsafe.Slice((*uint16)(unsafe.Pointer(&words[0])), 2*len(words))[2*len(words)-n:]
						}
						defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
						for _, transposed := range []bool{false, true} {
							s.CopyRows(make([]float32, PanelWords(k)), bits, lines, k, k, transposed)
							s.CopyColumns(make([]float32, PanelWords(k)), bits, lines, k, lines, transposed)
						}
					})
				}
			}
		}
	}
}

// TestWideningTouchesNothingBeyondItsOperands widens numbers that begin and end at a page that faults, to such a page.
func TestWideningTouchesNothingBeyondItsOperands(t *testing.T) {
	for _, path := range Available() {
		s, err := New(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, last := range []bool{false, true} {
			for _, n := range sizes[1:] {
				t.Run(fmt.Sprintf("%s/n=%d/last=%v", path, n, last), func(t *testing.T) {
					words := fenced(t, make([]float32, (n+1)/2), last)
					bits := unsafe.Slice((*uint16)(unsafe.Pointer(&words[0])), 2*len(words))
					if bits = bits[len(bits)-n:]; !last {
						bits = unsafe.Slice((*uint16)(unsafe.Pointer(&words[0])), n)
					}
					dst := fenced(t, make([]float32, n), last)
					defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
					s.Widen(dst, bits)
					s.WidenF16(dst, bits)
				})
			}
		}
	}
}

// runAll calls every kernel that treats float32, each operand being one that operand gives.
func runAll(s *Set, n int, operand func(n int) []float32) {
	a, b, c, d := operand(n), operand(n), operand(n), operand(n)
	s.Add(a, b, c)
	s.AddRows(a, operand(3*n), 3, n)
	s.AddScaled(a, b, 0.5)
	s.Scale(a, b, 0.5)
	s.MulAdd(a, b, c)
	for _, f := range []Activation{s.GELU, s.GELUTanh, s.SiLU, s.ReLU, s.Tanh} {
		f.Apply(a, b)
		f.Gradient(a, b, c)
		if f.gate != nil {
			f.Gate(a, b, c)
			f.GateGradient(a, operand(n), b, c, d)
		}
	}
	s.Dropout(a, b, Drop{Key: 7, Threshold: 1 << 22, Scale: 2})
	s.Dot(operand(1), a, b)
	s.Dot64(a, b)
	s.Softmax(a, b, 1)
	s.SoftmaxGradient(a, b, c, 1)
	s.SoftmaxPart(a, b, operand(2), 1)
	if n > 0 {
		s.LayerNorm(a, b, c, d, operand(2), 1e-6)
		s.LayerNormGradient(a, b, c, d, operand(2))
	}
	s.LayerNormWeights(a, b, c, d, operand(2))
	if n > 0 {
		s.RMSNorm(a, b, c, operand(1), 1e-6, 1)
		s.RMSNormGradient(a, b, c, d, operand(1), 1)
	}
	s.RMSNormWeights(a, b, c, operand(1))
	s.Rotate(operand(2*n), operand(2*n), a, b)
	s.RotateBack(operand(2*n), operand(2*n), a, b)
	s.AdamW(a, b, c, magnitudes(d), &settings)
	s.AdamW(a, b, magnitudes(c), d, &settings)
	ldc := s.NR + 1
	for _, accumulate := range []bool{false, true} {
		s.Gemm(operand(n*s.MR), operand(n*s.NR), operand((s.MR-1)*ldc+s.NR), n, ldc, accumulate)
	}
	if columns := n / s.Lanes * s.Lanes; columns > 0 {
		s.Transpose(operand(columns*s.Lanes), operand((s.Lanes-1)*(n+1)+columns), columns/s.Lanes, n+1, s.Lanes)
	}
}
