package tinymodel

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// Widen copies a model directory whose weights lie in one file, with those of 16 bits as F32: other bytes, the same numbers.
func Widen(from, to string) (err error) {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	f, err := safetensors.OpenDir(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var entries []safetensors.Entry
	for _, t := range f.Tensors() {
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		entries = append(entries, safetensors.Float32(t.Name, t.Shape, values))
	}
	return writeFile(filepath.Join(to, safetensors.SingleName), func(w io.Writer) error { return safetensors.Write(w, entries, nil) })
}
