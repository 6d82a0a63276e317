package tokenizer

import (
	"fmt"
	"math"
	"slices"
)

// vocabulary numbers tokens. An id without a token is "" in tokens and has no entry in ids.
type vocabulary struct {
	ids    map[string]int32
	tokens []string
}

// newVocabulary checks ids that a file gives. A few may be skipped, but not so many that a wrong number would make a
// small file ask for a large table.
func newVocabulary(ids map[string]int64) (vocabulary, error) {
	type entry struct {
		token string
		id    int64
	}
	entries := make([]entry, 0, len(ids))
	for token, id := range ids {
		entries = append(entries, entry{token, id})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.id != b.id {
			return int(min(max(a.id-b.id, -1), 1))
		}
		if a.token < b.token {
			return -1
		}
		return 1
	})
	v := vocabulary{ids: make(map[string]int32, len(entries))}
	limit := int64(min(4*len(entries)+4096, math.MaxInt32))
	for i, e := range entries {
		if e.id < 0 || e.id >= limit {
			return vocabulary{}, fmt.Errorf("token %q has id %d, out of range for %d tokens", e.token, e.id, len(entries))
		}
		if i > 0 && e.id == entries[i-1].id {
			return vocabulary{}, fmt.Errorf("tokens %q and %q both have id %d", entries[i-1].token, e.token, e.id)
		}
		v.put(e.token, int32(e.id))
	}
	return v, nil
}

// put names an id, which is new.
func (v *vocabulary) put(token string, id int32) {
	for int(id) >= len(v.tokens) {
		v.tokens = append(v.tokens, "")
	}
	v.tokens[id] = token
	v.ids[token] = id
}
