// Package golden compares what a test made with a file under testdata, and rewrites that file when the test runs with
// -update. A golden file is for reading in review; pair each with an invariant that would hold for any right answer.
package golden

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The flag is read by every test binary that imports this package: go test ./mine -update.
var update = flag.Bool("update", false, "rewrite golden files with what the tests made")

// Check fails t unless got equals the content of the file at path, byte for byte. With -update it writes got there,
// folders included, and passes. Name files by case (testdata/two-positives.golden), never by number.
func Check(t testing.TB, path string, got []byte) {
	t.Helper()
	check(t, path, got, *update)
}

func check(t testing.TB, path string, got []byte, rewrite bool) {
	t.Helper()
	if rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatalf("golden: %v", err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatalf("golden: %v", err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("golden: %s does not exist; run the test with -update to write it, then read it", path)
	}
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	if string(want) != string(got) {
		t.Errorf("golden: %s differs (-want +got; -update rewrites it):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}
