package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/model/safetensors"
)

func write(t *testing.T, entries []safetensors.Entry, metadata map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := safetensors.Write(&out, entries, metadata); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func raw(name string, dtype safetensors.DType, shape []int, data []byte) safetensors.Entry {
	return safetensors.Copy(safetensors.Tensor{Name: name, DType: dtype, Shape: shape, Data: data})
}

func TestWriteLayout(t *testing.T) {
	got := write(t, []safetensors.Entry{
		safetensors.Float32("z<&>", []int{2}, []float32{1, -2}),
		raw("a", safetensors.I64, nil, []byte{7, 0, 0, 0, 0, 0, 0, 0}),
	}, nil)
	// Given order kept, no HTML escapes, the header padded to eight.
	header := `{"__metadata__":{"format":"pt"},"z<&>":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},` +
		`"a":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}`
	for (len(header))%8 != 0 {
		header += " "
	}
	want := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	want = append(want, header...)
	want = append(want, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7, 0, 0, 0, 0, 0, 0, 0)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriteRefuses(t *testing.T) {
	failure := errors.New("disk full")
	short := func(w io.Writer) error { _, err := w.Write([]byte{1}); return err }
	for _, tc := range []struct {
		name    string
		entries []safetensors.Entry
		want    string
	}{
		{"name twice", []safetensors.Entry{raw("a", safetensors.U8, nil, []byte{1}), raw("a", safetensors.U8, nil, []byte{1})}, `tensor name "a" comes twice`},
		{"reserved name", []safetensors.Entry{raw("__metadata__", safetensors.U8, nil, []byte{1})}, "reserved"},
		{"unknown dtype", []safetensors.Entry{raw("a", "F5", nil, []byte{1})}, `tensor "a": unknown dtype "F5"`},
		{"negative shape", []safetensors.Entry{raw("a", safetensors.U8, []int{-1}, nil)}, "negative dimension"},
		{"too few bytes", []safetensors.Entry{{Name: "a", DType: safetensors.F32, Shape: []int{2}, Write: short}}, `tensor "a": 7 of its 8 bytes were not written`},
		{"too many bytes", []safetensors.Entry{raw("a", safetensors.U8, nil, []byte{1, 2})}, `tensor "a": more bytes than its shape holds`},
		{"source fails", []safetensors.Entry{{Name: "a", DType: safetensors.U8, Write: func(io.Writer) error { return failure }}}, `tensor "a": disk full`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := safetensors.Write(io.Discard, tc.entries, nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestFloat32s(t *testing.T) {
	values := []float32{1, -0.5, 65504}
	f16 := []byte{0x00, 0x3c, 0x00, 0xb8, 0xff, 0x7b}
	bf16 := []byte{0x80, 0x3f, 0x00, 0xbf, 0x80, 0x47} // 65504 rounds to 65536
	data := write(t, []safetensors.Entry{
		safetensors.Float32("aligned", []int{3}, values),
		raw("half", safetensors.F16, []int{3}, f16),
		safetensors.Float32("misaligned", []int{3}, values), // six bytes of half come before it
		raw("brain", safetensors.BF16, []int{3}, bf16),
		raw("empty", safetensors.F32, []int{0}, nil),
	}, nil)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tc := range []struct {
		name string
		want []float32
	}{
		{"aligned", values},
		{"half", values},
		{"misaligned", values},
		{"brain", []float32{1, -0.5, 65536}},
		{"empty", []float32{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tensor, err := f.Tensor(tc.name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tensor.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestFirstNonFinite(t *testing.T) {
	nan := float32(math.NaN())
	inf := float32(math.Inf(-1))
	for _, tc := range []struct {
		name  string
		entry safetensors.Entry
		index int
		found bool
	}{
		{"none", safetensors.Float32("w", []int{2}, []float32{1, math.MaxFloat32}), 0, false},
		{"NaN", safetensors.Float32("w", []int{3}, []float32{1, 2, nan}), 2, true},
		{"infinity first", safetensors.Float32("w", []int{3}, []float32{1, inf, nan}), 1, true},
		{"half", raw("w", safetensors.F16, []int{2}, []byte{0xff, 0x7b, 0x00, 0xfc}), 1, true},
		{"half none", raw("w", safetensors.F16, []int{1}, []byte{0xff, 0x7b}), 0, false},
		{"brain", raw("w", safetensors.BF16, []int{2}, []byte{0x7f, 0x7f, 0xc1, 0x7f}), 1, true},
		{"double", raw("w", safetensors.F64, []int{1}, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x7f}), 0, true},
		{"integers", raw("w", safetensors.I32, []int{1}, []byte{0, 0, 0x80, 0x7f}), 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := safetensors.Parse(write(t, []safetensors.Entry{tc.entry}, nil), "x")
			if err != nil {
				t.Fatal(err)
			}
			index, found := safetensors.FirstNonFinite(f.Tensors()[0])
			if index != tc.index || found != tc.found {
				t.Errorf("got %d %t, want %d %t", index, found, tc.index, tc.found)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	f, err := safetensors.Parse(write(t, []safetensors.Entry{safetensors.Float32("a", []int{2}, []float32{1, 2}), safetensors.Float32("b", []int{1, 2}, []float32{3, 4})}, nil), "x.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, tensor string
		shape        []int
		bytes        int
		want         string
	}{
		{"no such tensor", "c", []int{1}, 4, `x.safetensors: has no tensor "c"`},
		{"too few bytes", "b", []int{2, 2}, 12, `tensor "b": 12 bytes are not those of shape [2 2]`},
		{"another shape", "b", []int{2, 2}, 16, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := f.Replace(tc.tensor, tc.shape, make([]byte, tc.bytes))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	a, _ := f.Tensor("a")
	b, _ := f.Tensor("b")
	if !slices.Equal(b.Shape, []int{2, 2}) || b.Copied() != 16 || !slices.Equal(a.Shape, []int{2}) {
		t.Errorf("a %v, b %v with %d bytes of memory", a.Shape, b.Shape, b.Copied())
	}
}
