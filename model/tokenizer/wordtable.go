package tokenizer

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// wordKey is what words are looked up by. Up to seven bytes are their own key; a longer word has a hash with the top bit
// set, and its bytes have to be compared.
type wordKey uint64

func keyOf(word []byte) wordKey {
	n := len(word)
	switch {
	case n >= 8:
		h := uint64(n) * 0x9E3779B97F4A7C15
		for i := 0; i+8 < n; i += 8 {
			h = mix(h, binary.LittleEndian.Uint64(word[i:]))
		}
		return wordKey(mix(h, binary.LittleEndian.Uint64(word[n-8:])) | 1<<63)
	case n >= 4:
		low, high := binary.LittleEndian.Uint32(word), binary.LittleEndian.Uint32(word[n-4:])
		return wordKey(uint64(low) | uint64(high)>>(8*(8-n))<<32 | uint64(n)<<56)
	}
	key := uint64(n) << 56
	for i, b := range word {
		key |= uint64(b) << (8 * i)
	}
	return wordKey(key)
}

// mix joins a hash and eight bytes; both halves of a product depend on all bits.
func mix(h, word uint64) uint64 {
	high, low := bits.Mul64(h^word, 0xA0761D6478BD642F)
	return high ^ low
}

// slot spreads a key over all bits, whose upper ones choose a place in a table.
func (k wordKey) slot(shift uint8) uint64 { return uint64(k) * 0x9E3779B97F4A7C15 >> shift }

func (k wordKey) hashed() bool { return k>>63 != 0 }

// wordTable maps words to values that are not negative. Its places are filled to half at most, so that a word that is
// not there is found out soon.
type wordTable struct {
	places []wordPlace
	shift  uint8
	bytes  []byte   // of words with a hash, one after the other
	starts []uint32 // of entry i in bytes; one more than there are
}

type wordPlace struct {
	key   wordKey // 0 where the place is free: no word that is added is empty
	value int32
	entry int32 // of a word with a hash
}

// newWordTable returns a table for up to size words.
func newWordTable(size int) *wordTable {
	logarithm := max(4, bits.Len(uint(2*size)))
	return &wordTable{places: make([]wordPlace, 1<<logarithm), shift: uint8(64 - logarithm), starts: []uint32{0}}
}

// add takes a word that is not empty and not there yet.
func (t *wordTable) add(word []byte, value int32) {
	place := wordPlace{key: keyOf(word), value: value}
	if place.key.hashed() {
		place.entry = int32(len(t.starts) - 1)
		t.bytes = append(t.bytes, word...)
		t.starts = append(t.starts, uint32(len(t.bytes)))
	}
	i := place.key.slot(t.shift)
	for t.places[i].key != 0 {
		i = (i + 1) & uint64(len(t.places)-1)
	}
	t.places[i] = place
}

// find returns the value of a word, -1 when it is not there.
func (t *wordTable) find(key wordKey, word []byte) int32 {
	for i := key.slot(t.shift); ; i = (i + 1) & uint64(len(t.places)-1) {
		p := &t.places[i]
		if p.key == key && (!key.hashed() || bytes.Equal(word, t.bytes[t.starts[p.entry]:t.starts[p.entry+1]])) {
			return p.value
		}
		if p.key == 0 {
			return -1
		}
	}
}

// pairTable maps two pieces that stand side by side to their merge.
type pairTable struct {
	places []pairPlace
	shift  uint8
}

type pairPlace struct {
	pair  uint64 // left<<32 | right, plus 1; 0 where the place is free
	merge merge
}

// merge says that two pieces become one: rank<<32 | the id of what they become. The lowest is done first.
type merge uint64

// noMerge is above every merge.
const noMerge merge = 1<<64 - 1

func (m merge) id() int32 { return int32(uint32(m)) }

func newPairTable(size int) *pairTable {
	logarithm := max(4, bits.Len(uint(size+size/2)))
	return &pairTable{places: make([]pairPlace, 1<<logarithm), shift: uint8(64 - logarithm)}
}

func (t *pairTable) place(left, right int32) *pairPlace {
	pair := uint64(left)<<32 | uint64(right) + 1
	for i := pair * 0x9E3779B97F4A7C15 >> t.shift; ; i = (i + 1) & uint64(len(t.places)-1) {
		if p := &t.places[i]; p.pair == pair || p.pair == 0 {
			return p
		}
	}
}

// put sets the merge of a pair; a later one replaces it.
func (t *pairTable) put(left, right int32, m merge) {
	p := t.place(left, right)
	p.pair, p.merge = uint64(left)<<32|uint64(right)+1, m
}

func (t *pairTable) find(left, right int32) merge {
	if p := t.place(left, right); p.pair != 0 {
		return p.merge
	}
	return noMerge
}

// wordCache remembers the ids of words that were spelled lately. It has a fixed size: a word takes the place of the one
// that was there before it. What it holds never changes an id, only how soon it is known.
type wordCache struct{ words []cachedWord }

const (
	cacheShift   = 64 - 13 // 8,192 words, 768 KiB
	cachedBytes  = 40
	cachedTokens = 11
)

type cachedWord struct {
	key   wordKey
	count uint8 // of ids
	size  uint8 // of bytes
	bytes [cachedBytes]byte
	ids   [cachedTokens]int32
}

// find appends the ids of a word, or reports that they are not known.
func (c *wordCache) find(dst []int32, key wordKey, word []byte) ([]int32, bool) {
	if c.words == nil {
		return dst, false
	}
	w := &c.words[key.slot(cacheShift)]
	if w.key != key || key.hashed() && !bytes.Equal(word, w.bytes[:w.size]) {
		return dst, false
	}
	return append(dst, w.ids[:w.count]...), true
}

// put remembers a word unless it is too long.
func (c *wordCache) put(key wordKey, word []byte, ids []int32) {
	if len(word) > cachedBytes || len(ids) > cachedTokens {
		return
	}
	if c.words == nil {
		c.words = make([]cachedWord, 1<<(64-cacheShift))
	}
	w := &c.words[key.slot(cacheShift)]
	w.key, w.count, w.size = key, uint8(len(ids)), uint8(len(word))
	copy(w.bytes[:], word)
	copy(w.ids[:], ids)
}
