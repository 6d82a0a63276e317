package safetensors

import (
	"encoding/json"
	"fmt"
	"io"
)

// ShardLimit is the default size of a shard in bytes: 5 GB, decimal, as in huggingface_hub.
const ShardLimit int64 = 5_000_000_000

// Shard is one file of a plan.
type Shard struct {
	Name    string
	Entries []Entry
	Size    int64 // bytes of its tensors
}

// Plan distributes entries over files of at most limit bytes of tensors, as huggingface_hub's
// split_state_dict_into_shards does: in order, greedily, a tensor above the limit in a shard of its own that comes
// before the one being filled. One shard is named model.safetensors; several are numbered from 1 and need an index.
func Plan(entries []Entry, limit int64) ([]Shard, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("shard limit %d is not positive", limit)
	}
	var shards []Shard
	var current Shard
	for _, e := range entries {
		bytes, err := e.Size()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.Name, err)
		}
		size := int64(bytes)
		if size > limit {
			shards = append(shards, Shard{Entries: []Entry{e}, Size: size})
			continue
		}
		if current.Size+size > limit {
			shards = append(shards, current)
			current = Shard{}
		}
		current.Entries = append(current.Entries, e)
		current.Size += size
	}
	if len(current.Entries) > 0 || len(shards) == 0 {
		shards = append(shards, current)
	}
	if len(shards) == 1 {
		shards[0].Name = SingleName
		return shards, nil
	}
	for i := range shards {
		shards[i].Name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
	}
	return shards, nil
}

// WriteIndex writes model.safetensors.index.json for a plan of several shards, in transformers' form: two spaces,
// sorted keys, a newline at the end.
func WriteIndex(w io.Writer, shards []Shard) error {
	total := int64(0)
	shardOf := map[string]string{}
	for _, shard := range shards {
		total += shard.Size
		for _, e := range shard.Entries {
			shardOf[e.Name] = shard.Name
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{
		"metadata":   map[string]int64{"total_size": total},
		"weight_map": shardOf,
	})
}
