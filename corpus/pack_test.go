package corpus

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestPack: what is packed is read again, and its bytes do not depend on the pieces in which it came.
func TestPack(t *testing.T) {
	var text strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&text, "{\"query\":\"question %d\"}\n", i*i%977)
	}
	for _, name := range []string{"rows.jsonl", "rows.jsonl.gz", "ROWS.JSONL.GZ", "rows.jsonl.zst"} {
		t.Run(name, func(t *testing.T) {
			var whole []byte
			for _, piece := range []int{text.Len(), 1 << 16, 4097, 37} {
				var file bytes.Buffer
				w, err := Pack(&file, PackingOf(name))
				if err != nil {
					t.Fatal(err)
				}
				for rest := text.String(); rest != ""; rest = rest[min(piece, len(rest)):] {
					if _, err := io.WriteString(w, rest[:min(piece, len(rest))]); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if whole == nil {
					whole = file.Bytes()
				}
				if !bytes.Equal(whole, file.Bytes()) {
					t.Errorf("in pieces of %d bytes: other bytes", piece)
				}
			}
			read, err := Unpack(bytes.NewReader(whole), name)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(read); err != nil || string(got) != text.String() {
				t.Errorf("another text is read (%v)", err)
			}
			if packed := len(whole) < text.Len()/2; packed != (PackingOf(name) != "") || read.Packing != PackingOf(name) {
				t.Errorf("%d bytes of %d, packing %q", len(whole), text.Len(), read.Packing)
			}
		})
	}
}
