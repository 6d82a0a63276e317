package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// precompiled is a table of SentencePiece: texts and what to write in their place. It is looked at as Hugging Face
// tokenizers does: a grapheme cluster of fewer than six bytes is replaced as a whole by what the table has for the
// shortest text that it begins with; where it has none, and in longer clusters, character by character.
type precompiled struct {
	units  []uint32 // of a double array as darts-clone lays it out
	normal []byte   // what is written, each text with a NUL after it
	begins [256]bool
}

func parsePrecompiled(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Table *string `json:"precompiled_charsmap"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if err := s.need(has{"precompiled_charsmap", fields.Table != nil}); err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(*fields.Table)
	if err != nil {
		return nil, s.errorf("precompiled_charsmap: not base64: %w", err)
	}
	n, err := newPrecompiled(data)
	if err != nil {
		return nil, s.errorf("precompiled_charsmap: %w", err)
	}
	return []normalizer{n}, nil
}

// newPrecompiled reads the size of the double array in bytes, the array, and the texts.
func newPrecompiled(data []byte) (*precompiled, error) {
	if len(data) < 4 {
		return nil, errors.New("cut short")
	}
	size := binary.LittleEndian.Uint32(data)
	data = data[4:]
	if size == 0 || size%4 != 0 || uint64(size) > uint64(len(data)) {
		return nil, fmt.Errorf("the array has %d bytes, but %d follow", size, len(data))
	}
	n := &precompiled{units: make([]uint32, size/4), normal: data[size:]}
	for i := range n.units {
		n.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	if !utf8.Valid(n.normal) {
		return nil, errors.New("the texts are not UTF-8")
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	for b := 1; b < 256; b++ {
		_, n.begins[b] = n.step(0, byte(b))
	}
	return n, nil
}

// check visits every node, so that no text leads outside the table.
func (n *precompiled) check() error {
	seen := make([]bool, len(n.units))
	for waiting := []uint32{0}; len(waiting) > 0; {
		node := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if node != 0 && endsKey(n.units[node]) {
			leaf := node ^ offset(n.units[node])
			if int(leaf) >= len(n.units) {
				return fmt.Errorf("node %d has its value outside the array", node)
			}
			if at := n.units[leaf] & 0x7FFFFFFF; int(at) > len(n.normal) || int(at) < len(n.normal) && !utf8.RuneStart(n.normal[at]) {
				return fmt.Errorf("node %d names text %d, which does not begin there", node, at)
			}
		}
		for b := 1; b < 256; b++ {
			next, ok := n.step(node, byte(b))
			if ok && !seen[next] {
				seen[next] = true
				waiting = append(waiting, next)
			}
		}
	}
	return nil
}

// Parts of a unit: whether a key ends at the node; how far its children are, by exclusive or; the byte that leads to it.
func endsKey(unit uint32) bool  { return unit>>8&1 != 0 }
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
func label(unit uint32) uint32  { return unit & (1<<31 | 0xFF) }

// step follows a byte from a node.
func (n *precompiled) step(node uint32, b byte) (uint32, bool) {
	next := node ^ offset(n.units[node]) ^ uint32(b)
	return next, int(next) < len(n.units) && label(n.units[next]) == uint32(b)
}

// find returns what stands for a text: for the shortest key that the text begins with.
func (n *precompiled) find(text []byte) ([]byte, bool) {
	node := uint32(0)
	for _, b := range text {
		if b == 0 {
			break
		}
		var ok bool
		if node, ok = n.step(node, b); !ok {
			break
		}
		if endsKey(n.units[node]) {
			at := n.units[node^offset(n.units[node])] & 0x7FFFFFFF
			out := n.normal[at:]
			for i, b := range out {
				if b == 0 {
					return out[:i], true
				}
			}
			return out, true
		}
	}
	return nil, false
}

func (n *precompiled) normalize(dst, src []byte, _ *scratch) []byte {
	for i := 0; i < len(src); {
		if b := src[i]; b < utf8.RuneSelf && !n.begins[b] && (i+1 == len(src) || src[i+1] < utf8.RuneSelf) {
			dst = append(dst, b) // most clusters are one ASCII character that nothing stands for
			i++
			continue
		}
		end := clusterEnd(src, i)
		if end-i < longCluster {
			if text, ok := n.find(src[i:end]); ok {
				dst = append(dst, text...)
				i = end
				continue
			}
		}
		for i < end {
			_, size := utf8.DecodeRune(src[i:])
			text, ok := n.find(src[i : i+size])
			if !ok {
				text = src[i : i+size]
			}
			dst = append(dst, text...)
			i += size
		}
	}
	return dst
}

// longCluster is the number of bytes from which on a cluster is only looked at character by character.
const longCluster = 6

// clusterEnd returns the end of the grapheme cluster at i (Unicode 15, annex 29, extended), or of its first part where it
// is long: a part that ends at longCluster bytes or later, or each of two characters that are as long together. Clusters
// that those characters begin are all long: flags, emoji and their joiners, conjuncts of Indic scripts.
func clusterEnd(src []byte, i int) int {
	before, size := utf8.DecodeRune(src[i:])
	end := i + size
	for end < len(src) && end-i < longCluster {
		r, size := utf8.DecodeRune(src[end:])
		if !joinsCluster(src[i:end], before, r) {
			break
		}
		before = r
		end += size
	}
	return end
}

// joinsCluster reports whether r goes on with a cluster whose last character is before.
func joinsCluster(cluster []byte, before, r rune) bool {
	b, c := classOf(before), classOf(r)
	switch {
	case b&alone != 0:
		return before == '\r' && r == '\n'
	case c&alone != 0:
		return false
	case c&attached != 0, b&prefixed != 0:
		return true
	case c&pictographic != 0:
		return string(cluster) == "©\u200d" || string(cluster) == "®\u200d"
	}
	return joinsSyllable(before, r)
}

// joinsSyllable reports whether two Korean letters or syllables stand in one cluster.
func joinsSyllable(before, r rune) bool {
	vowel := 0x1160 <= r && r <= 0x11A7 || 0xD7B0 <= r && r <= 0xD7C6
	tail := 0x11A8 <= r && r <= 0x11FF || 0xD7CB <= r && r <= 0xD7FB
	syllable := hangulBase <= r && r < hangulBase+hangulCount
	switch {
	case 0x1100 <= before && before <= 0x115F, 0xA960 <= before && before <= 0xA97C:
		return vowel || syllable || 0x1100 <= r && r <= 0x115F || 0xA960 <= r && r <= 0xA97C
	case 0x1160 <= before && before <= 0x11A7, 0xD7B0 <= before && before <= 0xD7C6,
		hangulBase <= before && before < hangulBase+hangulCount && (before-hangulBase)%tailCount == 0:
		return vowel || tail
	case 0x11A8 <= before && before <= 0x11FF, 0xD7CB <= before && before <= 0xD7FB,
		hangulBase <= before && before < hangulBase+hangulCount:
		return tail
	}
	return false
}
