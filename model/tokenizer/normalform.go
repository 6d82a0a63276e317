package tokenizer

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalForm is NFC, NFD, NFKC or NFKD of the Unicode version that Hugging Face tokenizers knows (9): a later character
// neither decomposes nor has a combining class. Package norm holds the values; the class of a character says whether
// they apply. norm's own normalizing is not used: it breaks up more than thirty marks in a row.
type normalForm struct{ compatible, compose bool }

func (n normalForm) normalize(dst, src []byte, s *scratch) []byte {
	if isASCII(src) {
		return append(dst, src...)
	}
	s.runes = s.runes[:0]
	s.order.reset()
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		n.push(s, r, src[i:i+size])
		i += size
	}
	s.flush()
	if n.compose {
		s.runes = compose(s.runes)
	}
	for _, r := range s.runes {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// push appends the decomposition of one character to s.runes; non-starters wait in s.order for their turn.
func (n normalForm) push(s *scratch, r rune, encoded []byte) {
	c := classOf(r)
	if c&canonical == 0 && (!n.compatible || c&compatible == 0) {
		s.pushRune(r, c)
		return
	}
	var buffer [12]byte
	decomposed := decompose(buffer[:0], r, encoded, n.compatible)
	for len(decomposed) > 0 {
		d, size := utf8.DecodeRune(decomposed)
		s.pushRune(d, classOf(d))
		decomposed = decomposed[size:]
	}
}

func (s *scratch) pushRune(r rune, c class) {
	if c&nonstarter != 0 {
		s.order.push(r, c)
		return
	}
	s.flush()
	s.runes = append(s.runes, r)
}

func (s *scratch) flush() {
	for _, m := range s.order.sorted() {
		s.runes = append(s.runes, m.r)
	}
	s.order.reset()
}

// decompose returns the full decomposition of a character that has one: a syllable's letters in buffer, or a view of
// package norm's tables.
func decompose(buffer []byte, r rune, encoded []byte, compatible bool) []byte {
	if r >= hangulBase && r < hangulBase+hangulCount {
		index := r - hangulBase
		buffer = utf8.AppendRune(buffer, leadBase+index/(vowelCount*tailCount))
		buffer = utf8.AppendRune(buffer, vowelBase+index%(vowelCount*tailCount)/tailCount)
		if tail := index % tailCount; tail != 0 {
			buffer = utf8.AppendRune(buffer, tailBase+tail)
		}
		return buffer
	}
	if compatible {
		return norm.NFKD.Properties(encoded).Decomposition()
	}
	return norm.NFD.Properties(encoded).Decomposition()
}

// Korean syllables, composed by arithmetic (Unicode 15, section 3.12).
const (
	hangulBase, hangulCount = 0xAC00, 11172
	leadBase, leadCount     = 0x1100, 19
	vowelBase, vowelCount   = 0x1161, 21
	tailBase, tailCount     = 0x11A7, 28
)

// compose joins canonically ordered characters in place (Unicode 15, section 3.11).
func compose(runes []rune) []rune {
	out := runes[:0]
	starter, last := -1, uint8(0) // position of the latest starter; combining class of what follows it
	for _, r := range runes {
		class := combiningClass(r)
		if starter >= 0 && (last == 0 || last < class) {
			if joined, ok := composePair(out[starter], r); ok {
				out[starter] = joined
				continue
			}
		}
		last = class
		if class == 0 {
			starter = len(out)
		}
		out = append(out, r)
	}
	return out
}

func composePair(a, b rune) (rune, bool) {
	if lead, vowel := a-leadBase, b-vowelBase; 0 <= lead && lead < leadCount && 0 <= vowel && vowel < vowelCount {
		return hangulBase + (lead*vowelCount+vowel)*tailCount, true
	}
	if index, tail := a-hangulBase, b-tailBase; 0 <= index && index < hangulCount && index%tailCount == 0 && 0 < tail && tail < tailCount {
		return a + tail, true
	}
	i, found := slices.BinarySearchFunc(compositions[:], composition{first: a, second: b}, composition.compare)
	if !found {
		return 0, false
	}
	return compositions[i].joined, true
}

// composition says that two characters in a row are canonically equivalent to one.
type composition struct{ first, second, joined rune }

func (c composition) compare(d composition) int {
	return cmp.Or(cmp.Compare(c.first, d.first), cmp.Compare(c.second, d.second))
}

func combiningClass(r rune) uint8 {
	if classOf(r)&nonstarter == 0 {
		return 0
	}
	var buffer [4]byte
	return norm.NFD.Properties(utf8.AppendRune(buffer[:0], r)).CCC()
}

// reorderer holds the non-starters since the last starter, to be put into canonical order.
type reorderer struct{ marks []combining }

type combining struct {
	r     rune
	ccc   uint8
	class class
}

func (o *reorderer) push(r rune, c class) {
	o.marks = append(o.marks, combining{r, combiningClass(r), c})
}

// sorted returns the marks in canonical order; equal classes keep their order.
func (o *reorderer) sorted() []combining {
	slices.SortStableFunc(o.marks, func(a, b combining) int { return int(a.ccc) - int(b.ccc) })
	return o.marks
}

func (o *reorderer) reset() { o.marks = o.marks[:0] }

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
