package torchfile_test

import (
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/torchfile"
)

// FuzzParse: whatever the bytes are, they are refused, or their tensors are whole.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.[bp]*"))
	if err != nil || len(names) < 8 {
		f.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range names {
		f.Add(read(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := torchfile.Parse(raw, "x")
		if err != nil {
			return
		}
		checkWhole(t, raw, file.Tensors())
	})
}

// FuzzProgram is FuzzParse for the pickle alone, whose archive is always good.
func FuzzProgram(f *testing.F) {
	f.Add(one)
	f.Add("}(X\x01\x00\x00\x00a" + one + "u}b")
	f.Add("ctorch.nn.modules.sparse\nEmbedding\n)\x81}X\x0b\x00\x00\x00_parameters}X\x06\x00\x00\x00weight" + one + "ssb")
	f.Fuzz(func(t *testing.T, program string) {
		raw := pickled(t, program, make([]byte, 24))
		file, err := torchfile.Parse(raw, "x")
		if err != nil {
			return
		}
		checkWhole(t, raw, file.Tensors())
	})
}

func checkWhole(t *testing.T, raw []byte, tensors []safetensors.Tensor) {
	copied := 0
	last := map[*byte]bool{}
	for _, w := range tensors {
		size, known := w.DType.Size()
		for _, n := range w.Shape {
			size *= n
		}
		if !known || size != len(w.Data) {
			t.Errorf("%s: %d bytes of %s %v", w.Where(), len(w.Data), w.DType, w.Shape)
		}
		if len(w.Data) > 0 && !within(w.Data, raw) && !last[&w.Data[0]] {
			last[&w.Data[0]] = true
			copied += len(w.Data)
		}
	}
	if copied > len(raw) {
		t.Errorf("%d bytes were copied of a file of %d", copied, len(raw))
	}
}
