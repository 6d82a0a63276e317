package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/model/weightfiles"
)

// Files lists the files of a model directory that Open reads, with slashes and sorted: what makes it the model that it
// is, with all files of its tokenizer. A README, an optimizer's state or weights in another format lie beside them only.
func Files(dir string) ([]string, error) {
	files, err := directoryFiles(dir)
	if err != nil {
		return nil, err
	}
	r := &recorder{FS: files}
	d, err := readDirectory(r, dir, Options{})
	if err != nil {
		return nil, err
	}
	return d.filesBeside(slices.Clone(r.read))
}

// CrossEncoderFiles lists the files that make a cross-encoder, as Files does. Another list of the queries that it was trained on
// is another model: config.json has the list's digest, and where it has not, the list is among the files.
func CrossEncoderFiles(dir string) ([]string, error) {
	files, err := directoryFiles(dir)
	if err != nil {
		return nil, err
	}
	r := &recorder{FS: files}
	d, err := (&reader{files: r, name: dir}).readCrossEncoder()
	if err != nil {
		return nil, err
	}
	names := slices.Clone(r.read)
	if d.listed == "" {
		if names, err = appendPresent(names, files, TrainedQueriesName); err != nil {
			return nil, err
		}
	}
	return d.filesBeside(names)
}

// filesBeside adds the tokenizer's files and the weights to what was read of a directory.
func (d *Directory) filesBeside(names []string) ([]string, error) {
	var err error
	root := d.Modules[0].Path
	for _, name := range tokenizerFiles {
		if names, err = appendPresent(names, d.files, path.Join(root, name)); err != nil {
			return nil, err
		}
	}
	weights := []string{root}
	for _, m := range d.Modules {
		if m.Kind == KindDense {
			weights = append(weights, m.Path)
		}
	}
	for _, folder := range weights {
		found, err := weightfiles.Files(filepath.Join(d.Path, filepath.FromSlash(folder)))
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			names = append(names, path.Join(folder, name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func appendPresent(names []string, files fs.FS, name string) ([]string, error) {
	_, err := fs.Stat(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	return append(names, name), err
}

// recorder notes the files that are opened, directories left out.
type recorder struct {
	fs.FS
	read []string
}

func (r *recorder) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !info.IsDir() {
		r.read = append(r.read, name)
	}
	return f, nil
}

// directoryFiles are the files of a model directory, which must be one.
func directoryFiles(dir string) (fs.FS, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("model directory: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("model directory: %s is a file", dir)
	}
	return os.DirFS(dir), nil
}
