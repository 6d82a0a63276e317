package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// WriteError says that a file could not be written: a fault of the machine, unless it wraps one of the content.
type WriteError struct {
	Path   string // the artefact that was to be written, not the temporary name that the system complained of
	Advice string // what a person can do about it; may be empty
	Err    error
}

// Error implements error.
func (e *WriteError) Error() string {
	if e.Advice == "" {
		return fmt.Sprintf("write %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("write %s: %s: %v", e.Path, e.Advice, e.Err)
}

// Unwrap returns the system's error.
func (e *WriteError) Unwrap() error { return e.Err }

// Explain adds to an error of the file system what a person can do about it. An error that is no error of a file, from
// whoever gave the content, is no fault of the machine: it gets the file's name and stays what it is.
func Explain(path string, err error) error {
	if err == nil {
		return nil
	}
	path = artefact(path)
	if !ofFile(err) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	e := &WriteError{Path: path, Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Advice = fmt.Sprintf("no room left on the disk or in the quota of %s: free some, or choose another directory, and run again; finished work is kept", filepath.Dir(path))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Advice = fmt.Sprintf("directory %s cannot be written: change its permissions, or choose another", filepath.Dir(path))
	}
	return e
}

// artefact is the path that a file has when the directory that it is written in has its name.
func artefact(path string) string {
	parent, name := filepath.Dir(path), filepath.Base(path)
	if parent == path {
		return path
	}
	if isTemporary(name) {
		name = name[len(temporaryPrefix) : len(name)-len(temporarySuffix)]
	}
	return filepath.Join(artefact(parent), name)
}

// ofFile says whether an error comes from the file system.
func ofFile(err error) bool {
	var (
		path  *fs.PathError
		link  *os.LinkError
		errno syscall.Errno
	)
	return errors.As(err, &path) || errors.As(err, &link) || errors.As(err, &errno)
}
