package parquet

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes a file of rows.
func write(t testing.TB, rows ...string) []byte {
	t.Helper()
	file, err := tryWrite(rows...)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func tryWrite(rows ...string) ([]byte, error) {
	var schema Schema
	for _, row := range rows {
		if err := schema.Add([]byte(row)); err != nil {
			return nil, err
		}
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, schema)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if err := w.Write([]byte(row)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

func read(file []byte) ([]string, error) {
	r, err := NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows []string
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(row))
	}
}

func TestWriteAndRead(t *testing.T) {
	for _, tc := range []struct {
		name string
		rows []string
		want []string // nil where it is the rows
	}{
		{"order of columns", []string{`{"query":"q","positive":"p","negative":"n"}`}, nil},
		{"types", []string{`{"s":"a\"b\n<é>","i":-9007199254740993,"f":0.1,"b":true,"l":["x","y"],"n":[[1,2],[],[3]]}`}, nil},
		{"nulls", []string{`{"a":"x","l":["y",null]}`, `{"a":null,"l":null}`, `{"a":null,"l":[]}`}, nil},
		{"a key that rows lack", []string{`{"a":1}`, `{"b":"x"}`}, []string{`{"a":1,"b":null}`, `{"a":null,"b":"x"}`}},
		{"numbers", []string{`{"x":1,"y":1.0,"z":1e300}`, `{"x":0.5,"y":2.0,"z":-1e-7}`}, []string{`{"x":1.0,"y":1.0,"z":1e+300}`, `{"x":0.5,"y":2.0,"z":-1e-07}`}},
		{"lists of structs", []string{`{"p":[{"docid":"1","text":"a"},{"docid":"2","text":"b"}]}`, `{"p":[]}`, `{"p":[{"docid":"3","text":null}]}`}, nil},
		{"lists in structs in lists", []string{`{"a":[{"b":[1,2],"c":"x"},{"b":[],"c":"y"},{"b":null,"c":"z"}]}`, `{"a":null}`, `{"a":[null,{"b":[3],"c":null}]}`}, nil},
		{"a column of nulls", []string{`{"a":null,"l":[],"b":1}`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.want
			if want == nil {
				want = tc.rows
			}
			got, err := read(write(t, tc.rows...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestManyRowGroups: rows stay in order over the ends of batches, pages and row groups.
func TestManyRowGroups(t *testing.T) {
	var rows []string
	for i := range 2*rowsAGroup + 7 {
		rows = append(rows, `{"text":"`+strings.Repeat("x", i%50)+`","n":[`+strings.TrimSuffix(strings.Repeat("1,", i%3), ",")+`]}`)
	}
	got, err := read(write(t, rows...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Error(diff[:min(len(diff), 2000)])
	}
}

// TestLargeTexts: more different texts than a dictionary takes come back whole, beside lists and nulls.
func TestLargeTexts(t *testing.T) {
	var rows []string
	for i := range 60 {
		rows = append(rows, fmt.Sprintf(`{"text":"%d%s","list":["%s%d","x"],"same":"s"}`, i, strings.Repeat("x", 40_000), strings.Repeat("y", 10_000), i), `{"text":null,"list":[],"same":"s"}`)
	}
	got, err := read(write(t, rows...))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rows, got) {
		t.Error("the rows differ")
	}
}

func TestWriteErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		rows []string
		want string
	}{
		{"no rows", nil, "no rows to write"},
		{"no columns", []string{`{}`}, "no columns to write"},
		{"two types", []string{`{"a":{"b":1}}`, `{"a":{"b":"x"}}`}, `column "a.b" holds a string, and a number in row 1: a Parquet column has one type`},
		{"two types in a list", []string{`{"a":["x",true]}`}, `column "a" holds true or false, and a string in row 1`},
		{"an object without keys", []string{`{"a":{}}`}, `column "a" holds objects without keys`},
		{"large whole numbers and fractions", []string{`{"a":9007199254740993}`, `{"a":0.5}`}, `column "a": fractions beside whole numbers beyond 2^53`},
		{"a huge number", []string{`{"a":1e999}`}, `column "a": the number 1e999 is too large`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := tryWrite(tc.rows...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	var schema Schema
	if err := schema.Add([]byte(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(io.Discard, schema)
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range map[string]string{`{"a":"x"}`: `column "a": x is not of the type`, `{"a":1,"b":2}`: `column "b" was not there`} {
		if err := w.Write([]byte(row)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	good := write(t, `{"a":"x"}`)
	broken := bytes.Clone(good)
	copy(broken[4:40], strings.Repeat("\xff", 36))
	footer := bytes.Clone(good)
	copy(footer[len(footer)-8:], "\xff\xff\xff\x7f")
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "0 bytes are too few"},
		{"cut", good[:len(good)-3], "the file does not end in PAR1; it looks truncated"},
		{"encrypted", append(good[:len(good)-4:len(good)-4], "PARE"...), "the Parquet file is encrypted"},
		{"a footer longer than the file", footer, "a footer of 2147483647 bytes in a file of"},
		{"broken pages", broken, "broken Parquet"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := read(tc.file); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
