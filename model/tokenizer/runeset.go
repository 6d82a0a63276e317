package tokenizer

import "unicode/utf8"

// runeSet is a set of characters.
type runeSet struct {
	items   []setItem
	negated bool
	ascii   [utf8.RuneSelf]bool
}

// setItem is a part of a set: a range, characters of some class but not of another, or another set.
type setItem struct {
	low, high rune
	of, not   class // where of is not 0
	others    bool  // all but those of the class
	set       *runeSet
}

// finish makes the table of ASCII characters.
func (s *runeSet) finish() *runeSet {
	for r := range rune(utf8.RuneSelf) {
		s.ascii[r] = s.holds(r)
	}
	return s
}

func (s *runeSet) holds(r rune) bool {
	for _, item := range s.items {
		if item.holds(r) {
			return !s.negated
		}
	}
	return s.negated
}

func (i setItem) holds(r rune) bool {
	switch {
	case i.set != nil:
		return i.set.holds(r)
	case i.of != 0:
		c := classOf(r)
		return (c&i.of != 0 && c&i.not == 0) != i.others
	}
	return i.low <= r && r <= i.high
}

// matchAt returns the length of the character at i if it is in the set, else 0.
func (s *runeSet) matchAt(text []byte, i, end int) int {
	if i == end {
		return 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		if s.ascii[b] {
			return 1
		}
		return 0
	}
	r, size := utf8.DecodeRune(text[i:end])
	if s.holds(r) {
		return size
	}
	return 0
}
