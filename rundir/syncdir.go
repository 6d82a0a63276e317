//go:build !windows

package rundir

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the names in a directory durable. Some network and FUSE file systems cannot sync a directory and say
// so with EINVAL or ENOTSUP; they order names themselves, so that answer is not a failure.
func syncDir(path string) (err error) {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
