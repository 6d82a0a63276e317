package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	parquetgo "github.com/parquet-go/parquet-go"
)

// TestFilesOfOthers reads what pyarrow, pandas, fastparquet and datasets wrote (parity/parquet_fixture.py).
func TestFilesOfOthers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.parquet"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".parquet"), "-")
		if name == "image" || name == "nan" || strings.Contains(path, "lz4") {
			continue // TestFilesThatAreRefused
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			file := load(t, filepath.Base(path))
			want := strings.Split(strings.TrimSpace(string(load(t, name+".jsonl"))), "\n")
			got, err := read(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFilesThatAreRefused names what to do.
func TestFilesThatAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"image.parquet":        `column "image.bytes": the value is not UTF-8: leave the column out, or save it as text`,
		"triplets-lz4.parquet": "the Parquet file is packed with LZ4, which is not read: write it with Snappy or Zstandard",
		"nan.parquet":          `column "score": the value is NaN, which JSON has no form for: save it as null`,
	} {
		if _, err := read(load(t, name)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// TestJSONThatIsNone names the column.
func TestJSONThatIsNone(t *testing.T) {
	type row struct {
		Scores string `parquet:"scores,json"`
	}
	for value, want := range map[string]string{
		`[NaN]`:    `column "scores": the column is of JSON, and the value "[NaN]" is none: save it as text, or as a list (pyarrow writes lists as such)`,
		"\xff":     `column "scores": the value is not UTF-8: leave the column out, or save it as text`,
		"[1,\n 2]": "",
	} {
		var file bytes.Buffer
		w := parquetgo.NewGenericWriter[row](&file)
		_, err := w.Write([]row{{value}})
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		got, err := read(file.Bytes())
		if want == "" && (err != nil || got[0] != `{"scores":[1,2]}`) || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: %q, %v; want %q", value, got, err, want)
		}
	}
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// FuzzReader reads damaged files: an error, or rows that are JSON objects. Nothing panics.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"triplets-none", "passages", "scalars", "fastparquet", "json", "decimal", "triplets-zstd"} {
		f.Add(load(f, name+".parquet"))
	}
	f.Add(write(f, `{"a":[{"b":[1,2],"c":"x"}],"d":true}`, `{"a":[],"d":null}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, _ := read(file)
		for _, row := range rows {
			if !json.Valid([]byte(row)) || row[0] != '{' {
				t.Fatalf("the row is no JSON object: %q", row)
			}
		}
	})
}

// FuzzRoundTrip writes objects and reads them back: what has a schema comes back whole.
func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{`{"a":"x","b":[1,null,2.5],"c":{"d":[]}}`, `{"a":[[["x"]],[]]}`, `{"é\u0000":"\"\\\n"}`, `{"a":1e300,"b":-0.0,"c":12345678901234567890}`} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if !json.Valid([]byte(first)) || !json.Valid([]byte(second)) {
			return
		}
		file, err := tryWrite(first, second)
		if err != nil {
			return
		}
		rows, err := read(file)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows of %s %s: %v", len(rows), first, second, err)
		}
		again, err := tryWrite(rows...)
		if err != nil {
			t.Fatalf("%v of %v", err, rows)
		}
		if more, err := read(again); err != nil || !bytes.Equal([]byte(strings.Join(rows, "\n")), []byte(strings.Join(more, "\n"))) {
			t.Errorf("%v came back as %v, %v", rows, more, err)
		}
	})
}
