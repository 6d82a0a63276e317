package candidates

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func openIndex(content []byte) (*Index, error) {
	return OpenIndex(bytes.NewReader(content), int64(len(content)), "f")
}

func TestIndexFindsWhatAReaderReads(t *testing.T) {
	x, err := openIndex(encode(t, small, smallRecords()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(small, x.Header()); diff != "" {
		t.Error(diff)
	}
	for _, i := range []int{1, 0, 1} {
		got, err := x.At(i)
		if diff := cmp.Diff(smallRecords()[i], got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("record %d: %v\n%s", i, err, diff)
		}
	}
	for _, i := range []int{-1, 2} {
		if _, err := x.At(i); err == nil || !strings.Contains(err.Error(), "there is none") {
			t.Errorf("record %d: %v", i, err)
		}
	}
}

func TestIndexOfAFileThatIsOpenedForEachRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.cand")
	content := encode(t, small, smallRecords())
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := IndexOf(func() (io.ReadCloser, error) { return os.Open(path) }, int64(len(content)), path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.At(1)
	if diff := cmp.Diff(smallRecords()[1], got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := x.At(1); err == nil {
		t.Error("a record of a file that is gone")
	}
	stream := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBuffer(content)), nil }
	if _, err := IndexOf(stream, int64(len(content)), "stream"); err == nil || !strings.Contains(err.Error(), "stream: ") {
		t.Errorf("a stream: %v", err)
	}
}

func TestIndexErrors(t *testing.T) {
	good := encode(t, small, smallRecords())
	first := bytes.Index(good, []byte("q2"))
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"text", []byte("query, pos"), "f: not a candidates file"},
		{"corrupt header", flip(good, 20), "f: the header does not match its checksum"},
		{"cut record", good[:first+3], "f: record 0 of 2: the file ends too early"},
		{"length that lies", flip(good, first-5), "f: record 0 of 2: a length of"},
		{"no end", good[:len(good)-40], "f: the end of the file: "},
		{"corrupt record", flip(good, first), "f: record 0 of 2: it does not match its checksum"},
		{"record against the header", append(rechecked(t), trailer...), `f: record 0 of 2: query "q2": rank 0: passage 6 of 5`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, err := openIndex(tc.file)
			if err == nil {
				_, err = x.At(0)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// What a reader takes an index finds, record by record; what an index finds is within what the header allows.
func FuzzIndex(f *testing.F) {
	good := encode(f, small, smallRecords())
	f.Add(good)
	f.Add(flip(good, 30))
	f.Fuzz(func(t *testing.T, file []byte) {
		file = reseal(file)
		x, err := openIndex(file)
		_, records, readError := ReadAll(bytes.NewReader(file), "f")
		if err != nil {
			if readError == nil {
				t.Errorf("a reader takes the file, the index says %v", err)
			}
			return
		}
		for i := range min(x.Header().Queries, 100) {
			got, err := x.At(i)
			if readError != nil {
				continue
			}
			if diff := cmp.Diff(records[i], got); err != nil || diff != "" {
				t.Errorf("record %d: %v\n%s", i, err, diff)
			}
		}
	})
}
