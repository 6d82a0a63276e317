package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// explain adds to an error of the file system what a person can do about it. path is the artefact that was to be
// written, not the temporary name that the system complained of.
func explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("write %s: no room left on the disk or in the quota of %s: free some, or choose another directory with --dir, and run again; finished work is kept: %w",
			path, filepath.Dir(path), err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("write %s: directory %s cannot be written: change its permissions, or choose another with --dir: %w",
			path, filepath.Dir(path), err)
	}
	return fmt.Errorf("write %s: %w", path, err)
}
