// Package faultfs is a file system for tests that stops a run at any operation it chooses: it counts operations, fails
// one of them, or crashes there, and then leaves on the real disk what a crash of the process or of the machine would.
//
// It works on a real directory, so that code which maps or reads files directly sees what was written. It asks the
// system for no sync: what is durable is its own account, which also makes tests fast.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/quarry-ml/quarry/rundir"
)

// ErrCrashed is the answer of every operation from the crash on.
var ErrCrashed = errors.New("faultfs: crashed")

// Kind names an operation.
type Kind string

// The operations, in the words of rundir.FS and rundir.File.
const (
	Open       Kind = "open"
	Create     Kind = "create"
	OpenAppend Kind = "append"
	SyncDir    Kind = "syncdir"
	Rename     Kind = "rename"
	Remove     Kind = "remove"
	MkdirAll   Kind = "mkdir"
	ReadDir    Kind = "readdir"
	Stat       Kind = "stat"
	Truncate   Kind = "truncate"
	Write      Kind = "write"
	Sync       Kind = "sync"
	Close      Kind = "close"
)

// Op is one operation that was asked for. Path is relative to the root where it lies below it, with forward slashes.
type Op struct {
	Kind Kind
	Path string
}

// Changing says whether an operation may change what is on the disk.
func (o Op) Changing() bool {
	return !slices.Contains([]Kind{Open, ReadDir, Stat, Close}, o.Kind)
}

// Fault says which operation is hit and how. The zero Fault hits none.
type Fault struct {
	At     int   // the operation that is hit, counted from 1
	Crash  bool  // stop there: it and all after it return ErrCrashed; a write leaves its first half
	Err    error // without Crash: what it returns, nil meaning syscall.ENOSPC; a write leaves its first half
	Sticky bool  // without Crash: every later create, append, write and mkdir fails in the same way, as on a full disk
}

// FS is a rundir.FS over a directory of the operating system. It may be used from several goroutines.
type FS struct {
	mu      sync.Mutex
	inner   rundir.OS
	root    string
	fault   Fault
	ops     []Op
	crashed bool
	tree    *node
	look    func(number int, op Op, left func(Loss) Left) // of Watch
}

// New returns a file system for the directory root that will suffer fault. What is below root now counts as durable.
func New(root string, fault Fault) *FS {
	absolute, err := filepath.Abs(root)
	if err != nil {
		absolute = root
	}
	return &FS{root: absolute, fault: fault, tree: &node{dir: true}}
}

// Ops returns the operations asked for until the crash, if there was one, in order.
func (f *FS) Ops() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// Crashed says whether the fault was a crash and its operation was reached.
func (f *FS) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crashed
}

// Open implements rundir.FS.
func (f *FS) Open(path string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(Open, path); err != nil {
		return nil, err
	}
	return f.inner.Open(path)
}

// Create implements rundir.FS.
func (f *FS) Create(path string) (rundir.File, error) {
	return f.openWriter(Create, path, f.inner.Create)
}

// OpenAppend implements rundir.FS.
func (f *FS) OpenAppend(path string) (rundir.File, error) {
	return f.openWriter(OpenAppend, path, f.inner.OpenAppend)
}

// SyncDir implements rundir.FS.
func (f *FS) SyncDir(path string) error {
	return f.change(SyncDir, path, func() error {
		return f.withNode(path, (*node).syncNames)
	})
}

// Rename implements rundir.FS.
func (f *FS) Rename(from, to string) error {
	return f.change(Rename, to, func() error {
		return f.move(from, to, func() error { return f.inner.Rename(from, to) })
	})
}

// Remove implements rundir.FS.
func (f *FS) Remove(path string) error {
	return f.change(Remove, path, func() error {
		return f.drop(path, func() error { return f.inner.Remove(path) })
	})
}

// MkdirAll implements rundir.FS.
func (f *FS) MkdirAll(path string) error {
	return f.change(MkdirAll, path, func() error {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return f.addDirs(path)
	})
}

// ReadDir implements rundir.FS.
func (f *FS) ReadDir(path string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(ReadDir, path); err != nil {
		return nil, err
	}
	return f.inner.ReadDir(path)
}

// Stat implements rundir.FS.
func (f *FS) Stat(path string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(Stat, path); err != nil {
		return nil, err
	}
	return f.inner.Stat(path)
}

// Truncate implements rundir.FS.
func (f *FS) Truncate(path string, size int64) error {
	return f.change(Truncate, path, func() error {
		n, err := f.hold(path)
		if err != nil {
			return err
		}
		if err := os.Truncate(path, size); err != nil {
			return err
		}
		if n != nil {
			n.live = resize(n.live, size)
			n.durable = slices.Clone(n.live)
		}
		return nil
	})
}

// change counts an operation, lets the fault hit it, and runs it.
func (f *FS) change(kind Kind, path string, run func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step(kind, path); err != nil {
		return err
	}
	return run()
}

// step counts an operation and returns the error that it is to fail with.
func (f *FS) step(kind Kind, path string) error {
	if f.crashed {
		return ErrCrashed
	}
	f.ops = append(f.ops, Op{Kind: kind, Path: f.relative(path)})
	number := len(f.ops)
	if f.look != nil && f.ops[number-1].Changing() {
		f.look(number, f.ops[number-1], func(loss Loss) Left {
			left := Left{}
			f.tree.leave(left, "", loss)
			return left
		})
	}
	hit := number == f.fault.At
	if f.fault.Crash {
		if hit {
			f.crashed = true
			return fmt.Errorf("%s %s: operation %d: %w", kind, path, number, ErrCrashed)
		}
		return nil
	}
	if f.fault.Sticky && f.fault.At > 0 && number > f.fault.At {
		hit = slices.Contains([]Kind{Create, OpenAppend, Write, MkdirAll}, kind)
	}
	if !hit {
		return nil
	}
	err := f.fault.Err
	if err == nil {
		err = syscall.ENOSPC
	}
	return &fs.PathError{Op: string(kind), Path: path, Err: err}
}

func (f *FS) relative(path string) string {
	if parts, below := f.below(path); below {
		return filepath.ToSlash(filepath.Join(parts...))
	}
	return path
}

// Part are the operations, counted from 1, whose number leaves I when divided by N, of "I/N": all parts together have each once.
func Part(part string, ops []Op) ([]int, error) {
	var i, n int
	if _, err := fmt.Sscanf(part, "%d/%d", &i, &n); err != nil || n < 1 || i < 0 || i >= n {
		return nil, fmt.Errorf("%s: want I/N, I from 0 to N-1", part)
	}
	var points []int
	for at := 1; at <= len(ops); at++ {
		if at%n == i {
			points = append(points, at)
		}
	}
	return points, nil
}

// Quarters are, of each kind of the operations that are of interest, the two a quarter from its ends, counted from 1 and in their order.
func Quarters(ops []Op, of func(Op) bool) []int {
	byKind := map[Kind][]int{}
	for i, op := range ops {
		if of(op) {
			byKind[op.Kind] = append(byKind[op.Kind], i+1)
		}
	}
	var points []int
	for _, at := range byKind {
		points = append(points, at[len(at)/4], at[len(at)*3/4])
	}
	slices.Sort(points)
	return slices.Compact(points)
}
