package rundir_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

func TestWriteFileOperations(t *testing.T) {
	dir := t.TempDir()
	f := faultfs.New(dir, faultfs.Fault{})
	if err := rundir.WriteFile(f, filepath.Join(dir, "a.json"), text("{}")); err != nil {
		t.Fatal(err)
	}
	want := []faultfs.Op{
		{Kind: faultfs.MkdirAll, Path: ""},
		{Kind: faultfs.Create, Path: ".a.json.tmp"},
		{Kind: faultfs.Write, Path: ".a.json.tmp"},
		{Kind: faultfs.Sync, Path: ".a.json.tmp"},
		{Kind: faultfs.Close, Path: ".a.json.tmp"},
		{Kind: faultfs.Rename, Path: "a.json"},
		{Kind: faultfs.SyncDir, Path: ""},
	}
	if diff := cmp.Diff(want, f.Ops()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// errInTheWay is the error of a file whose cause is no number of the system.
var errInTheWay = errors.New("in the way")

func TestWriteFileKeepsTheOldOnFailure(t *testing.T) {
	broken := errors.New("no more rows")
	for _, tc := range []struct {
		name  string
		fault faultfs.Fault
		write func(io.Writer) error
		want  []string
		is    error
	}{
		{"the writer fails", faultfs.Fault{}, func(w io.Writer) error {
			_, _ = io.WriteString(w, "half")
			return broken
		}, []string{"table.txt", "no more rows"}, broken},
		{"disk full", faultfs.Fault{At: 3, Sticky: true}, text("new"), []string{"table.txt", "no room left", "choose another directory"}, syscall.ENOSPC},
		{"over quota", faultfs.Fault{At: 2, Err: syscall.EDQUOT}, text("new"), []string{"table.txt", "no room left", "quota"}, syscall.EDQUOT},
		{"sync fails", faultfs.Fault{At: 4, Err: syscall.EIO}, text("new"), []string{"table.txt"}, syscall.EIO},
		{"close fails", faultfs.Fault{At: 5, Err: syscall.EIO}, text("new"), []string{"table.txt"}, syscall.EIO},
		{"rename fails", faultfs.Fault{At: 6, Err: syscall.EBUSY}, text("new"), []string{"table.txt"}, syscall.EBUSY},
		{"a file in the way", faultfs.Fault{At: 1, Err: &fs.PathError{Op: "mkdir", Err: errInTheWay}}, text("new"), []string{"table.txt", "in the way"}, errInTheWay},
		{"no link", faultfs.Fault{At: 2, Err: &os.LinkError{Op: "rename", Err: errInTheWay}}, text("new"), []string{"table.txt"}, errInTheWay},
		{"read-only disk", faultfs.Fault{At: 2, Err: syscall.EROFS}, text("new"), []string{"table.txt", "cannot be written"}, syscall.EROFS},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			write("table.txt", "old")(t, dir)
			err := rundir.WriteFile(faultfs.New(dir, tc.fault), filepath.Join(dir, "table.txt"), tc.write)
			if !errors.Is(err, tc.is) {
				t.Fatalf("got %v, want %v", err, tc.is)
			}
			var failed *rundir.WriteError
			if errors.As(err, &failed) != (tc.is != broken) { // what the writer gets wrong is no fault of the machine
				t.Errorf("%v is a %T", err, err)
			}
			for _, part := range append(tc.want, dir) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
			if content, err := os.ReadFile(filepath.Join(dir, "table.txt")); err != nil || string(content) != "old" {
				t.Errorf("the old file now is %q, %v", content, err)
			}
		})
	}
}

func TestWriteDirReplaces(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "merged")
	write("merged/stale.txt", "old")(t, dir)
	write(".merged.tmp/half.txt", "crashed")(t, dir)
	fill := func(into string) error {
		return rundir.WriteFile(rundir.OS{}, filepath.Join(into, "new.txt"), text("new"))
	}
	if err := rundir.WriteDir(rundir.OS{}, target, fill); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"merged/new.txt": "new"}, readTree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	broken := errors.New("probe texts differ")
	if err := rundir.WriteDir(rundir.OS{}, target, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{"merged/new.txt": "new"}, readTree(t, dir)); diff != "" {
		t.Errorf("after a failure (-want +got):\n%s", diff)
	}
}

// TestAFileOfADirectoryIsNamedAsItWillBe: nobody finds the temporary name that the directory is filled under.
func TestAFileOfADirectoryIsNamedAsItWillBe(t *testing.T) {
	target := filepath.Join(t.TempDir(), "merged")
	err := rundir.WriteDir(rundir.OS{}, target, func(into string) error {
		return rundir.Explain(filepath.Join(into, "1_Pooling", "config.json"), syscall.ENOSPC)
	})
	var full *rundir.WriteError
	if want := filepath.Join(target, "1_Pooling", "config.json"); !errors.As(err, &full) || full.Path != want {
		t.Fatalf("got %v, want an error that names %s", err, want)
	}
	if strings.Contains(err.Error(), ".tmp") {
		t.Errorf("%v names what is not there any more", err)
	}
}

func TestRemoveAllLeavesWhatALinkPointsTo(t *testing.T) {
	dir := t.TempDir()
	write("outside/weights", "precious")(t, dir)
	write("run/a", "a")(t, dir)
	if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(dir, "run", "link")); err != nil {
		t.Skip("no symbolic links here: " + err.Error())
	}
	if err := rundir.RemoveAll(rundir.OS{}, filepath.Join(dir, "run")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"outside/weights": "precious"}, readTree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := rundir.RemoveAll(rundir.OS{}, filepath.Join(dir, "run")); err != nil {
		t.Errorf("nothing to remove: %v", err)
	}
}

func TestMkdirAllOverAFile(t *testing.T) {
	dir := t.TempDir()
	write("a", "")(t, dir)
	err := rundir.WriteFile(rundir.OS{}, filepath.Join(dir, "a", "b"), text(""))
	if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(dir, "a")) {
		t.Errorf("got %v", err)
	}
}

// TestWriteDirNamedWithASlash: a shell completes the name of a directory so; nothing may be left in it.
func TestWriteDirNamedWithASlash(t *testing.T) {
	dir := t.TempDir()
	err := rundir.WriteDir(rundir.OS{}, dir+"/model/", func(inside string) error {
		return rundir.WriteFile(rundir.OS{}, filepath.Join(inside, "weights"), func(w io.Writer) error {
			_, err := io.WriteString(w, "1")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "model"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "weights" {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}
