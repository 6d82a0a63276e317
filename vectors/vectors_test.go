package vectors

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// twoByThree is what testdata/make.py puts into its files.
var twoByThree = Matrix{2, 3, []float32{0, 1.5, -2.25, 1e-38, 3.4e38, float32(math.Copysign(0, -1))}}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name+".npy"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReadNumPysFiles(t *testing.T) {
	for _, tc := range []struct {
		name string
		want Matrix
	}{
		{"two_by_three", twoByThree},
		{"version_2", twoByThree},
		{"no_rows", Matrix{0, 3, nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ReadNPY(bytes.NewReader(fixture(t, tc.name)), "x.npy")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("read: %s", diff)
			}
			mapped, err := OpenNPY(filepath.Join("testdata", tc.name+".npy"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, mapped.Matrix, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("mapped: %s", diff)
			}
			if err := mapped.Close(); err != nil {
				t.Error(err)
			}
			if err := mapped.Close(); err != nil {
				t.Errorf("closed twice: %v", err)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	good := fixture(t, "two_by_three")
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"float16", fixture(t, "float16"), "x.npy: the numbers are float16 (<f2), want float32 (<f4); convert with .astype(numpy.float32)"},
		{"float64", fixture(t, "float64"), "x.npy: the numbers are float64 (<f8), want float32"},
		{"big endian", fixture(t, "big_endian"), "x.npy: the numbers are big-endian float32 (>f4)"},
		{"structured", fixture(t, "structured"), "x.npy: the numbers are structured [('a', '<f4'), ('b', '<i4')], want float32"},
		{"Fortran order", fixture(t, "fortran"), "x.npy: the matrix is in Fortran order, want C order"},
		{"one dimension", fixture(t, "one_dimension"), "x.npy: the shape is (3,), want two dimensions"},
		{"three dimensions", fixture(t, "three_dimensions"), "x.npy: the shape is (1, 2, 3), want two dimensions"},
		{"scalar", fixture(t, "scalar"), "x.npy: the shape is ( ), want two dimensions"},
		{"empty", nil, "x.npy: not a .npy file"},
		{"text", []byte(`{"text": "a"}`), "x.npy: not a .npy file"},
		{"cut in the header", good[:40], "x.npy: the file ends inside its header; it looks truncated"},
		{"cut in the length", good[:9], "x.npy: the file ends inside its header"},
		{"cut in the data", good[:len(good)-5], "x.npy: 19 bytes of data, want 24 for 2 rows of 3 numbers; the file looks truncated"},
		{"no data", good[:len(good)-24], "x.npy: 0 bytes of data, want 24"},
		{"newer version", replace(good, 6, 3), "x.npy: .npy version 3.0 is not known"},
		{"huge header", append([]byte("\x93NUMPY\x02\x00"), 0xff, 0xff, 0xff, 0xff), "x.npy: the header claims 4294967295 bytes"},
		{"lying rows", header("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 384), }"), "x.npy: 0 bytes of data, want 6144000000000"},
		{"rows beyond memory", header("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000), }"), "is larger than any memory"},
		{"negative rows", header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }"), "the shape is (-1, 3), want two numbers"},
		{"no columns", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }"), "the shape is (2, 0): vectors of no numbers"},
		{"unknown key", header("{'descr': '<f4', 'order': False, 'shape': (2, 3), }"), `unknown key "order"`},
		{"missing key", header("{'descr': '<f4', 'shape': (2, 3), }"), "the header lacks descr, fortran_order or shape"},
		{"not a dict", header("['<f4']"), "broken .npy header at byte 0: want {"},
		{"text behind", header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), } x"), "text behind the header"},
		{"order of another type", header("{'descr': '<f4', 'fortran_order': None, 'shape': (0, 3), }"), "fortran_order is None"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ReadNPY(bytes.NewReader(tc.file), "x.npy"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("read: got %v, want %s", err, tc.want)
			}
			if _, err := view(tc.file, "x.npy"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("view: got %v, want %s", err, tc.want)
			}
		})
	}
	for name, read := range map[string]func([]byte) error{
		"read": func(b []byte) error { _, err := ReadNPY(bytes.NewReader(b), "x.npy"); return err },
		"view": func(b []byte) error { _, err := view(b, "x.npy"); return err },
	} {
		if err := read(append(bytes.Clone(good), 0)); err == nil || !strings.Contains(err.Error(), "behind the last of 2 rows of 3 numbers") {
			t.Errorf("%s of a file with a byte too many: %v", name, err)
		}
	}
}

// Old writers padded to 16 bytes or used other spaces and quotes; data that is not aligned is copied.
func TestReadOtherHeaders(t *testing.T) {
	for _, dict := range []string{
		`{"shape": (2, 3), "fortran_order": False, "descr": "<f4"}`,
		"{'descr':'<f4','fortran_order':False,'shape':(2,3)}   \n",
		"{ 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , }",
	} {
		good := fixture(t, "two_by_three")
		for pad := range 4 {
			file := append(header(dict+strings.Repeat(" ", pad)), good[len(good)-24:]...)
			got, err := view(file, "x.npy")
			if err != nil {
				t.Fatalf("%s: %v", dict, err)
			}
			if diff := cmp.Diff(twoByThree, got); diff != "" {
				t.Errorf("%s: %s", dict, diff)
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.npy")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"missing": filepath.Join(dir, "none.npy"), "empty": empty, "folder": dir} {
		if _, err := OpenNPY(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWriteIsNumPys(t *testing.T) {
	for name, m := range map[string]Matrix{"two_by_three": twoByThree, "no_rows": {0, 3, nil}} {
		var got bytes.Buffer
		if err := WriteNPY(&got, m); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), fixture(t, name)) {
			t.Errorf("%s: got %q, NumPy writes %q", name, got.Bytes(), fixture(t, name))
		}
	}
}

func TestWriteInPieces(t *testing.T) {
	const rows, dim = 5000, 7 // more than one block of the encoder
	m := Matrix{rows, dim, make([]float32, rows*dim)}
	for i := range m.Data {
		m.Data[i] = float32(i) / 3
	}
	var file bytes.Buffer
	w, err := NewNPYWriter(&file, rows, dim)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range [][2]int{{0, 1}, {1, 1}, {1, 4000}, {4000, rows}} {
		if err := w.Write(m.Data[to[0]*dim : to[1]*dim]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadNPY(&file, "x.npy")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriteErrors(t *testing.T) {
	var sink bytes.Buffer
	w, _ := NewNPYWriter(&sink, 2, 3)
	if err := w.Write(make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "4 numbers are no whole rows of 3") {
		t.Errorf("part of a row: %v", err)
	}
	if err := w.Write(make([]float32, 3)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "1 rows written of a matrix that was to have 2") {
		t.Errorf("too few rows: %v", err)
	}
	if err := w.Write(make([]float32, 6)); err == nil || !strings.Contains(err.Error(), "row 3 of a matrix that was to have 2") {
		t.Errorf("too many rows: %v", err)
	}
	if _, err := NewNPYWriter(&sink, 2, 0); err == nil {
		t.Error("a matrix without columns was begun")
	}
	full := errors.New("no space left on device")
	if _, err := NewNPYWriter(failing{full}, 2, 3); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestCheckFinite(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, tc := range []struct {
		name string
		data []float32
		want string
	}{
		{"finite", []float32{1, 2, math.MaxFloat32, -math.MaxFloat32, 0, 1e-45}, ""},
		{"NaN", []float32{1, 2, 3, 4, 5, float32(math.NaN())}, "v.npy: row 1, column 2 is NaN; the vectors are broken"},
		{"infinite", []float32{1, 2, 3, inf, 5, 6}, "v.npy: row 1, column 0 is -Inf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Matrix{2, 3, tc.data}.CheckFinite("v.npy")
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	m := Matrix{3, 2, []float32{1, 1, 2, 2, 3, 3}}
	got, err := Places(m, "v.npy", []string{"a", "b", "c"}, []string{"c", "a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 0}, got); diff != "" {
		t.Error(diff)
	}
	if same, err := Places(m, "v.npy", []string{"a", "b", "c"}, []string{"a", "b", "c"}); err != nil || same != nil {
		t.Errorf("rows in order have the places %v, %v", same, err)
	}
	for want, ids := range map[string][]string{
		`v.npy: no vector has the id "c"`:          {"a", "b", "d"},
		`v.npy: rows 0 and 2 have the same id "a"`: {"a", "b", "a"},
		"v.npy: 3 vectors but 2 ids":               {"a", "b"},
	} {
		if _, err := Places(m, "v.npy", ids, []string{"c"}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := m.CheckRows("v.npy", 4); err == nil || !strings.Contains(err.Error(), "v.npy: 3 vectors for 4 texts") {
		t.Errorf("got %v", err)
	}
}

func TestReadIDs(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		want       []string
		err        string
	}{
		{"plain", "1287\na b \n", []string{"1287", "a b "}, ""},
		{"carriage returns and byte order mark", "\xef\xbb\xbfa\r\nb", []string{"a", "b"}, ""},
		{"blank line", "a\n\nb\n", nil, "ids.txt:2: a blank line"},
		{"repeated", "a\nb\na\n", nil, `ids.txt:3: the id "a" is already on line 1`},
		{"empty", "", nil, "ids.txt: no ids"},
		{"not UTF-8", "a\n\xff\n", nil, "ids.txt:2: byte 1 of the line"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ReadIDs(strings.NewReader(tc.file), "ids.txt")
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzNPY(f *testing.F) {
	for _, name := range []string{"two_by_three", "version_2", "no_rows", "float16", "fortran", "one_dimension", "structured"} {
		f.Add(fixture(f, name))
	}
	f.Add(header("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 3), }"))
	f.Fuzz(func(t *testing.T, file []byte) {
		read, readErr := ReadNPY(bytes.NewReader(file), "x.npy")
		viewed, viewErr := view(file, "x.npy")
		if (readErr == nil) != (viewErr == nil) {
			t.Fatalf("reading says %v, mapping says %v", readErr, viewErr)
		}
		if readErr != nil {
			return
		}
		if len(read.Data) != read.Rows*read.Dim || len(viewed.Data) != len(read.Data) || viewed.Rows != read.Rows {
			t.Fatalf("read %d x %d with %d numbers, mapped %d x %d with %d", read.Rows, read.Dim, len(read.Data), viewed.Rows, viewed.Dim, len(viewed.Data))
		}
		for i, v := range read.Data {
			if math.Float32bits(v) != math.Float32bits(viewed.Data[i]) {
				t.Fatalf("number %d: read %v, mapped %v", i, v, viewed.Data[i])
			}
		}
	})
}

// FuzzReadIDs reads damaged files of ids: an error that names the file, or ids that are what the file's lines say.
func FuzzReadIDs(f *testing.F) {
	f.Add([]byte("a\nb\n c\t\r\n"))
	f.Add([]byte("\xef\xbb\xbfa\n\n"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		ids, err := ReadIDs(bytes.NewReader(file), "ids.txt")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "ids.txt:") {
				t.Fatalf("%v does not name its file", err)
			}
			return
		}
		// With its mark and its line ends, so that an id may begin or end with such bytes itself.
		again, err := ReadIDs(strings.NewReader("\ufeff"+strings.Join(ids, "\r\n")+"\r\n"), "ids.txt")
		if err != nil {
			t.Fatalf("%q does not read again: %v", ids, err)
		}
		if diff := cmp.Diff(ids, again); diff != "" {
			t.Error(diff)
		}
	})
}

func header(dict string) []byte {
	return append([]byte{0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, byte(len(dict)), byte(len(dict) >> 8)}, dict...)
}

func replace(file []byte, at int, b byte) []byte {
	file = bytes.Clone(file)
	file[at] = b
	return file
}
