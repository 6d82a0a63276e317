package rundir_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// TestRemove crashes a removal at every operation: what is left can be opened, and removed.
func TestRemove(t *testing.T) {
	fill := func(t *testing.T, fsys rundir.FS, path string) *rundir.Dir {
		t.Helper()
		d, err := rundir.Open(path, rundir.OpenOptions{FS: fsys, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		made := filepath.Join(path, "made")
		err = rundir.WriteFile(fsys, made, func(w io.Writer) error { _, err := io.WriteString(w, "work"); return err })
		if err == nil {
			_, err = d.WriteStamp(t.Context(), rundir.Stage{Name: "make"}, []string{made})
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	gone := func(t *testing.T, path string) {
		t.Helper()
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", path, err)
		}
	}
	root := t.TempDir()
	calm := faultfs.New(root, faultfs.Fault{})
	d := fill(t, calm, filepath.Join(root, "run"))
	before := len(calm.Ops())
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	gone(t, string(d.Layout))
	for at := before + 1; at <= len(calm.Ops()); at++ {
		for _, loss := range []faultfs.Loss{faultfs.LoseNothing, faultfs.LoseUnsynced, faultfs.TearUnsynced} {
			root := t.TempDir()
			path := filepath.Join(root, "run")
			fsys := faultfs.New(root, faultfs.Fault{At: at, Crash: true})
			d := fill(t, fsys, path)
			if err := d.Remove(); err == nil {
				t.Fatalf("operation %d: a crash must end the removal with an error", at)
			}
			if err := errors.Join(d.Close(), fsys.Settle(loss)); err != nil {
				t.Fatal(err)
			}
			left, err := rundir.Open(path, rundir.OpenOptions{Create: true})
			if err == nil {
				err = left.Remove()
			}
			if err != nil {
				t.Errorf("operation %d: %v", at, err)
			}
			gone(t, path)
		}
	}
}
