package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// The names under which the Hugging Face libraries keep a model's weights.
const (
	SingleName = "model.safetensors"
	IndexName  = "model.safetensors.index.json"
)

// Layout is how the weights of a model directory are stored in a format: in one file, or in shards that an index lists.
type Layout struct {
	Single, Index string                           // names of files
	OpenFile      func(path string) (*File, error) // opens the single file, or a shard
}

// Weights is the layout of safetensors.
func Weights() Layout { return Layout{Single: SingleName, Index: IndexName, OpenFile: Open} }

// OpenDir maps the weights of a model directory: model.safetensors, or the shards that model.safetensors.index.json
// lists. Both together, a missing shard, a tensor that no shard holds, one in another shard than the index says and one
// that the index leaves out are errors.
func OpenDir(dir string) (*File, error) { return Weights().Open(dir) }

// Files lists the names of the files that OpenDir reads.
func Files(dir string) ([]string, error) { return Weights().Files(dir) }

// Open is OpenDir for a layout.
func (l Layout) Open(dir string) (*File, error) {
	sharded, err := l.isSharded(dir)
	if err != nil {
		return nil, err
	}
	if sharded {
		return l.openShards(filepath.Join(dir, l.Index))
	}
	return l.OpenFile(filepath.Join(dir, l.Single))
}

// Files lists the names of the files that Open reads.
func (l Layout) Files(dir string) ([]string, error) {
	sharded, err := l.isSharded(dir)
	if err != nil {
		return nil, err
	}
	if !sharded {
		return []string{l.Single}, nil
	}
	index := filepath.Join(dir, l.Index)
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	shardOf, err := ReadIndex(raw, index)
	if err != nil {
		return nil, err
	}
	return append(shardNames(shardOf), l.Index), nil
}

// In says whether a folder has a file of the layout: the single one or an index.
func (l Layout) In(dir string) (bool, error) {
	single, err := exists(filepath.Join(dir, l.Single))
	if err != nil || single {
		return single, err
	}
	return exists(filepath.Join(dir, l.Index))
}

// isSharded says whether a folder's weights are shards with an index, or one file; neither, and both, are errors.
func (l Layout) isSharded(dir string) (bool, error) {
	hasSingle, err := exists(filepath.Join(dir, l.Single))
	if err != nil {
		return false, err
	}
	hasIndex, err := exists(filepath.Join(dir, l.Index))
	if err != nil {
		return false, err
	}
	switch {
	case hasSingle && hasIndex:
		return false, fmt.Errorf("%s: holds both %s and %s; remove the one that is not meant", dir, l.Single, l.Index)
	case hasSingle || hasIndex:
		return hasIndex, nil
	}
	return false, fmt.Errorf("%s: no weights: neither %s nor %s", dir, l.Single, l.Index)
}

// shardNames are the names of the shards, sorted, each once.
func shardNames(shardOf map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(shardOf)))
}

// ReadIndex parses an index and returns the shard of each tensor; name stands for the file in errors. Only weight_map
// matters, as for other readers.
func ReadIndex(raw []byte, name string) (map[string]string, error) {
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("%s: is not valid UTF-8", name)
	}
	shardOf := map[string]string{}
	found := false
	d := newDecoder(raw)
	err := d.object(func(key string) error {
		if key != "weight_map" {
			var ignored any // the sizes under "metadata" are informative
			return d.Decode(&ignored)
		}
		found = true
		return wrap(key, d.object(func(tensor string) error {
			shard, err := d.text()
			if err == nil && (shard == "" || shard == "." || shard == ".." || strings.ContainsAny(shard, `/\`)) {
				err = fmt.Errorf("shard %q is not the name of a file in the same directory", shard)
			}
			shardOf[tensor] = shard
			return wrap(fmt.Sprintf("tensor %q", tensor), err)
		}))
	})
	if err == nil {
		err = d.end()
	}
	if err == nil && !found {
		err = errors.New(`no "weight_map"`)
	}
	if err == nil && len(shardOf) == 0 {
		err = errors.New("weight_map: lists no tensor")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return shardOf, nil
}

func (l Layout) openShards(index string) (*File, error) {
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	shardOf, err := ReadIndex(raw, index)
	if err != nil {
		return nil, err
	}
	set := &File{name: index, byName: map[string]int{}}
	if err := set.addShards(filepath.Dir(index), shardOf, l.OpenFile); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// addShards maps every shard once, in the order of their names, and checks both ways that shards and index agree.
func (f *File) addShards(dir string, shardOf map[string]string, open func(path string) (*File, error)) error {
	for i, shard := range shardNames(shardOf) {
		opened, err := open(filepath.Join(dir, shard))
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: shard %s is missing: %w", f.name, shard, err)
		}
		if err != nil {
			return err
		}
		f.maps = append(f.maps, opened.maps...)
		if i == 0 {
			f.metadata = opened.metadata
		}
		if err := f.addShard(opened, shard, shardOf); err != nil {
			return err
		}
	}
	return f.checkComplete(shardOf)
}

func (f *File) addShard(opened *File, shard string, shardOf map[string]string) error {
	for _, t := range opened.tensors {
		want, listed := shardOf[t.Name]
		if !listed {
			return fmt.Errorf("%s: is not listed in %s", t.Where(), f.name)
		}
		if want != shard {
			return fmt.Errorf("%s: %s says that it lies in %s", t.Where(), f.name, want)
		}
		f.byName[t.Name] = len(f.tensors)
		f.tensors = append(f.tensors, t)
	}
	return nil
}

// checkComplete reports the first tensor, by name, that the index lists and no shard holds.
func (f *File) checkComplete(shardOf map[string]string) error {
	var missing []string
	for name := range shardOf {
		if !f.Has(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("%s: tensor %q is listed in shard %s, which does not hold it (%d such tensors)",
		f.name, missing[0], shardOf[missing[0]], len(missing))
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
