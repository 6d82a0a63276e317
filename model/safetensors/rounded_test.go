package safetensors_test

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/model/safetensors"
)

func TestRounded(t *testing.T) {
	long := make([]float32, 100_000) // more than a block
	for i := range long {
		long[i] = float32(i)
	}
	f, err := safetensors.Parse(write(t, []safetensors.Entry{
		// 1 + 2^-8 lies between two numbers of bf16 and goes to the even one, 1 + 3·2^-8 too.
		safetensors.Float32("w", []int{2, 2}, []float32{1 + 1.0/256, 1 + 3.0/256, float32(math.Inf(-1)), -0.1}),
		safetensors.Float32("long", []int{len(long)}, long),
		raw("i", safetensors.I64, nil, []byte{7, 0, 0, 0, 0, 0, 0, 0}),
		raw("h", safetensors.F16, []int{1}, []byte{0, 0x3c}),
	}, nil), "x")
	if err != nil {
		t.Fatal(err)
	}
	var rounded []safetensors.Entry
	for _, tensor := range f.Tensors() {
		rounded = append(rounded, safetensors.Rounded(t.Context(), tensor))
	}
	got, err := safetensors.Parse(write(t, rounded, nil), "y")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range f.Tensors() {
		tensor := got.Tensors()[i]
		if want.DType != safetensors.F32 {
			if tensor.DType != want.DType || !cmp.Equal(tensor.Data, want.Data) {
				t.Errorf("%s was not copied", want.Name)
			}
			continue
		}
		before, _ := want.Float32s()
		after, err := tensor.Float32s()
		if err != nil || tensor.DType != safetensors.BF16 || !cmp.Equal(tensor.Shape, want.Shape) {
			t.Fatalf("%s is %s %v, %v", want.Name, tensor.DType, tensor.Shape, err)
		}
		for j, v := range before {
			if math.Abs(float64(after[j]-v)) > math.Abs(float64(v))/256 {
				t.Errorf("%s[%d]: %g became %g", want.Name, j, v, after[j])
			}
		}
	}
	w, _ := got.Tensor("w")
	values, _ := w.Float32s()
	if diff := cmp.Diff([]float32{1, 1 + 4.0/256, float32(math.Inf(-1)), -0.10009765625}, values); diff != "" {
		t.Error(diff)
	}
}

func TestRoundedRefuses(t *testing.T) {
	f, err := safetensors.Parse(write(t, []safetensors.Entry{safetensors.Float32("w", []int{3}, []float32{0, 1, math.MaxFloat32})}, nil), "x.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	err = safetensors.Write(io.Discard, []safetensors.Entry{safetensors.Rounded(t.Context(), f.Tensors()[0])}, nil)
	if err == nil || !strings.Contains(err.Error(), `x.safetensors: tensor "w": element 2 is 3.4028235e+38, above what bf16 can hold`) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := safetensors.Rounded(ctx, f.Tensors()[0]).Write(io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
