package rundir

import (
	"io"
	"io/fs"
)

// FS is the file system as a run needs it. Every file of a run is created, synced and renamed through one.
// Paths are ordinary paths of the operating system; errors are those of package os.
type FS interface {
	// Open opens a file for reading.
	Open(path string) (io.ReadCloser, error)
	// Create makes an empty file, or empties the one that is there.
	Create(path string) (File, error)
	// OpenAppend opens a file for writing at its end and makes it when it is missing.
	OpenAppend(path string) (File, error)
	// SyncDir makes the names in a directory durable: files created in it, renamed into or out of it, and removed.
	SyncDir(path string) error
	// Rename moves a file or directory, replacing a file of the new name in one step.
	Rename(from, to string) error
	// Remove removes a file or an empty directory.
	Remove(path string) error
	// MkdirAll makes a directory and its missing parents; they are durable when it returns.
	MkdirAll(path string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(path string) ([]fs.DirEntry, error)
	// Stat describes a file or directory.
	Stat(path string) (fs.FileInfo, error)
	// Truncate cuts a file to size bytes; the cut is durable when it returns.
	Truncate(path string, size int64) error
}

// File is a file open for writing at its end.
type File interface {
	io.Writer
	// Sync makes everything written so far durable.
	Sync() error
	Close() error
}
