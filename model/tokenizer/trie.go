package tokenizer

import "errors"

// trie maps byte strings to values, and finds the longest key that a text begins with. Edges live in one open-addressed
// table, so that a step is a multiplication and usually one load.
type trie struct {
	edges  []edge  // a power of two, at most half full
	shift  uint8   // keeps the top bits of a hash
	values []int32 // by node; -1 where no key ends
}

// edge leads from a node by a byte. Key 0 marks an empty slot: nodes count from 1.
type edge struct{ key, to uint32 }

const root = 1

func newTrie() *trie {
	return &trie{edges: make([]edge, 1<<10), shift: 32 - 10, values: []int32{-1, -1}}
}

// step follows one byte; it returns 0 when no key goes on that way.
func (t *trie) step(node uint32, b byte) uint32 {
	key := node<<8 | uint32(b)
	mask := uint32(len(t.edges) - 1)
	for i := key * 0x9E3779B1 >> t.shift; ; i++ {
		switch e := t.edges[i&mask]; e.key {
		case key:
			return e.to
		case 0:
			return 0
		}
	}
}

// walk follows every byte of a key.
func (t *trie) walk(node uint32, key string) uint32 {
	for i := 0; i < len(key) && node != 0; i++ {
		node = t.step(node, key[i])
	}
	return node
}

// longest returns the value and length of the longest key that continues from node along text, or -1 and 0.
func (t *trie) longest(node uint32, text []byte) (value int32, length int) {
	value = -1
	for i, b := range text {
		if node = t.step(node, b); node == 0 {
			break
		}
		if v := t.values[node]; v >= 0 {
			value, length = v, i+1
		}
	}
	return value, length
}

// insert gives a key a value, in place of the one that it had.
func (t *trie) insert(key string, value int32) error {
	node := uint32(root)
	for i := range len(key) {
		next := t.step(node, key[i])
		if next == 0 {
			if len(t.values) >= 1<<24 { // an edge's key has 24 bits for its node
				return errors.New("more than 16 million different beginnings of tokens")
			}
			next = uint32(len(t.values))
			t.values = append(t.values, -1)
			t.addEdge(edge{node<<8 | uint32(key[i]), next})
		}
		node = next
	}
	t.values[node] = value
	return nil
}

func (t *trie) addEdge(e edge) {
	if 2*len(t.values) > len(t.edges) {
		old := t.edges
		t.edges = make([]edge, 2*len(old))
		t.shift--
		for _, o := range old {
			if o.key != 0 {
				t.place(o)
			}
		}
	}
	t.place(e)
}

func (t *trie) place(e edge) {
	mask := uint32(len(t.edges) - 1)
	i := e.key * 0x9E3779B1 >> t.shift
	for t.edges[i&mask].key != 0 {
		i++
	}
	t.edges[i&mask] = e
}
