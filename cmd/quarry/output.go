package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/quarry-ml/quarry/rundir"
)

// standard is what stands for standard input or output where a flag names a file.
const standard = "-"

// mayWrite refuses an output that is a directory or one of the command's inputs, before anything is computed: the file
// that replaces it would be the end of what a user gave. Flags and paths of inputs alternate, as in need.
func mayWrite(flag, output string, inputs ...string) error {
	if output == standard {
		return nil
	}
	if output != "" && os.IsPathSeparator(output[len(output)-1]) {
		return badInputf("--%s %s names a directory: name a file", flag, output)
	}
	to, err := os.Stat(output)
	if err != nil {
		return nil // There is no such file yet, or writing it tells what is wrong.
	}
	if to.IsDir() {
		return badInputf("--%s %s is a directory: name a file", flag, output)
	}
	for i := 0; i < len(inputs); i += 2 {
		if from, err := os.Stat(inputs[i+1]); err == nil && from.Mode().IsRegular() && os.SameFile(from, to) {
			return badInputf("--%s %s is also --%s: choose another file, or the input would be lost", flag, output, inputs[i])
		}
	}
	return nil
}

// writeOutput writes the file that a flag names: standard output where it names none, or "-", or that very file. A regular
// file is written whole or not at all, behind any links to it. What is no regular file, such as a pipe or a device, is
// opened and written: a file renamed to its place would be the end of it, and its reader would get nothing.
func writeOutput(h *host, path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case path == "" || path == standard || err == nil && h.isOut(info):
		return write(h.out)
	case err == nil && !info.Mode().IsRegular() && !info.IsDir():
		return writeThrough(path, write)
	}
	file, err := behindLinks(path)
	if err != nil {
		return err
	}
	return rundir.WriteFile(rundir.OS{}, file, write)
}

// isOut says whether a file is the one that standard output goes to.
func (h *host) isOut(info os.FileInfo) bool {
	f, ok := h.out.(*os.File)
	if !ok {
		return false
	}
	out, err := f.Stat()
	return err == nil && os.SameFile(info, out)
}

// showsOut says whether a person watches standard output.
func (h *host) showsOut() bool {
	f, ok := h.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func writeThrough(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// behindLinks is the path that symbolic links lead to, whether there is anything yet or not.
func behindLinks(path string) (string, error) {
	const most = 40 // as Linux follows
	for range most {
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // It is no link; if something else is wrong with it, writing tells.
		}
		if !filepath.IsAbs(target) {
			// Only from the folder's real place does ".." lead where the system goes.
			folder, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			target = filepath.Join(folder, target)
		}
		path = target
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}
