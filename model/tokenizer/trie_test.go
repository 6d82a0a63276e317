package tokenizer

import (
	"math/rand/v2"
	"testing"
)

// The longest key is the one that looking up every beginning of a text finds, from the root and from within a key.
func TestTrieFindsTheLongestKey(t *testing.T) {
	for seed := range uint64(300) {
		draw := rand.New(rand.NewPCG(seed, 0))
		letters := 1 + draw.IntN([]int{2, 4, 256}[draw.IntN(3)]) // few make long shared beginnings, many make wide nodes
		text := func(longest int) string {
			b := make([]byte, draw.IntN(longest+1))
			for i := range b {
				b[i] = byte(255 - draw.IntN(letters))
			}
			return string(b)
		}
		keys := map[string]int32{}
		for range draw.IntN(600) {
			keys[text(6)] = int32(len(keys))
		}
		var entries []trieEntry
		for key, value := range keys {
			entries = append(entries, trieEntry{key, value})
		}
		trie, err := newTrie(entries)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			prefix, rest := text(2), text(8)
			node := trie.walk(root, prefix)
			if node == 0 {
				for key := range keys {
					if len(key) >= len(prefix) && key[:len(prefix)] == prefix {
						t.Fatalf("seed %d: no node for %q, which %q begins with", seed, prefix, key)
					}
				}
				continue
			}
			wantValue, wantLength := int32(-1), 0
			for n := 1; n <= len(rest); n++ {
				if value, ok := keys[prefix+rest[:n]]; ok {
					wantValue, wantLength = value, n
				}
			}
			if value, length := trie.longest(node, []byte(rest)); value != wantValue || length != wantLength {
				t.Fatalf("seed %d: %q after %q: value %d and length %d, want %d and %d", seed, rest, prefix, value, length, wantValue, wantLength)
			}
		}
	}
}

func TestTrieOfNothing(t *testing.T) {
	trie, err := newTrie(nil)
	if err != nil {
		t.Fatal(err)
	}
	if value, length := trie.longest(root, []byte("\x00\x01a")); value != -1 || length != 0 {
		t.Errorf("value %d and length %d", value, length)
	}
}
