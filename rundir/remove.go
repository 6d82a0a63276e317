package rundir

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
)

// Remove removes the directory with all that is in it and gives up the lock. Under the lock it gets a temporary name beside its
// own, so that no other process finds a part of it: after a crash it is whole under its name, or what is left lies under the
// temporary one, which the next Remove of that name clears. An error before it has that name leaves the directory open.
func (d *Dir) Remove() error {
	root := filepath.Clean(string(d.Layout))
	temporary := temporaryName(root)
	if err := removeShared(d.FS, temporary); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // renames no directory of open files, so nobody's who comes in between
		if err := d.giveUp(); err != nil {
			return err
		}
	}
	if err := d.FS.Rename(root, temporary); err != nil {
		return err
	}
	err := d.FS.SyncDir(filepath.Dir(root))
	return errors.Join(err, d.giveUp(), removeShared(d.FS, temporary))
}

// removeShared is RemoveAll of a directory that other processes remove too, and put theirs in the place of once it is empty.
func removeShared(fsys FS, path string) (err error) {
	const most = 100
	for range most {
		if err = RemoveAll(fsys, path); !errors.Is(err, fs.ErrExist) { // not empty
			return err
		}
	}
	return err
}

// Empty removes the files that own names, relative to the directory and with forward slashes, the folders that are empty then, and
// what makes it a run directory, and gives up the lock. The directory stays with whatever else is in it.
func (d *Dir) Empty(own func(relative string) bool) error {
	root := string(d.Layout)
	if err := d.emptyFolder(root, own); err != nil {
		return err
	}
	if err := d.FS.SyncDir(root); err != nil { // without its format file a directory that holds work is nobody's
		return err
	}
	if err := RemoveAll(d.FS, d.Format()); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // removes no open file, so nobody's who comes in between
		return errors.Join(d.giveUp(), d.FS.Remove(d.Lock()))
	}
	return errors.Join(d.FS.Remove(d.Lock()), d.FS.SyncDir(root), d.giveUp())
}

// emptyFolder removes own files in a folder, and its folders where they are empty then.
func (d *Dir) emptyFolder(folder string, own func(relative string) bool) error {
	entries, err := d.FS.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		relative, err := d.Relative(path)
		switch {
		case err != nil:
			return err
		case path == d.Format() || path == d.Lock():
			continue
		case entry.IsDir():
			if err := d.emptyFolder(path, own); err != nil {
				return err
			}
			if left, err := d.FS.ReadDir(path); err != nil || len(left) > 0 {
				continue
			}
		case !own(relative):
			continue
		}
		if err := d.FS.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (d *Dir) giveUp() error {
	err := d.Close()
	d.lock = nil
	return err
}
