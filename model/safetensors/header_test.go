package safetensors_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// file assembles a file from a literal header and data bytes, valid or not.
func file(header string, data int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	out = append(out, header...)
	return append(out, make([]byte, data)...)
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		raw  []byte
		want string // part of the message
	}{
		{"empty", nil, "x.safetensors: holds 0 bytes"},
		{"seven bytes", []byte("1234567"), "holds 7 bytes"},
		{"header length above the limit", binary.LittleEndian.AppendUint64(nil, 1<<40), "above the limit"},
		{"header cut short", file(`{"a":{"dtype":"F32"`, 0)[:12], "the file is truncated"},
		{"not JSON", file(`hello`, 0), "does not begin with '{'"},
		{"not UTF-8", file("{\"\xff\":1}", 0), "not valid UTF-8"},
		{"JSON ends early", file(`{"a":{"dtype":"F32"`, 0), "header: tensor \"a\": unexpected EOF"},
		{"more after the brace", file(`{} x`, 0), "after its closing brace"},
		{"second object", file(`{}{}`, 0), "after its closing brace"},
		{"tensor comes twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `name "a" comes twice`},
		{"key comes twice", file(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `tensor "a": name "dtype" comes twice`},
		{"metadata key comes twice", file(`{"__metadata__":{"k":"a","k":"b"}}`, 0), `__metadata__: name "k" comes twice`},
		{"metadata no object", file(`{"__metadata__":[]}`, 0), "__metadata__: found [ where { belongs"},
		{"metadata not text", file(`{"__metadata__":{"k":1}}`, 0), `__metadata__: "k": found 1 where a string belongs`},
		{"unknown key", file(`{"a":{"dtype":"U8","shape":[1],"offset":3,"data_offsets":[0,1]}}`, 1), `tensor "a": unknown key "offset"`},
		{"key in other case", file(`{"a":{"DType":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `unknown key "DType"`},
		{"missing key", file(`{"a":{"dtype":"U8","shape":[1]}}`, 1), `tensor "a": needs dtype, shape and data_offsets`},
		{"unknown dtype", file(`{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}`, 1), `tensor "a": unknown dtype "F4"; known are BOOL`},
		{"negative dimension", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), `shape: -1 is not a count`},
		{"fractional dimension", file(`{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), `shape: 1.0 is not a count`},
		{"dimension beyond an int", file(`{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}`, 1), `is not a count`},
		{"product beyond an int", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,1]}}`, 1), `larger than any file`},
		{"offsets of one number", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), `data_offsets has 1 numbers`},
		{"offsets backwards", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), `run backwards`},
		{"shape against offsets", file(`{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}}`, 20), `tensor "a": shape [2 3] of F32 needs 24 bytes, data_offsets [0 20] hold 20`},
		{"overlap", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 6), `tensor "b" at byte 2 overlaps tensor "a"`},
		{"same place twice", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4), `overlaps`},
		{"gap", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[6,10]}}`, 10), `tensor "b" begins at byte 6, leaving a gap of 2 bytes`},
		{"gap at the start", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}`, 8), `gap of 4 bytes`},
		{"data cut short", file(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, 15), `tensor "a" ends at byte 16 of 15; the file is truncated`},
		{"data too long", file(`{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`, 17), `1 bytes after the last tensor belong to none`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := safetensors.Parse(tc.raw, "x.safetensors")
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "x.safetensors: ") {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	raw := file(`{"late":{"dtype":"I64","shape":[],"data_offsets":[4,12]},"__metadata__":{"format":"pt"},`+
		`"none":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},"early":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}   `, 12)
	f, err := safetensors.Parse(raw, "x")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tensor := range f.Tensors() {
		names = append(names, tensor.Name)
	}
	if diff := cmp.Diff([]string{"early", "none", "late"}, names); diff != "" {
		t.Errorf("tensors not in the order of their bytes:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"format": "pt"}, f.Metadata()); diff != "" {
		t.Error(diff)
	}
	scalar, err := f.Tensor("late")
	if err != nil || scalar.Len() != 1 {
		t.Errorf("scalar: %d elements, %v", scalar.Len(), err)
	}
	if _, err := scalar.Float32s(); err == nil || !strings.Contains(err.Error(), `x: tensor "late": is I64`) {
		t.Errorf("an integer tensor read as floats: %v", err)
	}
	if _, err := f.Tensor("absent"); err == nil || !strings.Contains(err.Error(), `x: has no tensor "absent"`) {
		t.Errorf("absent tensor: %v", err)
	}
}

func TestParseAcceptsMetadataThatIsNull(t *testing.T) {
	f, err := safetensors.Parse(file(`{"__metadata__":null,"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4), "x")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.Metadata()); n != 0 {
		t.Errorf("%d entries of metadata, want none", n)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.safetensors")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, path, want string }{
		{"absent", filepath.Join(dir, "absent"), "no such file"},
		{"directory", dir, "is a directory"},
		{"empty", empty, "holds 0 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := safetensors.Open(tc.path)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.path) {
				t.Errorf("got %v, want %q and the path", err, tc.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}`, 8))
	f.Add(file(`{"a":{"dtype":"BF16","shape":[2,0],"data_offsets":[0,0]}}`, 0))
	f.Add(file(`{}`, 0))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		parsed, err := safetensors.Parse(raw, "fuzz")
		if err != nil {
			return
		}
		// What is accepted fills the file exactly and survives being written again.
		var entries []safetensors.Entry
		total := 0
		for _, tensor := range parsed.Tensors() {
			total += len(tensor.Data)
			entries = append(entries, safetensors.Copy(tensor))
			size, _ := tensor.DType.Size()
			if tensor.Len()*size != len(tensor.Data) {
				t.Fatalf("%s: %d elements in %d bytes", tensor.Where(), tensor.Len(), len(tensor.Data))
			}
			safetensors.FirstNonFinite(tensor)
			_, _ = tensor.Float32s()
		}
		if total > len(raw)-8 {
			t.Fatalf("%d bytes of tensors in a file of %d", total, len(raw))
		}
		again := write(t, entries, parsed.Metadata())
		reread, err := safetensors.Parse(again, "again")
		if err != nil {
			t.Fatalf("written again, it is refused: %v", err)
		}
		if len(reread.Tensors()) != len(entries) {
			t.Fatalf("%d tensors became %d", len(entries), len(reread.Tensors()))
		}
	})
}

func FuzzReadIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":3},"weight_map":{"a":"model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		shards, err := safetensors.ReadIndex(raw, "fuzz")
		if err != nil {
			return
		}
		for tensor, shard := range shards {
			if strings.ContainsAny(shard, `/\`) || shard == ".." {
				t.Fatalf("tensor %q: shard %q leaves the directory", tensor, shard)
			}
		}
	})
}
