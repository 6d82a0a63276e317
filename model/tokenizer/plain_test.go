package tokenizer

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The stages of a BERT tokenizer the plain way: a pass for each setting, tokens looked up in a map, the longest first.
// The tokenizer's own stages take shortcuts for ASCII and look tokens up in a trie.

func plainNormalize(n *bertNormalizer, text []byte) []byte {
	if n.clean {
		var clean []byte
		for _, r := range string(text) {
			switch c := classOf(r); {
			case c&control != 0:
			case c&space != 0:
				clean = append(clean, ' ')
			default:
				clean = utf8.AppendRune(clean, r)
			}
		}
		text = clean
	}
	if n.chinese {
		var spaced []byte
		for _, r := range string(text) {
			if classOf(r)&chinese != 0 {
				spaced = append(utf8.AppendRune(append(spaced, ' '), r), ' ')
			} else {
				spaced = utf8.AppendRune(spaced, r)
			}
		}
		text = spaced
	}
	if n.strip {
		text = bytes.Map(func(r rune) rune {
			if classOf(r)&accent != 0 {
				return -1
			}
			return r
		}, normalForm{}.normalize(nil, text, new(scratch)))
	}
	if n.lower {
		var lowered []byte
		for _, r := range string(text) {
			lowered = appendLower(lowered, r, classOf(r))
		}
		text = lowered
	}
	return text
}

func plainWords(text []byte) []string {
	var words []string
	for _, part := range bytes.FieldsFunc(text, isSpace) {
		word := ""
		for _, r := range string(part) {
			if classOf(r)&punctuation == 0 {
				word += string(r)
				continue
			}
			words = append(words, word, string(r))
			word = ""
		}
		words = append(words, word)
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

func plainWord(ids map[string]int32, unknown int32, longest int, word string) []int32 {
	if utf8.RuneCountInString(word) > longest {
		return []int32{unknown}
	}
	var out []int32
	for rest, prefix := word, ""; rest != ""; prefix = "##" {
		end := len(rest)
		for ; end > 0; end-- {
			if id, ok := ids[prefix+rest[:end]]; ok {
				out = append(out, id)
				break
			}
		}
		if end == 0 {
			return []int32{unknown}
		}
		rest = rest[end:]
	}
	return out
}

// plainly compares the stages with the plain ones, each on what the one before makes of a text.
func plainly(t *testing.T, tok *Tokenizer, flags uint8, text string) {
	t.Helper()
	valid := appendValid(nil, text)
	n := newBertNormalizer(flags&1 == 0, flags&2 == 0, flags&4 == 0, flags&8 == 0)
	normal := n.normalize(nil, valid, new(scratch))
	if want := plainNormalize(n, valid); !bytes.Equal(want, normal) {
		t.Fatalf("%+q with flags %b is normalized to %+q, want %+q", text, flags, normal, want)
	}
	var words []string
	m := tok.model.(*wordPiece)
	for _, w := range (bertSplitter{}).split(nil, normal, span{0, len(normal)}) {
		word := normal[w.start:w.end]
		words = append(words, string(word))
		want := plainWord(tok.vocabulary.ids, m.unknown, m.longestWord, string(word))
		if got := m.appendWord(nil, word, nil); !slices.Equal(want, got) {
			t.Fatalf("word %+q has ids %v, want %v", word, got, want)
		}
	}
	if diff := cmp.Diff(plainWords(normal), words); diff != "" {
		t.Fatalf("words of %+q (-want +got):\n%s", normal, diff)
	}
}

// FuzzPlain: on any text the stages give what the plain ones give.
func FuzzPlain(f *testing.F) {
	tok := small(f)
	for i, text := range readFixture(f).Texts {
		f.Add(uint8(i), text)
	}
	f.Add(uint8(0), "a\u302e\x01b\u302e\x01\u0323c") // a mark waits for the next starter, which a dropped character is not
	f.Fuzz(func(t *testing.T, flags uint8, text string) { plainly(t, tok, flags, text) })
}

func TestRandomTextsAsPlainly(t *testing.T) {
	tok := small(t)
	parts := []string{"half", "Fraction", "THE", "ing", "word", " ", "\t", "\n", "\x00", "\x01", "\x7f", "\u00a0", "\u0301", "\u0323", "\u302e", "\U0001d165",
		"é", "e\u0301", "İ", "가", "中", "豈", "か\u3099", "क\u093c", "23", "½", ".", "-", "_", "“", "\u200b", "\ufffd", "👍🏽", "\xff", strings.Repeat("a", 50)}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var text strings.Builder
		for range draw.IntN(12) {
			if draw.IntN(4) == 0 {
				text.WriteRune(rune(draw.IntN(1 << (7 + draw.IntN(11)))))
			} else {
				text.WriteString(parts[draw.IntN(len(parts))])
			}
		}
		plainly(t, tok, uint8(draw.IntN(16)), text.String())
	}
}
