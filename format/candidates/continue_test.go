package candidates

import (
	"bytes"
	"strings"
	"testing"
)

// TestContinue: a file that is gone on with behind any of its records has the bytes of one that was written at once.
func TestContinue(t *testing.T) {
	whole := encode(t, fused, fusedRecords())
	for behind := range len(fusedRecords()) + 1 {
		var file bytes.Buffer
		w, err := NewWriter(&file, fused)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range fusedRecords()[:behind] {
			if err := w.Write(c); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		w, written, err := Continue(&file, bytes.NewReader(bytes.Clone(file.Bytes())), fused, "f")
		if err != nil || written != behind {
			t.Fatalf("behind %d: %d records, %v", behind, written, err)
		}
		for _, c := range fusedRecords()[behind:] {
			if err := w.Write(c); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file.Bytes(), whole) {
			t.Errorf("behind %d: other bytes", behind)
		}
	}
	var file bytes.Buffer
	w, written, err := Continue(&file, strings.NewReader(""), fused, "f")
	if err != nil || written != 0 {
		t.Fatalf("behind nothing: %d, %v", written, err)
	}
	if err := w.Flush(); err != nil || !bytes.HasPrefix(whole, file.Bytes()) || file.Len() == 0 {
		t.Errorf("behind nothing: %d bytes, %v", file.Len(), err)
	}
}

func TestContinueRefuses(t *testing.T) {
	records := encode(t, small, smallRecords())
	records = records[:len(records)-len(trailer)-32]
	other := small
	other.Round++
	for _, tc := range []struct {
		name   string
		header Header
		done   []byte
		want   string
	}{
		{"another header", other, records, `f: these are other candidates: it says {"split":`},
		{"half a record", small, records[:len(records)-1], "f: record 1 of 2: the file ends too early"},
		{"half a header", small, records[:20], "f: the file ends inside its header"},
		{"more than the records", small, append(bytes.Clone(records), 0), "f: data behind the last of 2 queries"},
		{"a changed byte", small, flip(records, len(records)-9), "f: record 1 of 2: it does not match its checksum"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, _, err := Continue(&bytes.Buffer{}, bytes.NewReader(tc.done), tc.header, "f"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
