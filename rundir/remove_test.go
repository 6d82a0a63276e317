package rundir_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
			gone(t, filepath.Join(root, ".run.tmp"))
		}
	}
}

// TestRemoveAmongOthers has many come and go at once, who each remove or empty what they have held. One holds it at a time.
func TestRemoveAmongOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	var holding, held atomic.Int32
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for turn := range 20 {
				d, err := rundir.Open(path, rundir.OpenOptions{FS: unsynced{}, Create: true})
				if errors.Is(err, rundir.ErrInUse) {
					runtime.Gosched()
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if holding.Add(1) > 1 {
					t.Error("two hold the directory")
				}
				held.Add(1)
				made := filepath.Join(path, "made")
				err = os.WriteFile(made, []byte("work"), 0o600)
				if _, statErr := os.Stat(d.Format()); err == nil {
					err = statErr
				}
				holding.Add(-1)
				if err == nil && (worker+turn)%3 == 0 {
					err = d.Empty(func(name string) bool { return name == "made" })
				} else if err == nil {
					err = d.Remove()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if held.Load() == 0 {
		t.Error("nobody had it")
	}
}

// unsynced waits for no disk.
type unsynced struct{ rundir.OS }

// SyncDir implements rundir.FS.
func (unsynced) SyncDir(string) error { return nil }

// TestEmpty leaves the directory and what is not its own.
func TestEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	for _, other := range []string{"", "notes.txt", "deep/notes.txt"} {
		d, err := rundir.Open(path, rundir.OpenOptions{FS: unsynced{}, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		files := []string{"made", "deep/made"}
		if other != "" {
			files = append(files, other)
		}
		for _, name := range files {
			if err := errors.Join(os.MkdirAll(filepath.Dir(d.Absolute(name)), 0o755), os.WriteFile(d.Absolute(name), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Empty(func(name string) bool { return strings.HasSuffix(name, "made") }); err != nil {
			t.Fatal(err)
		}
		var left []string
		err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				left = append(left, filepath.ToSlash(file[len(path)+1:]))
			}
			return err
		})
		if got := strings.Join(left, " "); err != nil || got != other {
			t.Errorf("left is %q, want %q: %v", got, other, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}
