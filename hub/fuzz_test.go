package hub

import (
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParseListing holds what an answer of a hub may name to the folder of the cache.
func FuzzParseListing(f *testing.F) {
	f.Add([]byte(`{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "a/b.json", "size": 1, "blobId": "0123456789abcdef0123456789abcdef01234567"}]}`))
	f.Add([]byte(`{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "../x", "lfs": {"sha256": "", "size": 3}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parseListing(raw)
		if err != nil {
			return
		}
		for name, file := range l.files {
			if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, "..") && !safePath(name) || len(file.digest) < 40 || file.size < 0 {
				t.Errorf("%q: %+v", name, file)
			}
		}
		if _, err := l.wanted(nil); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

// FuzzParseName holds names to what may become the name of a folder, and to their own form.
func FuzzParseName(f *testing.F) {
	for _, text := range []string{"BAAI/bge-en-icl", "a@b/c", "../x", "a/b@../c", "a--b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseName(text)
		if err != nil {
			return
		}
		if n.String() != text {
			t.Errorf("%q is written %q", text, n)
		}
		r := Cache("cache").repository(n)
		for _, file := range []string{r.ref(n.revision()), r.snapshot(strings.Repeat("0", 40))} {
			if inside, err := filepath.Rel(r.dir, file); err != nil || !filepath.IsLocal(inside) {
				t.Errorf("%q leads to %s", text, file)
			}
		}
	})
}
