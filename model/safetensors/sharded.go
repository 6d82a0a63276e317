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

// OpenDir maps the weights of a model directory: model.safetensors, or the shards that model.safetensors.index.json
// lists. Both together, a missing shard, a tensor that no shard holds, one in another shard than the index says and one
// that the index leaves out are errors.
func OpenDir(dir string) (*File, error) {
	sharded, err := isSharded(dir)
	if err != nil {
		return nil, err
	}
	if sharded {
		return openShards(filepath.Join(dir, IndexName))
	}
	return Open(filepath.Join(dir, SingleName))
}

// Files lists the names of the files that OpenDir reads.
func Files(dir string) ([]string, error) {
	sharded, err := isSharded(dir)
	if err != nil {
		return nil, err
	}
	if !sharded {
		return []string{SingleName}, nil
	}
	index := filepath.Join(dir, IndexName)
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	shardOf, err := ReadIndex(raw, index)
	if err != nil {
		return nil, err
	}
	return append(shardNames(shardOf), IndexName), nil
}

// isSharded says whether a folder's weights are shards with an index, or one file; neither, and both, are errors.
func isSharded(dir string) (bool, error) {
	hasSingle, err := exists(filepath.Join(dir, SingleName))
	if err != nil {
		return false, err
	}
	hasIndex, err := exists(filepath.Join(dir, IndexName))
	if err != nil {
		return false, err
	}
	switch {
	case hasSingle && hasIndex:
		return false, fmt.Errorf("%s: holds both %s and %s; remove the one that is not meant", dir, SingleName, IndexName)
	case hasSingle || hasIndex:
		return hasIndex, nil
	}
	if pickled, _ := filepath.Glob(filepath.Join(dir, "pytorch_model*.bin")); len(pickled) > 0 {
		return false, fmt.Errorf("%s: weights in PyTorch's pickle format are not read; convert them to %s (transformers: save_pretrained)", pickled[0], SingleName)
	}
	return false, fmt.Errorf("%s: no weights: neither %s nor %s", dir, SingleName, IndexName)
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

func openShards(index string) (*File, error) {
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	shardOf, err := ReadIndex(raw, index)
	if err != nil {
		return nil, err
	}
	set := &File{name: index, byName: map[string]int{}}
	if err := set.addShards(filepath.Dir(index), shardOf); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// addShards maps every shard once, in the order of their names, and checks both ways that shards and index agree.
func (f *File) addShards(dir string, shardOf map[string]string) error {
	for i, shard := range shardNames(shardOf) {
		opened, err := Open(filepath.Join(dir, shard))
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
