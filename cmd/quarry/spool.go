package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/rundir"
)

// spools are the inputs that can be read only once, such as a pipe, kept in temporary files for those that read twice.
type spools map[string]spooled

// spooled is an input in its temporary file, and the flag that names it.
type spooled struct {
	*os.File
	flag string
}

// reader reads from the start, or at any place.
func (s spooled) reader() (io.ReadCloser, error) {
	info, err := s.File.Stat()
	if err != nil {
		return nil, err
	}
	return section{io.NewSectionReader(s.File, 0, info.Size())}, nil
}

// section is a reader of a file that others read too: closing it leaves them theirs.
type section struct{ *io.SectionReader }

// Close implements io.Closer.
func (section) Close() error { return nil }

// open opens a file that a flag names, or the rows of a data set's folder; "-" is standard input. What can be read only once is one flag's: its bytes are not
// meant for two.
func (h *host) open(flag, path string) (io.ReadCloser, error) {
	if !readOnce(path) {
		return corpus.OpenRows(watchedFiles{h.process}, path, "")
	}
	var err error
	kept, ok := h.spools[path]
	if ok && kept.flag != flag {
		return nil, fmt.Errorf("%s is the input of --%s and can be read only once: name a file for one of them", path, kept.flag)
	}
	if !ok {
		if kept.File, err = h.spool(path); err != nil {
			return nil, fmt.Errorf("keep %s in a temporary file: %w", path, err)
		}
		kept.flag = flag
		if h.spools == nil {
			h.spools = spools{}
		}
		h.spools[path] = kept
	}
	r, err := kept.reader()
	if err != nil {
		return nil, err
	}
	return h.process.watch(r), nil
}

// readOnce says whether what a path names can be read only once.
func readOnce(path string) bool {
	if path == standard {
		return true
	}
	info, err := os.Stat(path) // of what is not there, opening it tells what is wrong
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

// watchedFiles are the files of the machine, watched as they are read.
type watchedFiles struct{ process *process }

// Open implements corpus.Files.
func (w watchedFiles) Open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return w.process.watch(f), nil
}

// Stat implements corpus.Files.
func (watchedFiles) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// ReadDir implements corpus.Files.
func (watchedFiles) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// spool reads an input to its end into a temporary file. Of one that breaks off nothing is kept: a part would pass for
// the whole.
func (h *host) spool(path string) (*os.File, error) {
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
	if _, err := io.Copy(f, from); err != nil {
		discard(f)
		return nil, err
	}
	return f, nil
}

// digest is the digest of what a flag names: a file, or the rows of a data set's folder.
func (h *host) digest(ctx context.Context, path string) (string, error) {
	digest, _, err := rundir.DigestFile(ctx, spooledFiles{rundir.RowFiles(rundir.OS{}), h.spools}, path)
	return digest, err
}

// spooledFiles is the file system with the inputs that were read once.
type spooledFiles struct {
	rundir.FS
	spools spools
}

// Open implements rundir.FS.
func (s spooledFiles) Open(path string) (io.ReadCloser, error) {
	if kept, ok := s.spools[path]; ok {
		return kept.reader()
	}
	return s.FS.Open(path)
}

// forget removes the temporary files.
func (s spools) forget() {
	for _, kept := range s {
		discard(kept.File)
	}
}

func discard(f *os.File) {
	_, _ = f.Close(), os.Remove(f.Name()) // what stays is the system's to clear, as after a kill
}
