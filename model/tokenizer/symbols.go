package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// symbols knows the tokens that stand for one character: as it is, or with the prefix of a character that does not begin
// a word, or the suffix of one that ends it. Byte for byte where words are bytes.
type symbols struct {
	byteLevel      bool
	prefix, suffix string
	tables         [4]symbolTable // indexed by placeOf; only the first where there is neither prefix nor suffix
}

type symbolTable struct {
	bytes [256]int32     // of bytes, or of ASCII characters; -1 where there is none
	runes map[rune]int32 // of other characters
}

// Where a character stands in a word.
const (
	continuing = 1 << iota
	ending
)

func newSymbols(v vocabulary, prefix, suffix string, byteLevel bool) symbols {
	s := symbols{byteLevel: byteLevel, prefix: prefix, suffix: suffix}
	for place := range s.tables {
		t := &s.tables[place]
		t.runes = map[rune]int32{}
		for b := range t.bytes {
			t.bytes[b] = -1
		}
		if place != 0 && s.plain() {
			continue
		}
		for token, id := range v.ids {
			t.add(s.character(token, place), id, byteLevel)
		}
	}
	return s
}

func (s *symbols) plain() bool { return s.prefix == "" && s.suffix == "" }

// character returns what a token stands for at a place of a word, "" when it lacks prefix or suffix.
func (s *symbols) character(token string, place int) string {
	if place&continuing != 0 {
		var ok bool
		if token, ok = strings.CutPrefix(token, s.prefix); !ok {
			return ""
		}
	}
	if place&ending != 0 {
		var ok bool
		if token, ok = strings.CutSuffix(token, s.suffix); !ok {
			return ""
		}
	}
	return token
}

// add takes a token of one character.
func (t *symbolTable) add(character string, id int32, byteLevel bool) {
	r, size := utf8.DecodeRuneInString(character)
	if size == 0 || size != len(character) {
		return
	}
	if byteLevel {
		if b, ok := byteOf(r); ok {
			t.bytes[b] = id
		}
	} else if r < utf8.RuneSelf {
		t.bytes[r] = id
	} else {
		t.runes[r] = id
	}
}

// first returns the token of the character, or byte, at a place in a word, -1 when it has none; and its length.
func (s *symbols) first(word []byte, at int) (id int32, size int) {
	b := word[at]
	if s.byteLevel || b < utf8.RuneSelf {
		return s.tables[s.place(at, len(word)-at-1)].bytes[b], 1
	}
	r, size := utf8.DecodeRune(word[at:])
	if id, ok := s.tables[s.place(at, len(word)-at-size)].runes[r]; ok {
		return id, size
	}
	return -1, size
}

// place says where a character stands: so many bytes follow its start, and its end.
func (s *symbols) place(before, after int) int {
	place := 0
	if s.plain() {
		return place
	}
	if before > 0 {
		place |= continuing
	}
	if after == 0 {
		place |= ending
	}
	return place
}

// around returns the prefix and the suffix of the character at a place in a word.
func (s *symbols) around(word []byte, at, size int) (prefix, suffix string) {
	if at > 0 {
		prefix = s.prefix
	}
	if at+size == len(word) {
		suffix = s.suffix
	}
	return prefix, suffix
}
