package tokenizer

import (
	"errors"
	"slices"
	"strings"
)

// trie maps byte strings to values, and finds the longest key that a text begins with. It is a double array (Aoe 1989):
// the node that byte b leads to stands at the node's base XOR b and names the node it comes from, so that a step is one
// load and one comparison.
type trie struct{ units []trieUnit } // whole blocks of trieBlock, so that base XOR b never leaves them

// trieUnit is a node, or free.
type trieUnit struct {
	base  uint32
	from  uint32 // the node above; 0 where the unit is free
	value int32  // -1 where no key ends
}

// Node 0 is none. No node comes from noNode, which only keeps the root's unit, and that of node 0, from being free.
const (
	root      = 1
	noNode    = 1<<32 - 1
	trieBlock = 256 // the children of a node share one
)

// trieEntry is a key with its value, which is not negative.
type trieEntry struct {
	key   string
	value int32
}

// walk follows every byte of a key; it returns 0 when no key goes on that way.
func (t *trie) walk(node uint32, key string) uint32 {
	for i := range len(key) {
		next := t.units[node].base ^ uint32(key[i])
		if t.units[next].from != node {
			return 0
		}
		node = next
	}
	return node
}

// longest returns the value and length of the longest key that continues from node along text, or -1 and 0.
func (t *trie) longest(node uint32, text []byte) (value int32, length int) {
	value = -1
	units := t.units
	base := units[node].base
	for i, b := range text {
		next := base ^ uint32(b)
		u := &units[next]
		if u.from != node {
			break
		}
		node, base = next, u.base
		if u.value >= 0 {
			value, length = u.value, i+1
		}
	}
	return value, length
}

// newTrie makes the trie of entries, whose keys differ. It sorts them.
func newTrie(entries []trieEntry) (*trie, error) {
	slices.SortFunc(entries, func(a, b trieEntry) int { return strings.Compare(a.key, b.key) })
	bytes := 0
	for _, e := range entries {
		bytes += len(e.key)
	}
	if bytes > 1<<28 { // keeps a node's number far below noNode
		return nil, errors.New("more than 256 million bytes of tokens")
	}
	b := trieBuilder{entries: entries}
	b.grow()
	b.units[0].from, b.units[root].from = noNode, noNode
	// Nodes are placed level by level: those near the root, which most steps visit, lie close to each other.
	level, below := []trieRange{{root, 0, len(entries)}}, []trieRange(nil)
	for depth := 0; len(level) > 0; depth++ {
		for _, r := range level {
			below = b.appendChildren(below, r, depth)
		}
		level, below = below, level[:0]
	}
	return &trie{b.units}, nil
}

// trieBuilder places nodes.
type trieBuilder struct {
	entries []trieEntry
	units   []trieUnit
	bytes   []byte // that lead to the children of the node at hand
	gap     int    // where the search for an only child's place starts; no unit before it is free
	wide    int    // where the search for a place of siblings starts
}

// trieRange is a node and the entries [start, end), whose keys pass through it.
type trieRange struct {
	node       uint32
	start, end int
}

// appendChildren sets a node's value, places its children and appends them to below.
func (b *trieBuilder) appendChildren(below []trieRange, r trieRange, depth int) []trieRange {
	if r.start < r.end && len(b.entries[r.start].key) == depth {
		b.units[r.node].value = b.entries[r.start].value
		r.start++
	}
	if r.start == r.end {
		return below
	}
	first := len(below)
	b.bytes = b.bytes[:0]
	for i := r.start; i < r.end; i++ {
		if next := b.entries[i].key[depth]; i == r.start || next != b.bytes[len(b.bytes)-1] {
			b.bytes = append(b.bytes, next)
			below = append(below, trieRange{start: i})
		}
		below[len(below)-1].end = i + 1
	}
	base := b.fit()
	b.units[r.node].base = base
	for i, next := range b.bytes {
		child := base ^ uint32(next)
		b.units[child].from = r.node
		below[first+i].node = child
	}
	return below
}

// fit returns a base at which every one of b.bytes leads to a free unit. An only child takes the first gap; siblings look
// from where the latest siblings went, so that no search is long, and leave gaps to only children, who are the most.
func (b *trieBuilder) fit() uint32 {
	from := &b.gap
	if len(b.bytes) > 1 {
		from = &b.wide
	}
	for ; *from < len(b.units); *from++ {
		if base := uint32(*from) ^ uint32(b.bytes[0]); b.fits(base) {
			return base
		}
	}
	block := len(b.units)
	b.grow()
	return uint32(block)
}

func (b *trieBuilder) fits(base uint32) bool {
	for _, label := range b.bytes {
		if b.units[base^uint32(label)].from != 0 {
			return false
		}
	}
	return true
}

func (b *trieBuilder) grow() {
	for range trieBlock {
		b.units = append(b.units, trieUnit{value: -1})
	}
}
