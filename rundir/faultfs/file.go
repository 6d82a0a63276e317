package faultfs

import (
	"errors"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// file is an open file whose writes are counted; node follows its content, whatever name it gets meanwhile.
type file struct {
	fs    *FS
	inner rundir.File
	node  *node // nil outside the root
	path  string
}

func (f *FS) openWriter(kind Kind, path string, open func(string) (rundir.File, error)) (rundir.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(kind, path); err != nil {
		return nil, err
	}
	held, err := f.hold(path)
	if err != nil {
		return nil, err
	}
	inner, err := open(path)
	if err != nil {
		return nil, err
	}
	if held == nil {
		if held, err = f.addFile(path); err != nil {
			return nil, errors.Join(err, inner.Close())
		}
	}
	if kind == Create && held != nil {
		held.live = nil
	}
	return &file{fs: f, inner: inner, node: held, path: path}, nil
}

// Write implements io.Writer. A write that is hit leaves its first half.
func (w *file) Write(data []byte) (int, error) {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	if w.fs.crashed {
		return 0, ErrCrashed
	}
	fault := w.fs.step(Write, w.path)
	if fault != nil {
		data = data[:len(data)/2]
	}
	n, err := w.inner.Write(data)
	if w.node != nil {
		w.node.live = append(w.node.live, data[:n]...)
	}
	return n, errors.Join(fault, err)
}

// Sync implements rundir.File.
func (w *file) Sync() error {
	return w.fs.change(Sync, w.path, func() error {
		if w.node != nil {
			w.node.durable = slices.Clone(w.node.live)
		}
		return nil
	})
}

// Close implements io.Closer. The file of the system is closed even after a crash, so that tests leak none.
func (w *file) Close() error {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	fault := w.fs.step(Close, w.path)
	return errors.Join(fault, w.inner.Close())
}
