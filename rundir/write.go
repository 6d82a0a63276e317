package rundir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

const (
	temporaryPrefix = "."
	temporarySuffix = ".tmp"
)

// WriteFile writes a file so that its name never stands for anything but the old content or the whole new one: it is
// written beside the target as ".name.tmp", synced, renamed, and the directory synced. Missing directories are made.
// write gets a buffered writer. On failure the temporary file is removed where the file system still allows it.
func WriteFile(fsys FS, path string, write func(w io.Writer) error) error {
	path = filepath.Clean(path) // "name/" has its temporary file beside it too
	if err := fsys.MkdirAll(filepath.Dir(path)); err != nil {
		return Explain(path, err)
	}
	temporary := temporaryName(path)
	if err := fill(fsys, temporary, write); err != nil {
		_ = fsys.Remove(temporary) // the first error is the one to tell; Open cleans what stays
		return Explain(path, err)
	}
	return publish(fsys, temporary, path)
}

// WriteTemporary writes a file for this process alone beside the file of a path, and returns its name. It is not durable:
// a run directory that is opened after a crash removes it.
func WriteTemporary(fsys FS, path string, write func(w io.Writer) error) (name string, err error) {
	name = temporaryName(filepath.Clean(path))
	if err := fsys.MkdirAll(filepath.Dir(name)); err != nil {
		return "", Explain(path, err)
	}
	file, err := fsys.Create(name)
	if err != nil {
		return "", Explain(path, err)
	}
	if err := errors.Join(buffer(file, write), file.Close()); err != nil {
		_ = fsys.Remove(name) // as in WriteFile
		return "", Explain(path, err)
	}
	return name, nil
}

// WriteDir writes a directory of files so that its name never stands for a part of them: write fills a directory
// beside the target, which then takes its place. Files inside are to be written with WriteFile.
// A directory that is replaced is removed first: a crash between leaves none, which the stamp of the stage shows.
func WriteDir(fsys FS, path string, write func(dir string) error) error {
	path = filepath.Clean(path) // as in WriteFile
	temporary := temporaryName(path)
	if err := RemoveAll(fsys, temporary); err != nil {
		return Explain(path, err)
	}
	if err := fsys.MkdirAll(temporary); err != nil {
		return Explain(path, err)
	}
	if err := write(temporary); err != nil {
		_ = RemoveAll(fsys, temporary) // as in WriteFile
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := RemoveAll(fsys, path); err != nil {
		return Explain(path, err)
	}
	return publish(fsys, temporary, path)
}

// ReadFile returns the content of a file.
func ReadFile(fsys FS, path string) ([]byte, error) {
	file, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	return content, errors.Join(err, file.Close())
}

// RemoveAll removes a file or a directory with all that is in it; a path that is not there is no error. Of a symbolic
// link only the link goes.
func RemoveAll(fsys FS, path string) error {
	err := fsys.Remove(path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	entries, listError := fsys.ReadDir(path)
	if errors.Is(listError, fs.ErrNotExist) { // another process removes it too
		return nil
	}
	if listError != nil || len(entries) == 0 {
		return err
	}
	for _, entry := range entries {
		if err := RemoveAll(fsys, filepath.Join(path, entry.Name())); err != nil {
			return err
		}
	}
	if err := fsys.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveTemporary removes what crashes left under temporary names anywhere below dir.
func RemoveTemporary(fsys FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch {
		case isTemporary(entry.Name()):
			err = RemoveAll(fsys, path)
		case entry.IsDir():
			err = RemoveTemporary(fsys, path)
		}
		if err != nil {
			return fmt.Errorf("clean what an interrupted run left: %w", err)
		}
	}
	return nil
}

// fill writes and syncs one file.
func fill(fsys FS, path string, write func(w io.Writer) error) (err error) {
	file, err := fsys.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := buffer(file, write); err != nil {
		return err
	}
	return file.Sync()
}

func buffer(file File, write func(w io.Writer) error) error {
	buffered := bufio.NewWriterSize(file, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// publish gives a finished file or directory its name. What cannot get it is removed, as what cannot be filled is.
func publish(fsys FS, temporary, path string) error {
	if err := fsys.Rename(temporary, path); err != nil {
		_ = RemoveAll(fsys, temporary) // the first error is the one to tell; Open cleans what stays
		return Explain(path, err)
	}
	return Explain(path, fsys.SyncDir(filepath.Dir(path)))
}

func temporaryName(path string) string {
	return filepath.Join(filepath.Dir(path), temporaryPrefix+filepath.Base(path)+temporarySuffix)
}

func isTemporary(name string) bool {
	return strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix)
}

// Sink makes files below a directory, each whole or not at all, named with slashes.
func Sink(fsys FS, dir string) func(name string, write func(io.Writer) error) error {
	return func(name string, write func(io.Writer) error) error {
		return WriteFile(fsys, filepath.Join(dir, filepath.FromSlash(name)), write)
	}
}
