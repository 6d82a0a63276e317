package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/quarry-ml/quarry/corpus"
)

func objects(t testing.TB, lines ...string) []corpus.Object {
	t.Helper()
	var found []corpus.Object
	for _, line := range lines {
		object, err := corpus.ParseObject([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, object)
	}
	return found
}

func write(w io.Writer, kind Kind, rows []corpus.Object) error {
	var schema Schema
	if kind == Parquet {
		for _, row := range rows {
			if err := schema.Write(row); err != nil {
				return err
			}
		}
	}
	to, err := NewWriter(w, kind, schema.Schema)
	for _, row := range rows {
		if err == nil {
			err = to.Write(row)
		}
	}
	if err != nil {
		return err
	}
	return to.Close()
}

func read(content []byte, name string, kind Kind) ([]string, error) {
	rows, err := NewReader(bytes.NewReader(content), name, kind)
	if err != nil {
		return nil, err
	}
	var found []string
	for {
		row, err := rows.NextObject()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found = append(found, string(appendObject(nil, row)))
	}
}

func TestWriteAndRead(t *testing.T) {
	rows := []string{`{"b": "x, \"y\"\tz\n", "a": "é <p>", "n": 1.0, "l": ["p", "q"]}`, `{"b": "", "a": " s ", "n": -2.5, "l": []}`}
	delimited := []string{`{"b": "x, \"y\"\tz\n", "a": "é <p>", "n": "1.0", "l": "[\"p\", \"q\"]"}`, `{"b": "", "a": " s ", "n": "-2.5", "l": "[]"}`}
	written := objects(t, rows...)
	for kind, lines := range map[Kind][]string{JSONL: rows, Parquet: rows, CSV: delimited, TSV: delimited} {
		want := slices.Clone(lines)
		var file bytes.Buffer
		if err := write(&file, kind, written); err != nil {
			t.Fatal(err)
		}
		got, err := read(file.Bytes(), "f", kind)
		for i := range got {
			got[i] = compact(t, got[i])
		}
		for i := range want {
			want[i] = compact(t, want[i])
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", kind, err, diff)
		}
	}
}

func compact(t *testing.T, object string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(object)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestKindOf(t *testing.T) {
	for path, want := range map[string]Kind{"a/b.jsonl": JSONL, "B.JSONL.gz": JSONL, "x.json.zst": JSONL, "x.csv": CSV, "x.tsv.gz": TSV, "x.parquet": Parquet, "x": "", "x.gz": ""} {
		got, err := KindOf(path)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

func TestReadDelimited(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("\xef\xbb\xbfa,b\n1,2\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"packed": packed.String(), "plain": "a,b\r\n1,2\r\n", "quoted": "\"a\",\"b\"\n\n\"1\",\"2\"\n"} {
		if got, err := read([]byte(file), "f.csv", CSV); err != nil || len(got) != 1 || got[0] != `{"a": "1", "b": "2"}` {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	rows, err := NewReader(strings.NewReader("a,b\n\"1\n2\",3\n4,5\n"), "f.csv", CSV)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 4} {
		if _, err := rows.NextObject(); err != nil || rows.Number() != want {
			t.Errorf("line %d, %v; want %d", rows.Number(), err, want)
		}
	}
}

func TestReadDelimitedErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "f.csv: the file is empty: want a head line"},
		{"no name", "a,\n1,2\n", "f.csv:1: column 2 has no name"},
		{"one name twice", "a,a\n", `f.csv:1: two columns are called "a"`},
		{"a name that is not UTF-8", "a,\xc4\n1,2\n", "f.csv:1: the name of column 2 is not UTF-8"},
		{"a column too many", "a,b\n1,2\n1,2,3\n", "f.csv:3: 3 columns, and the head line has 2"},
		{"a quote inside", "a,b\n1,x\"y\n", `f.csv:2: byte 4 of the line: bare " in non-quoted`},
		{"a quote left open", "a,b\n1,\"y\n3,4\n", `f.csv:3: byte 5 of the line: extraneous or missing "`},
		{"not UTF-8", "a,b\n1,2\n1,\xff\n", `f.csv:3: column "b", at byte 3 of the line, is not UTF-8`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := read([]byte(tc.file), "f.csv", CSV); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	endless := io.MultiReader(strings.NewReader("a\n\""), zeros{})
	rows, err := NewReader(endless, "f.csv", CSV)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows.NextObject(); err == nil || !strings.Contains(err.Error(), "is a quote not closed?") {
		t.Errorf("got %v", err)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	for _, tc := range []struct {
		kind Kind
		rows []string
		want string
	}{
		{CSV, []string{`{"a":"x"}`, `{"b":"x"}`}, `the row has the column "b" where the first row has a`},
		{CSV, []string{`{"a":"x"}`, `{"a":"x","b":"y"}`}, `the row has the column "b" where the first row has `},
		{TSV, []string{`{"a":"x","b":"y"}`, `{"a":"x"}`}, "the row has 1 columns, and the first row 2"},
		{Parquet, nil, "no rows to write"},
	} {
		if err := write(io.Discard, tc.kind, objects(t, tc.rows...)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.kind, err, tc.want)
		}
	}
	full := errors.New("no space left on device")
	if err := write(failing{full}, CSV, objects(t, `{"a":"x"}`)); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzDelimited reads damaged CSV: an error that names the file, or rows that come back after writing.
func FuzzDelimited(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\"a\n\",b\r\n\"x\"\"y\",\"\"\n", "a\n\"\"\n", "\xef\xbb\xbfa;b\n", "a,b\n1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		rows, err := read([]byte(file), "f.csv", CSV)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.csv:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		var parsed []corpus.Object
		for _, row := range rows {
			if !json.Valid([]byte(row)) {
				t.Fatalf("no JSON: %q", row)
			}
			parsed = append(parsed, objects(t, row)...)
		}
		if len(rows) == 0 {
			return
		}
		var out bytes.Buffer
		if err := write(&out, CSV, parsed); err != nil {
			t.Fatal(err)
		}
		again, err := read(out.Bytes(), "g.csv", CSV)
		if diff := cmp.Diff(rows, again); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}
