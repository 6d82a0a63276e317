package safetensors_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/quarry-ml/quarry/compute/half"
	"github.com/quarry-ml/quarry/model/safetensors"
)

// TestFirstNonFiniteAtEveryPlace puts what is not finite at each place of tensors of 16 bits among the largest finite numbers.
func TestFirstNonFiniteAtEveryPlace(t *testing.T) {
	for _, tc := range []struct {
		dtype        safetensors.DType
		largest, not uint16
	}{
		{safetensors.BF16, 0x7f7f, 0x7f80},
		{safetensors.BF16, 0xff7f, 0xffc1},
		{safetensors.F16, 0x7bff, 0xfc00},
		{safetensors.F16, 0xfbff, 0x7c01},
	} {
		for n := range 10 {
			data := make([]byte, 2*n)
			for i := range n {
				binary.LittleEndian.PutUint16(data[2*i:], tc.largest)
			}
			tensor := safetensors.Tensor{DType: tc.dtype, Shape: []int{n}, Data: data}
			if at, found := safetensors.FirstNonFinite(tensor); found {
				t.Errorf("%s: of %d largest numbers %d is not finite", tc.dtype, n, at)
			}
			for want := n - 1; want >= 0; want-- { // what was put there before stays behind it
				binary.LittleEndian.PutUint16(data[2*want:], tc.not)
				if at, found := safetensors.FirstNonFinite(tensor); !found || at != want {
					t.Errorf("%s: %d of %d: found %d, %t", tc.dtype, want, n, at, found)
				}
			}
		}
	}
}

// TestHalvesAreViewsWhereTheyCanBe reads numbers of 16 bits at even and odd addresses.
func TestHalvesAreViewsWhereTheyCanBe(t *testing.T) {
	for _, tc := range []struct {
		dtype safetensors.DType
		kind  half.Type
		want  []float32
	}{
		{safetensors.BF16, half.BF16, []float32{1, -2.5}},
		{safetensors.F16, half.F16, []float32{1.875, -2.0625}},
	} {
		for _, odd := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/odd=%d", tc.dtype, odd), func(t *testing.T) {
				data := append(make([]byte, odd, 8), 0x80, 0x3f, 0x20, 0xc0)
				tensor := safetensors.Tensor{DType: tc.dtype, Shape: []int{2}, Data: data[odd:]}
				s, err := tensor.Halves()
				if err != nil || s.Type != tc.kind || s.Len() != 2 || s.At(0) != tc.want[0] || s.At(1) != tc.want[1] {
					t.Fatalf("%+v, %v", s, err)
				}
				if got := tensor.Copied(); got != int64(4*odd) {
					t.Errorf("%d bytes are copied", got)
				}
				data[odd+1] = 0
				if viewed := s.Bits[0] != 0x3f80; viewed == (odd == 1) {
					t.Errorf("a view of the data: %t", viewed)
				}
			})
		}
	}
	if _, err := (safetensors.Tensor{Name: "w", DType: safetensors.F32}).Halves(); err == nil {
		t.Error("F32 was read as 16 bits")
	}
}
