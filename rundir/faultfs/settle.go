package faultfs

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Loss is what a crash takes with it.
type Loss int

const (
	// LoseNothing is a killed process: the system keeps all that was written.
	LoseNothing Loss = iota
	// LoseUnsynced is a power cut at its plainest: bytes written after a file's last Sync and names changed after a
	// directory's last SyncDir are as if they had never been.
	LoseUnsynced
	// TearUnsynced is a power cut at its nastiest: every name is as it was last, but only half of what was written
	// after a file's last Sync is there.
	TearUnsynced
)

// Settle puts on the disk what is left after the crash. Call it once everything that used the file system has ended.
// Files that were not made or changed through it are left alone.
func (f *FS) Settle(loss Loss) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashed = true
	if loss == LoseNothing {
		return nil
	}
	return f.tree.settle(f.root, loss)
}

// Left is what a crash leaves below the root: content by path, with forward slashes; a directory's path ends with one and
// has none. Only what went through the file system is in it.
type Left map[string][]byte

// Watch has look called before every operation from now on that is Changing, with its number and what a crash there would leave.
// look runs under the file system's lock and must not use it; what left returns may be kept.
func (f *FS) Watch(look func(number int, op Op, left func(Loss) Left)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look = look
}

// Write puts what a crash left into a directory of the disk.
func (l Left) Write(dir string) error {
	for name, content := range l {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if name[len(name)-1] == '/' {
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(at, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// leave gathers what is left of the node, which has a name relative to the root.
func (n *node) leave(into Left, name string, loss Loss) {
	if !n.loaded {
		return // never touched
	}
	if !n.dir {
		into[name] = slices.Clone(n.after(loss))
		return
	}
	if name != "" {
		into[name+"/"] = nil
	}
	names := n.names
	if loss == LoseUnsynced {
		names = n.durableNames
	}
	for part, child := range names {
		child.leave(into, path.Join(name, part), loss)
	}
}

func (n *node) settle(path string, loss Loss) error {
	if !n.loaded {
		return nil // never touched
	}
	if !n.dir {
		return replace(path, n.after(loss))
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	names := n.names
	if loss == LoseUnsynced {
		names = n.durableNames
		for name, child := range n.names {
			if names[name] == child {
				continue
			}
			if err := os.RemoveAll(filepath.Join(path, name)); err != nil {
				return err
			}
		}
	}
	for name, child := range names {
		if err := child.settle(filepath.Join(path, name), loss); err != nil {
			return err
		}
	}
	return nil
}

// after is the content of a file that a crash leaves.
func (n *node) after(loss Loss) []byte {
	switch loss {
	case LoseNothing:
		return n.live
	case LoseUnsynced:
		return n.durable
	case TearUnsynced:
	}
	synced := 0
	if bytes.HasPrefix(n.live, n.durable) {
		synced = len(n.durable)
	}
	return n.live[:synced+(len(n.live)-synced)/2]
}

// replace writes content unless the file has it; a new file takes the name, so that maps of the old one stay whole.
func replace(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
