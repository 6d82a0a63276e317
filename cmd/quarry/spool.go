package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/quarry-ml/quarry/rundir"
)

// spools are the inputs that can be read only once, such as a pipe, kept in temporary files for those that read twice.
type spools map[string]*os.File

// open opens a file that a flag names; "-" is standard input.
func (h *host) open(path string) (io.ReadCloser, error) {
	once, err := readOnce(path)
	if err != nil {
		return nil, err
	}
	if !once {
		return os.Open(path)
	}
	f, err := h.spool(path)
	if err != nil {
		return nil, fmt.Errorf("keep %s in a temporary file: %w", path, err)
	}
	return io.NopCloser(io.NewSectionReader(f, 0, math.MaxInt64)), nil
}

// readOnce says whether what a path names can be read only once. A directory is an error.
func readOnce(path string) (bool, error) {
	if path == standard {
		return true, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, nil // opening it tells what is wrong
	}
	if info.IsDir() {
		return false, &fs.PathError{Op: "open", Path: path, Err: errors.New("is a directory: name a file")}
	}
	return !info.Mode().IsRegular(), nil
}

// spool reads an input to its end into a temporary file, the first time.
func (h *host) spool(path string) (*os.File, error) {
	if f, ok := h.spools[path]; ok {
		return f, nil
	}
	from := h.in
	if path != standard {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	f, err := os.CreateTemp("", "quarry-input-*")
	if err != nil {
		return nil, err
	}
	if h.spools == nil {
		h.spools = spools{}
	}
	h.spools[path] = f
	_, err = io.Copy(f, from)
	return f, err
}

// digest is the digest of a file or directory that a flag names.
func (h *host) digest(ctx context.Context, path string) (string, error) {
	if _, ok := h.spools[path]; !ok {
		return rundir.TreeDigest(ctx, rundir.OS{}, path)
	}
	digest, _, err := rundir.DigestFile(ctx, spooledFiles{host: h}, path)
	return digest, err
}

// spooledFiles is the file system with the inputs that were read once.
type spooledFiles struct {
	rundir.OS
	host *host
}

// Open implements rundir.FS.
func (s spooledFiles) Open(path string) (io.ReadCloser, error) { return s.host.open(path) }

// forget removes the temporary files.
func (s spools) forget() {
	for _, f := range s {
		_, _ = f.Close(), os.Remove(f.Name()) // what stays is the system's to clear, as after a kill
	}
}
