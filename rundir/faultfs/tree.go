package faultfs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// node is a file or directory below the root, as the running process sees it (live) and as the disk would have it
// after the machine lost its power (durable). Files and directories are read from the disk when they are first touched.
type node struct {
	dir    bool
	loaded bool // a directory whose names are known, or a file whose content is held

	live, durable []byte // of a file

	names, durableNames map[string]*node // of a directory
}

// syncNames makes a directory's present names durable.
func (n *node) syncNames() { n.durableNames = maps.Clone(n.names) }

// below splits a path into its parts under the root.
func (f *FS) below(path string) (parts []string, ok bool) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, false
	}
	relative, err := filepath.Rel(f.root, absolute)
	if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
		return nil, false
	}
	if relative == "." {
		return nil, true
	}
	return strings.Split(relative, string(filepath.Separator)), true
}

// find returns the node of a path and the directory that holds it; nil where there is none or it is outside the root.
func (f *FS) find(path string) (parent, n *node, err error) {
	parts, ok := f.below(path)
	if !ok {
		return nil, nil, nil
	}
	n = f.tree
	at := f.root
	for i, part := range parts {
		if err := n.loadNames(at); err != nil {
			return nil, nil, err
		}
		parent, n = n, n.names[part]
		if n == nil && i < len(parts)-1 {
			return nil, nil, nil
		}
		at = filepath.Join(at, part)
	}
	return parent, n, nil
}

// withNode runs use on the directory at path, its names loaded.
func (f *FS) withNode(path string, use func(n *node)) error {
	_, n, err := f.find(path)
	if err != nil || n == nil {
		return err
	}
	if err := n.loadNames(path); err != nil {
		return err
	}
	use(n)
	return nil
}

// hold returns the node at path with the content of every file in it in memory, because it is about to change.
func (f *FS) hold(path string) (*node, error) {
	_, n, err := f.find(path)
	if err != nil || n == nil {
		return nil, err
	}
	return n, n.load(path)
}

// addFile notes a new file whose name is not yet durable. hold(path) has read its directory before it was made.
func (f *FS) addFile(path string) (*node, error) {
	parent, _, err := f.find(path)
	if err != nil || parent == nil {
		return nil, err
	}
	n := &node{loaded: true}
	parent.names[filepath.Base(path)] = n
	return n, nil
}

// addDirs notes new directories; MkdirAll makes their names durable.
func (f *FS) addDirs(path string) error {
	parts, ok := f.below(path)
	if !ok {
		return nil
	}
	n, at := f.tree, f.root
	for _, part := range parts {
		if err := n.loadNames(at); err != nil {
			return err
		}
		at = filepath.Join(at, part)
		if n.names[part] == nil {
			n.names[part] = &node{dir: true}
		}
		n.durableNames[part] = n.names[part]
		n = n.names[part]
	}
	return nil
}

// move runs a rename and notes that the name is not yet durable.
func (f *FS) move(from, to string, run func() error) error {
	n, err := f.hold(from)
	if err != nil {
		return err
	}
	if _, err := f.hold(to); err != nil {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	oldParent, _, err := f.find(from)
	newParent, _, otherErr := f.find(to)
	if oldParent != nil {
		delete(oldParent.names, filepath.Base(from))
	}
	if newParent != nil && n != nil {
		newParent.names[filepath.Base(to)] = n
	}
	return errors.Join(err, otherErr)
}

// drop runs a removal and notes that it is not yet durable.
func (f *FS) drop(path string, run func() error) error {
	if _, err := f.hold(path); err != nil {
		return err
	}
	parent, _, err := f.find(path)
	if err != nil {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	if parent != nil {
		delete(parent.names, filepath.Base(path))
	}
	return nil
}

// loadNames reads a directory of the disk at its first use: what it holds is durable.
func (n *node) loadNames(path string) error {
	if !n.dir || n.loaded {
		return nil
	}
	n.loaded = true
	n.names = map[string]*node{}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		n.names[entry.Name()] = &node{dir: entry.IsDir()}
	}
	n.syncNames()
	return nil
}

// load holds a file's content, or that of everything in a directory.
func (n *node) load(path string) error {
	if n.dir {
		if err := n.loadNames(path); err != nil {
			return err
		}
		for name, child := range n.names {
			if err := child.load(filepath.Join(path, name)); err != nil {
				return err
			}
		}
		return nil
	}
	if n.loaded {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n.loaded, n.live, n.durable = true, content, append([]byte(nil), content...)
	return nil
}

// resize cuts or extends content to size bytes, as ftruncate does.
func resize(content []byte, size int64) []byte {
	if size <= int64(len(content)) {
		return content[:size]
	}
	return append(content, make([]byte, size-int64(len(content)))...)
}
