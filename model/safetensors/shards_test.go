package safetensors_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/model/safetensors"
)

func TestPlan(t *testing.T) {
	// The rows with tensors were run through huggingface_hub's split_state_dict_into_shards_factory (version 2.4.0).
	for _, tc := range []struct {
		name  string
		sizes []int
		limit int64
		want  [][]int
	}{
		{"documented", []int{6, 6, 2, 6, 2, 2}, 10, [][]int{{6}, {6, 2}, {6, 2, 2}}},
		{"exactly full", []int{5, 5, 1}, 10, [][]int{{5, 5}, {1}}},
		{"one shard", []int{1, 2, 3}, 10, [][]int{{1, 2, 3}}},
		{"an oversized tensor goes before the shard being filled", []int{3, 12, 4, 9}, 10, [][]int{{12}, {3, 4}, {9}}},
		{"oversized alone", []int{12}, 10, [][]int{{12}}},
		{"nothing", nil, 10, [][]int{nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var entries []safetensors.Entry
			for i, n := range tc.sizes {
				entries = append(entries, raw(fmt.Sprint(i), safetensors.U8, []int{n}, make([]byte, n)))
			}
			shards, err := safetensors.Plan(entries, tc.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got [][]int
			for i, shard := range shards {
				var sizes []int
				for _, e := range shard.Entries {
					sizes = append(sizes, e.Shape[0])
				}
				got = append(got, sizes)
				want := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
				if len(shards) == 1 {
					want = "model.safetensors"
				}
				if shard.Name != want {
					t.Errorf("shard %d is named %s, want %s", i, shard.Name, want)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := safetensors.Plan(nil, 0); err == nil {
		t.Error("a limit of 0 is accepted")
	}
}

// writeSharded writes a, b, c of 4 bytes each in shards of 8 and returns the directory.
func writeSharded(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	shards, err := safetensors.Plan([]safetensors.Entry{
		safetensors.Float32("a", []int{1}, []float32{1}),
		safetensors.Float32("b", []int{1}, []float32{2}),
		safetensors.Float32("c", []int{1}, []float32{3}),
	}, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		put(t, dir, shard.Name, write(t, shard.Entries, nil))
	}
	var index bytes.Buffer
	if err := safetensors.WriteIndex(&index, shards); err != nil {
		t.Fatal(err)
	}
	put(t, dir, safetensors.IndexName, index.Bytes())
	return dir
}

func put(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSharded(t *testing.T) {
	dir := writeSharded(t)
	index, err := os.ReadFile(filepath.Join(dir, safetensors.IndexName))
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "metadata": {
    "total_size": 12
  },
  "weight_map": {
    "a": "model-00001-of-00002.safetensors",
    "b": "model-00001-of-00002.safetensors",
    "c": "model-00002-of-00002.safetensors"
  }
}
`
	if diff := cmp.Diff(want, string(index)); diff != "" {
		t.Error(diff)
	}
	f, err := safetensors.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []float32
	for _, name := range []string{"a", "b", "c"} {
		tensor, err := f.Tensor(name)
		if err != nil {
			t.Fatal(err)
		}
		values, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, values...)
	}
	if diff := cmp.Diff([]float32{1, 2, 3}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOpenDirRefuses(t *testing.T) {
	const first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	index := func(pairs ...string) string {
		return `{"metadata":{},"weight_map":{` + strings.Join(pairs, ",") + `}}`
	}
	a, b, c := `"a":"`+first+`"`, `"b":"`+first+`"`, `"c":"`+second+`"`
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string
	}{
		{"missing shard", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, second)); err != nil {
				t.Fatal(err)
			}
		}, "shard " + second + " is missing"},
		{"tensor that no shard has", func(t *testing.T, dir string) {
			put(t, dir, safetensors.IndexName, []byte(index(a, b, c, `"d":"`+second+`"`)))
		}, `tensor "d" is listed in shard ` + second + ", which does not hold it"},
		{"tensor in another shard", func(t *testing.T, dir string) {
			put(t, dir, safetensors.IndexName, []byte(index(a, c, `"b":"`+second+`"`)))
		}, first + `: tensor "b": ` + "%INDEX% says that it lies in " + second},
		{"tensor not listed", func(t *testing.T, dir string) {
			put(t, dir, safetensors.IndexName, []byte(index(a, c)))
		}, `tensor "b": is not listed in`},
		{"broken shard", func(t *testing.T, dir string) { put(t, dir, second, []byte("x")) }, second + ": holds 1 bytes"},
		{"path outside", func(t *testing.T, dir string) {
			put(t, dir, safetensors.IndexName, []byte(index(`"a":"../x"`)))
		}, `weight_map: tensor "a": shard "../x" is not the name of a file`},
		{"tensor twice", func(t *testing.T, dir string) {
			put(t, dir, safetensors.IndexName, []byte(index(a, a)))
		}, `name "a" comes twice`},
		{"no map", func(t *testing.T, dir string) { put(t, dir, safetensors.IndexName, []byte(`{}`)) }, `no "weight_map"`},
		{"empty map", func(t *testing.T, dir string) { put(t, dir, safetensors.IndexName, []byte(index())) }, "lists no tensor"},
		{"index cut short", func(t *testing.T, dir string) {
			put(t, dir, safetensors.IndexName, []byte(`{"weight_map":{"a"`))
		}, "index.json: weight_map: "},
		{"single file beside the index", func(t *testing.T, dir string) {
			put(t, dir, safetensors.SingleName, write(t, nil, nil))
		}, "holds both model.safetensors and model.safetensors.index.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := writeSharded(t)
			tc.prepare(t, dir)
			_, err := safetensors.OpenDir(dir)
			want := strings.ReplaceAll(tc.want, "%INDEX%", filepath.Join(dir, safetensors.IndexName))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	t.Run("no weights", func(t *testing.T) {
		if _, err := safetensors.OpenDir(t.TempDir()); err == nil || !strings.Contains(err.Error(), "neither model.safetensors") {
			t.Errorf("got %v", err)
		}
	})
}
