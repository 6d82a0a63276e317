package faultfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// What each loss leaves of a few changes; the directory starts with old.txt ("old") and kept/a ("a").
func TestSettle(t *testing.T) {
	for _, tc := range []struct {
		name       string
		change     func(f *faultfs.FS, dir string) error
		plain, bad map[string]string // after LoseUnsynced and TearUnsynced
	}{
		{
			"nothing", func(*faultfs.FS, string) error { return nil },
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "old", "kept/a": "a"},
		},
		{
			"written, not synced", func(f *faultfs.FS, dir string) error { return put(f, dir+"/new.txt", "12345678", false) },
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "old", "kept/a": "a", "new.txt": "1234"},
		},
		{
			"synced, name not", func(f *faultfs.FS, dir string) error { return put(f, dir+"/new.txt", "12345678", true) },
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "old", "kept/a": "a", "new.txt": "12345678"},
		},
		{
			"name synced, content not", func(f *faultfs.FS, dir string) error {
				return errors.Join(put(f, dir+"/new.txt", "12345678", false), f.SyncDir(dir))
			},
			map[string]string{"old.txt": "old", "kept/a": "a", "new.txt": ""},
			map[string]string{"old.txt": "old", "kept/a": "a", "new.txt": "1234"},
		},
		{
			"overwritten in place", func(f *faultfs.FS, dir string) error { return put(f, dir+"/old.txt", "newer", false) },
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "ne", "kept/a": "a"},
		},
		{
			"renamed over, not synced", func(f *faultfs.FS, dir string) error {
				return errors.Join(put(f, dir+"/new.txt", "1234", true), f.Rename(dir+"/new.txt", dir+"/old.txt"))
			},
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "1234", "kept/a": "a"},
		},
		{
			"the whole rite", func(f *faultfs.FS, dir string) error {
				return rundir.WriteFile(f, dir+"/old.txt", func(w io.Writer) error { _, err := io.WriteString(w, "1234"); return err })
			},
			map[string]string{"old.txt": "1234", "kept/a": "a"},
			map[string]string{"old.txt": "1234", "kept/a": "a"},
		},
		{
			"appended after a sync", func(f *faultfs.FS, dir string) error {
				file, err := f.OpenAppend(dir + "/old.txt")
				if err != nil {
					return err
				}
				_, first := file.Write([]byte("+1"))
				synced := file.Sync()
				_, second := file.Write([]byte("+2"))
				return errors.Join(first, synced, second, file.Close())
			},
			map[string]string{"old.txt": "old+1", "kept/a": "a"},
			map[string]string{"old.txt": "old+1+", "kept/a": "a"},
		},
		{
			"cut", func(f *faultfs.FS, dir string) error { return f.Truncate(dir+"/old.txt", 1) },
			map[string]string{"old.txt": "o", "kept/a": "a"},
			map[string]string{"old.txt": "o", "kept/a": "a"},
		},
		{
			"removed, not synced", func(f *faultfs.FS, dir string) error { return rundir.RemoveAll(f, dir+"/kept") },
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "old"},
		},
		{
			"removed, synced", func(f *faultfs.FS, dir string) error {
				return errors.Join(f.Remove(dir+"/old.txt"), f.SyncDir(dir))
			},
			map[string]string{"kept/a": "a"},
			map[string]string{"kept/a": "a"},
		},
		{
			"directory renamed, synced", func(f *faultfs.FS, dir string) error {
				return errors.Join(f.Rename(dir+"/kept", dir+"/moved"), f.SyncDir(dir))
			},
			map[string]string{"old.txt": "old", "moved/a": "a"},
			map[string]string{"old.txt": "old", "moved/a": "a"},
		},
		{
			"directory renamed, not synced", func(f *faultfs.FS, dir string) error { return f.Rename(dir+"/kept", dir+"/moved") },
			map[string]string{"old.txt": "old", "kept/a": "a"},
			map[string]string{"old.txt": "old", "moved/a": "a"},
		},
		{
			"file in a new directory", func(f *faultfs.FS, dir string) error {
				return errors.Join(f.MkdirAll(dir+"/x/y"), put(f, dir+"/x/y/z", "z", true), f.SyncDir(dir+"/x/y"))
			},
			map[string]string{"old.txt": "old", "kept/a": "a", "x/y/z": "z"},
			map[string]string{"old.txt": "old", "kept/a": "a", "x/y/z": "z"},
		},
	} {
		for loss, want := range map[faultfs.Loss]map[string]string{faultfs.LoseUnsynced: tc.plain, faultfs.TearUnsynced: tc.bad} {
			t.Run(tc.name, func(t *testing.T) {
				dir := t.TempDir()
				if err := errors.Join(os.WriteFile(dir+"/old.txt", []byte("old"), 0o644), os.Mkdir(dir+"/kept", 0o755),
					os.WriteFile(dir+"/kept/a", []byte("a"), 0o644)); err != nil {
					t.Fatal(err)
				}
				f := faultfs.New(dir, faultfs.Fault{})
				if err := tc.change(f, dir); err != nil {
					t.Fatal(err)
				}
				left, written := leftNow(t, f, dir, loss), t.TempDir()
				if err := left.Write(written); err != nil {
					t.Fatal(err)
				}
				if err := f.Settle(loss); err != nil {
					t.Fatal(err)
				}
				// What was not touched is not in it.
				if diff := cmp.Diff(want, withUntouched(files(t, written), want)); diff != "" {
					t.Errorf("loss %d, told before (-want +got):\n%s", loss, diff)
				}
				if diff := cmp.Diff(want, files(t, dir)); diff != "" {
					t.Errorf("loss %d (-want +got):\n%s", loss, diff)
				}
			})
		}
	}
}

// leftNow is what a watcher is told before an operation that changes nothing.
func leftNow(t *testing.T, f *faultfs.FS, dir string, loss faultfs.Loss) (left faultfs.Left) {
	t.Helper()
	f.Watch(func(_ int, _ faultfs.Op, told func(faultfs.Loss) faultfs.Left) { left = told(loss) })
	if _, err := f.Stat(dir); err != nil || left != nil {
		t.Errorf("a watcher was told of a look at the disk: %v, %v", left, err)
	}
	if err := f.MkdirAll(dir); err != nil {
		t.Fatal(err)
	}
	return left
}

// withUntouched adds the files that were there from the beginning, where they are wanted and missing.
func withUntouched(found, want map[string]string) map[string]string {
	for path, content := range map[string]string{"old.txt": "old", "kept/a": "a"} {
		if _, there := found[path]; !there && want[path] == content {
			found[path] = content
		}
	}
	return found
}

func TestCrashStopsEverything(t *testing.T) {
	dir := t.TempDir()
	f := faultfs.New(dir, faultfs.Fault{At: 2, Crash: true})
	file, err := f.Create(dir + "/a")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := file.Write([]byte("1234")); n != 2 || !errors.Is(err, faultfs.ErrCrashed) {
		t.Errorf("the write that is hit: %d, %v", n, err)
	}
	if n, err := file.Write([]byte("5678")); n != 0 || !errors.Is(err, faultfs.ErrCrashed) {
		t.Errorf("a write after it: %d, %v", n, err)
	}
	_, openError := f.Open(dir + "/a")
	_, statError := f.Stat(dir)
	_, listError := f.ReadDir(dir)
	_, createError := f.Create(dir + "/b")
	for _, err := range []error{
		file.Sync(), file.Close(), openError, statError, listError, createError, f.SyncDir(dir), f.Rename(dir+"/a", dir+"/c"),
		f.Remove(dir + "/a"), f.MkdirAll(dir + "/d"), f.Truncate(dir+"/a", 0),
	} {
		if !errors.Is(err, faultfs.ErrCrashed) {
			t.Errorf("after the crash: %v", err)
		}
	}
	if !f.Crashed() {
		t.Error("not crashed")
	}
	want := []faultfs.Op{{Kind: faultfs.Create, Path: "a"}, {Kind: faultfs.Write, Path: "a"}}
	if diff := cmp.Diff(want, f.Ops()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "12"}, files(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFailure(t *testing.T) {
	for _, tc := range []struct {
		name         string
		fault        faultfs.Fault
		want         error
		second, file error // of the same write again, and of another file
	}{
		{"once", faultfs.Fault{At: 2}, syscall.ENOSPC, nil, nil},
		{"for good", faultfs.Fault{At: 2, Sticky: true}, syscall.ENOSPC, syscall.ENOSPC, syscall.ENOSPC},
		{"another error", faultfs.Fault{At: 2, Err: syscall.EROFS}, syscall.EROFS, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			f := faultfs.New(dir, tc.fault)
			file, err := f.Create(dir + "/a")
			if err != nil {
				t.Fatal(err)
			}
			if n, err := file.Write([]byte("1234")); n != 2 || !errors.Is(err, tc.want) {
				t.Errorf("the write that is hit: %d, %v", n, err)
			}
			if _, err := file.Write([]byte("1234")); !errors.Is(err, tc.second) {
				t.Errorf("the next write: %v, want %v", err, tc.second)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
			if _, err := f.Create(dir + "/b"); !errors.Is(err, tc.file) {
				t.Errorf("another file: %v, want %v", err, tc.file)
			}
		})
	}
}

// TestPart: all parts together have each operation once, and what is no part is refused.
func TestPart(t *testing.T) {
	ops := make([]faultfs.Op, 10)
	var all []int
	for _, part := range []string{"0/3", "1/3", "2/3"} {
		points, err := faultfs.Part(part, ops)
		if err != nil || len(points) < 3 {
			t.Errorf("%s: %v, %v", part, points, err)
		}
		all = append(all, points...)
	}
	slices.Sort(all)
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(all, want) {
		t.Errorf("the parts have %v", all)
	}
	for _, part := range []string{"", "3/3", "-1/3", "0/0", "x"} {
		if points, err := faultfs.Part(part, ops); err == nil {
			t.Errorf("%q: %v", part, points)
		}
	}
}

func put(f *faultfs.FS, path, content string, sync bool) error {
	file, err := f.Create(path)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, content)
	if sync {
		err = errors.Join(err, file.Sync())
	}
	return errors.Join(err, file.Close())
}

func files(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found[strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
