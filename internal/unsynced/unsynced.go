// Package unsynced is a file system for tests that write many small files and wait for no disk.
package unsynced

import (
	"os"

	"github.com/quarry-ml/quarry/rundir"
)

// FS is the operating system's file system, but that nothing is made durable: no power is cut under what a test writes. A test of
// that has rundir/faultfs.
type FS struct{ rundir.OS }

// Create implements rundir.FS.
func (f FS) Create(path string) (rundir.File, error) { return unwaitedFile(f.OS.Create(path)) }

// OpenAppend implements rundir.FS.
func (f FS) OpenAppend(path string) (rundir.File, error) {
	return unwaitedFile(f.OS.OpenAppend(path))
}

// SyncDir implements rundir.FS.
func (FS) SyncDir(string) error { return nil }

// MkdirAll implements rundir.FS.
func (FS) MkdirAll(path string) error { return os.MkdirAll(path, 0o755) }

func unwaitedFile(f rundir.File, err error) (rundir.File, error) {
	if err != nil {
		return nil, err
	}
	return unwaited{f}, nil
}

type unwaited struct{ rundir.File }

// Sync implements rundir.File.
func (unwaited) Sync() error { return nil }
