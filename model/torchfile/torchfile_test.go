package torchfile_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/model/torchfile"
)

// TestStateDict: what torch saved in both formats is the same here, and in the file's memory where it stands in order there.
func TestStateDict(t *testing.T) {
	raw := read(t, "state_dict.bin")
	got, err := torchfile.Parse(raw, "state_dict.bin")
	if err != nil {
		t.Fatal(err)
	}
	want, err := safetensors.Open(filepath.Join("testdata", "state_dict.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if len(got.Tensors()) != len(want.Tensors()) || len(want.Tensors()) < 20 {
		t.Errorf("%d tensors, want %d", len(got.Tensors()), len(want.Tensors()))
	}
	copied := []string{"column", "expanded", "reordered", "transposed", "transposed again"}
	for _, w := range want.Tensors() {
		g, err := got.Tensor(w.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("%s: %s %v %v, want %s %v %v", w.Name, g.DType, g.Shape, g.Data, w.DType, w.Shape, w.Data)
		}
		if len(g.Data) > 0 && within(g.Data, raw) == slices.Contains(copied, w.Name) {
			t.Errorf("%s: a view of the file: %v", w.Name, within(g.Data, raw))
		}
		if slices.Contains(copied, w.Name) && g.Copied() != int64(len(g.Data)) {
			t.Errorf("%s: counts for %d bytes of memory", w.Name, g.Copied())
		}
	}
	whole, rows := tensor(t, got, "whole"), tensor(t, got, "rows")
	if &whole.Data[6*4] != &rows.Data[0] {
		t.Error("rows of a tensor are not its memory")
	}
	once, again := tensor(t, got, "transposed"), tensor(t, got, "transposed again")
	if &once.Data[0] != &again.Data[0] {
		t.Error("what was brought into order once is copied a second time")
	}
}

// TestAlone: a tensor in no dict and the parameter of a module are named alike.
func TestAlone(t *testing.T) {
	for _, name := range []string{"alone.pth", "embedding.pth", "attributes.pth"} {
		t.Run(name, func(t *testing.T) {
			f, err := torchfile.Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w := tensor(t, f, torchfile.Alone)
			values, err := w.Float32s()
			if err != nil || len(f.Tensors()) != 1 || !slices.Equal(w.Shape, []int{4, 3}) || values[11] != 11.0/8 {
				t.Errorf("%v %v of %d tensors: %v", w.Shape, values, len(f.Tensors()), err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	good := read(t, "alone.pth")
	changed := func(change func(raw []byte)) []byte {
		raw := bytes.Clone(good)
		change(raw)
		return raw
	}
	replaced := func(old, new string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("alone.pth has no %q", old)
		}
		return bytes.ReplaceAll(good, []byte(old), []byte(new))
	}
	for _, tc := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"executes", read(t, "malicious.bin"), `asks for "posix.system", which no state dict needs: nothing in a file is executed here`},
		{"before 1.6", read(t, "legacy.bin"), "is in the form of torch before 1.6, which is not read; save it again with a newer one"},
		{"TorchScript", read(t, "script.bin"), "is a program of TorchScript"},
		{"checkpoint of a training", read(t, "checkpoint.bin"), `"epoch" is a number, not a tensor: what more a training saves`},
		{"another protocol", read(t, "protocol4.bin"), "is of pickle's protocol 4, and only 2 is read"},
		{"empty", nil, "is empty"},
		{"Git LFS", []byte("version https://git-lfs.github.com/spec/v1\n"), "is a pointer of Git LFS"},
		{"a page", []byte("<html>"), "is no file of torch.save"},
		{"truncated", good[:len(good)-100], "the file is truncated or damaged"},
		{"no pickle", zipped(t, zip.Store, map[string]string{"a/byteorder": "little"}), "is a zip archive without data.pkl"},
		{"pickle not in a folder", zipped(t, zip.Store, map[string]string{"data.pkl": "."}), "is a zip archive without data.pkl"},
		{"two pickles", zipped(t, zip.Store, map[string]string{"a/data.pkl": ".", "b/data.pkl": "."}), "holds two of what torch.save writes"},
		{"compressed", zipped(t, zip.Deflate, map[string]string{"a/data.pkl": "N."}), `entry "a/data.pkl" is compressed`},
		{"big-endian", replaced("little", "big\x00\x00\x00"), "only little is read"},
		{"no storage", pickled(t, array(floats, "9", "K\x06", "K\x00", pair(2, 3), pair(3, 1)), nil), `has no entry "a/data/9"`},
		{"storage too short", pickled(t, array(floats, "0", "K\x07", "K\x00", pair(2, 3), pair(3, 1)), make([]byte, 24)), "should have 7 elements of 4 bytes, and has 24 bytes"},
		{"offset beyond the storage", pickled(t, array(floats, "0", "K\x06", "K\x01", pair(2, 3), pair(3, 1)), make([]byte, 24)), "goes beyond its storage"},
		{"strides beyond the storage", pickled(t, array(floats, "0", "K\x06", "K\x00", pair(2, 3), pair(4, 1)), make([]byte, 24)), "goes beyond its storage"},
		{"a huge stride", pickled(t, array(floats, "0", "K\x06", "K\x00", pair(2, 3), "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x01\x86"), make([]byte, 24)), "goes beyond its storage"},
		{"a huge offset", pickled(t, array(floats, "0", "K\x06", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", pair(2, 3), pair(3, 1)), make([]byte, 24)), "goes beyond its storage"},
		{"a shape beyond any file", pickled(t, array(floats, "0", "K\x06", "K\x00", "J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", pair(0, 0)), make([]byte, 24)), `tensor "weight": shape [2147483647 2147483647] of F32 is larger than any file`},
		{"more memory than file", pickled(t, array(floats, "0", "K\x06", "K\x00", "J\x00\x00\x00\x10K\x01\x86", pair(0, 0)), make([]byte, 24)), "takes more memory than the file has bytes"},
		{"a negative shape", pickled(t, array(floats, "0", "K\x06", "K\x00", "J\xff\xff\xff\xffK\x01\x86", pair(0, 0)), make([]byte, 24)), "has other arguments than torch writes"},
		{"shape without strides", pickled(t, array(floats, "0", "K\x06", "K\x00", pair(2, 3), "K\x01\x85"), make([]byte, 24)), "has other arguments than torch writes"},
		{"complex numbers", pickled(t, array("ctorch\nComplexFloatStorage\n", "0", "K\x01", "K\x00", pair(1, 1), pair(1, 1)), make([]byte, 24)), `asks for "torch.ComplexFloatStorage"`},
		{"a name twice", pickled(t, "}(X\x01\x00\x00\x00a"+one+"X\x01\x00\x00\x00a"+one+"u", make([]byte, 24)), `tensor "a": comes twice`},
		{"a key that is no text", pickled(t, "}(K\x01"+one+"u", make([]byte, 24)), "the key of a tensor is a number"},
		{"no tensor", pickled(t, "N", nil), "holds None, and no state dict"},
		{"a module that is none", pickled(t, "ctorch.nn.modules.sparse\nEmbedding\n)\x81}b", nil), "has no _parameters"},
		{"state of a tensor", pickled(t, one+"}b", make([]byte, 24)), "sets the state of a tensor to a dict"},
		{"calls a value", pickled(t, "K\x01)R", nil), "calls a number with a list of values"},
		{"a persistent id of text", pickled(t, "X\x01\x00\x00\x00aQ", nil), "a persistent id is not that of a storage"},
		{"nothing on the stack", pickled(t, "\x85", nil), "takes a value that is not there"},
		{"below a mark", pickled(t, "N(\x85", nil), "takes a value that is not there"},
		{"no mark", pickled(t, "t", nil), "takes a mark that is not there"},
		{"two values left", pickled(t, "NN", nil), "leaves 2 values and 0 open marks"},
		{"unkept value", pickled(t, "h\x05", nil), "asks for value 5, which was not kept"},
		{"into a number", pickled(t, "K\x01K\x01a", nil), "puts values into a number"},
		{"a long number", pickled(t, "\x8a\x09123456789", nil), "a number of 9 bytes"},
		{"not UTF-8", pickled(t, "X\x01\x00\x00\x00\xff", nil), "a text is not valid UTF-8"},
		{"a text longer than the file", pickled(t, "X\xff\xff\xff\xff", nil), "ends in the middle"},
		{"opcode of INST", pickled(t, "(ios\nsystem\n", nil), "opcode 0x69 is not one that weights need"},
		{"opcode of STACK_GLOBAL", pickled(t, "X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93", nil), "opcode 0x93 is not one"},
		{"a name without end", pickled(t, "c"+strings.Repeat("a", 300), nil), "a name does not end within 256 bytes"},
		{"entries that overlap", overlapping(t, good), "overlap: the file is damaged"},
		{"an entry beyond the file", changed(func(raw []byte) { // of its directory, which holds the sizes of an entry twice
			at := bytes.LastIndex(raw, []byte("alone/data/0")) - 46
			binary.LittleEndian.PutUint32(raw[at+20:], 1<<30)
			binary.LittleEndian.PutUint32(raw[at+24:], 1<<30)
		}), "beyond the file's"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := torchfile.Parse(tc.raw, "dir/pytorch_model.bin")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "dir/pytorch_model.bin: ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestBombs: programs that say little and mean much end, in little memory.
func TestBombs(t *testing.T) {
	doubled := "]q\x00" + strings.Repeat("h\x00h\x00\x86q\x00", 1000)
	for _, tc := range []struct{ name, program, want string }{
		{"nested as deep as it is long", strings.Repeat(")\x85", 100_000), "leaves 100000 values"},
		{"nested tuples", ")" + strings.Repeat("\x85", 300_000), "holds a list of values, and no state dict"},
		{"doubled a thousand times", doubled, "leaves 1001 values"},
		{"a dict within itself", "}q\x00(K\x01h\x00u", "the key of a tensor is a number"},
		{"as many values as bytes", strings.Repeat("}", 2_200_000), "makes more than 2097152 values"},
		{"a program of 17 MB", strings.Repeat("N0", 17<<19), "has 17825795 bytes, more than the 16777216 that are read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw := pickled(t, tc.program, nil)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := torchfile.Parse(raw, "x")
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 512<<20 {
				t.Errorf("%d bytes were allocated", took)
			}
		})
	}
}

// TestTruncatedAnywhere: no beginning of a file is one.
func TestTruncatedAnywhere(t *testing.T) {
	raw := read(t, "embedding.pth")
	for n := range raw {
		if _, err := torchfile.Parse(raw[:n], "x"); err == nil {
			t.Errorf("the first %d of %d bytes are read", n, len(raw))
		}
	}
}

const floats = "ctorch\nFloatStorage\n"

var one = array(floats, "0", "K\x06", "K\x00", pair(2, 3), pair(3, 1))

// array is the program of a tensor.
func array(class, key, count, offset, shape, strides string) string {
	text := func(s string) string { return "X" + string([]byte{byte(len(s)), 0, 0, 0}) + s }
	return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + class + text(key) + text("cpu") + count + "tQ" + offset + shape + strides + "\x89ccollections\nOrderedDict\n)RtR"
}

func pair(a, b byte) string { return "K" + string([]byte{a}) + "K" + string([]byte{b}) + "\x86" }

// pickled is a file of a program, without its ends, and of a storage "0", where it is not nil.
func pickled(t testing.TB, program string, storage []byte) []byte {
	files := map[string]string{"a/data.pkl": "\x80\x02" + program + "."}
	if storage != nil {
		files["a/data/0"] = string(storage)
	}
	return zipped(t, zip.Store, files)
}

func zipped(t testing.TB, method uint16, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: time.Time{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// overlapping makes the storage of a file begin where its byteorder does.
func overlapping(t *testing.T, raw []byte) []byte {
	t.Helper()
	raw = bytes.Clone(raw)
	entry := func(name string) []byte {
		at := bytes.LastIndex(raw, []byte(name))
		if at < 46 || !bytes.Equal(raw[at-46:at-42], []byte("PK\x01\x02")) {
			t.Fatalf("no entry %s", name)
		}
		return raw[at-46 : at]
	}
	copy(entry("alone/data/0")[42:46], entry("alone/byteorder")[42:46])
	return raw
}

func within(part, whole []byte) bool {
	at, begin := uintptr(unsafe.Pointer(&part[0])), uintptr(unsafe.Pointer(&whole[0]))
	return at >= begin && at < begin+uintptr(len(whole))
}

func tensor(t *testing.T, f *safetensors.File, name string) safetensors.Tensor {
	t.Helper()
	w, err := f.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
