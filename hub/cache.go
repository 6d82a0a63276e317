package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// Cache is the folder of a cache in huggingface_hub's layout.
type Cache string

// Snapshot is a model in the cache, as of a commit.
type Snapshot struct {
	Dir    string // a model directory, whose files are links
	Commit string // 40 hexadecimal digits
}

// ErrNotCached says that a cache holds nothing of a model's revision.
var ErrNotCached = errors.New("is not in the Hugging Face cache")

// IncompleteError says that a cache holds only a part of a model.
type IncompleteError struct {
	Name    Name
	Dir     string
	Missing []string // files, with slashes
}

// Error implements error.
func (e *IncompleteError) Error() string {
	const shown = 3
	list := strings.Join(e.Missing[:min(shown, len(e.Missing))], ", ")
	if more := len(e.Missing) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s is in the Hugging Face cache in part only: %s has no %s", e.Name, e.Dir, list)
}

// Find returns the snapshot that a name means: that of the commit, or of the one that the branch or tag pointed to when
// it was downloaded. It may be of a part of the files; Snapshot.Check tells.
func (c Cache) Find(n Name) (Snapshot, error) {
	r := c.repository(n)
	commit := n.revision()
	if !commitPattern.MatchString(commit) {
		file := r.ref(commit)
		raw, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || isFolder(file) {
			return Snapshot{}, fmt.Errorf("%s %w %s", n, ErrNotCached, c)
		}
		if err != nil {
			return Snapshot{}, err
		}
		if commit = strings.TrimSpace(string(raw)); !commitPattern.MatchString(commit) {
			return Snapshot{}, fmt.Errorf("%s: holds %q, which is no commit: remove the file and download the model again", file, commit)
		}
	}
	s := Snapshot{Dir: r.snapshot(commit), Commit: commit}
	if !isFolder(s.Dir) {
		return Snapshot{}, fmt.Errorf("%s %w %s", n, ErrNotCached, c)
	}
	return s, nil
}

// Check returns an IncompleteError where a snapshot lacks what a model needs: the configuration, the weights or one of
// their shards, or what one of its links leads to.
func (s Snapshot) Check(n Name) error {
	missing, err := dangling(s.Dir)
	if err != nil {
		return err
	}
	network, err := s.network()
	if err != nil {
		return err
	}
	lacks := func(name string) bool { return !isFile(filepath.Join(s.Dir, filepath.FromSlash(name))) }
	if name := path.Join(network, "config.json"); lacks(name) {
		missing = append(missing, name)
	}
	weights := weightsIn(func(file string) bool { return !lacks(path.Join(network, file)) })
	switch {
	case weights == "":
		missing = append(missing, path.Join(network, safetensors.SingleName))
	case isIndex(weights):
		shards, err := s.shards(network, weights)
		if err != nil {
			return err
		}
		missing = append(missing, slices.DeleteFunc(shards, func(shard string) bool { return !lacks(shard) })...)
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return &IncompleteError{Name: n, Dir: s.Dir, Missing: slices.Compact(missing)}
}

// network is the folder of the network's configuration and weights: that of the first module, which early releases of
// sentence-transformers gave one.
func (s Snapshot) network() (string, error) {
	raw, err := os.ReadFile(filepath.Join(s.Dir, "modules.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var modules []struct {
		Path string `json:"path"`
	}
	if json.Unmarshal(raw, &modules) != nil || len(modules) == 0 || !safePath(path.Join(modules[0].Path, "x")) {
		return "", nil // reading the model will tell what is wrong with it
	}
	return modules[0].Path, nil
}

// shards are the files that an index names.
func (s Snapshot) shards(network, file string) ([]string, error) {
	index := filepath.Join(s.Dir, filepath.FromSlash(network), file)
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	return shardsOf(raw, index, network)
}

// shardsOf are the names, sorted, of the shards that an index in a folder lists.
func shardsOf(index []byte, name, folder string) ([]string, error) {
	shardOf, err := safetensors.ReadIndex(index, name)
	if err != nil {
		return nil, err
	}
	var shards []string
	for _, shard := range shardOf {
		shards = append(shards, path.Join(folder, shard))
	}
	slices.Sort(shards)
	return slices.Compact(shards), nil
}

// dangling lists the links of a snapshot that lead nowhere: their blobs were removed or never came.
func dangling(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		name, err := filepath.Rel(dir, file)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	return names, err
}

// repository is the folder of one model in a cache.
type repository struct{ dir, locks string }

func (c Cache) repository(n Name) repository {
	folder := "models--" + strings.ReplaceAll(n.ID, "/", "--")
	return repository{dir: filepath.Join(string(c), folder), locks: filepath.Join(string(c), ".locks", folder)}
}

func (r repository) blob(digest string) string { return filepath.Join(r.dir, "blobs", digest) }

func (r repository) lock(digest string) string { return filepath.Join(r.locks, digest+".lock") }

func (r repository) snapshot(commit string) string { return filepath.Join(r.dir, "snapshots", commit) }

func (r repository) ref(revision string) string {
	return filepath.Join(r.dir, "refs", filepath.FromSlash(revision))
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// safePath says whether a name with slashes stays below the folder that it is put in, on every system.
func safePath(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\:\x00") && filepath.IsLocal(filepath.FromSlash(name))
}
