package tokenizer

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A long word is joined by a heap, a short one by looking at every pair; both do what looking at every pair does.
func TestLongWordsAreJoinedAsShortOnes(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	pairs := newPairTable(40)
	ids, rank := int32(4), merge(0)
	for range 40 { // merges of merges, in any order
		pairs.put(draw.Int32N(ids), draw.Int32N(ids), rank<<32|merge(ids))
		ids, rank = ids+1, rank+1
	}
	for size := range 200 {
		pieces := make([]int32, size)
		for i := range pieces {
			pieces[i] = draw.Int32N(4)
		}
		want := joinPlainly(slices.Clone(pieces), pairs)
		g := merging{pieces: slices.Clone(pieces)}
		if diff := cmp.Diff(want, g.join([]int32{}, pairs)); diff != "" {
			t.Fatalf("join of %v (-want +got):\n%s", pieces, diff)
		}
		g = merging{pieces: slices.Clone(pieces)}
		if diff := cmp.Diff(want, g.joinLong([]int32{}, pairs)); diff != "" {
			t.Fatalf("joinLong of %v (-want +got):\n%s", pieces, diff)
		}
	}
}

func joinPlainly(pieces []int32, pairs *pairTable) []int32 {
	for {
		best, at := noMerge, 0
		for i := 1; i < len(pieces); i++ {
			if m := pairs.find(pieces[i-1], pieces[i]); m < best {
				best, at = m, i
			}
		}
		if best == noMerge {
			return append([]int32{}, pieces...)
		}
		pieces = slices.Replace(pieces, at-1, at+1, best.id())
	}
}

// Cutting a text before the marks of its spaces changes no id.
func TestCutTextsAreMergedAsWholeOnes(t *testing.T) {
	tok, err := Load("testdata/sentencepiece")
	if err != nil {
		t.Fatal(err)
	}
	m := tok.model.(*bpe)
	if m.cuts == nil {
		t.Fatal("texts are not cut")
	}
	var s scratch
	for _, text := range readFixture(t).Texts {
		text = strings.ReplaceAll(text, " ", "▁")
		if text == "" {
			continue
		}
		want := m.merge([]int32{}, []byte(text), &s)
		if diff := cmp.Diff(want, m.appendWord([]int32{}, []byte(text), &s)); diff != "" {
			t.Errorf("%+q (-want +got):\n%s", text, diff)
		}
	}
}

func TestWordTable(t *testing.T) {
	var words []string
	for size := 1; size < 20; size++ {
		for _, b := range []byte{0, 'a', 0xFF} {
			words = append(words, strings.Repeat(string([]byte{b}), size), strings.Repeat("x", size-1)+string([]byte{b}))
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	table := newWordTable(len(words))
	for i, w := range words[1:] {
		table.add([]byte(w), int32(i+1))
	}
	for i, w := range words {
		want := int32(i)
		if i == 0 {
			want = -1 // was not added
		}
		if got := table.find(keyOf([]byte(w)), []byte(w)); got != want {
			t.Errorf("%q has value %d, want %d", w, got, want)
		}
	}
}

// A word that takes another's place in the cache is not taken for it.
func TestWordCacheHoldsTheLatest(t *testing.T) {
	var c wordCache
	words := map[string][]int32{}
	draw := rand.New(rand.NewPCG(5, 6))
	for range 50_000 {
		word := bytes.Repeat([]byte{byte('a' + draw.IntN(26)), byte('a' + draw.IntN(26)), byte(draw.IntN(256))}, 1+draw.IntN(15))
		ids := make([]int32, draw.IntN(14))
		for i := range ids {
			ids[i] = int32(len(word)*1000 + i)
		}
		if earlier, ok := words[string(word)]; ok {
			ids = earlier // a word has the same ids always
		}
		words[string(word)] = ids
		key := keyOf(word)
		if got, known := c.find(nil, key, word); known && !slices.Equal(got, ids) {
			t.Fatalf("%q has ids %v, want %v", word, got, ids)
		}
		c.put(key, word, ids)
		got, known := c.find(nil, key, word)
		if fits := len(word) <= cachedBytes && len(ids) <= cachedTokens; known != fits || known && !slices.Equal(got, ids) {
			t.Fatalf("%q has ids %v (%t), want %v", word, got, known, ids)
		}
	}
}
