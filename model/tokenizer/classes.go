package tokenizer

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// class says what the stages need to know of a code point. The bits are what Hugging Face tokenizers does with it, so
// that each follows the Unicode version of the crate behind it (9 for normal forms, 17 for lower case, …).
type class uint32

// The order is that of parity/tokenizer_fixture.py, which makes the tables.
const (
	space       class = 1 << iota // White_Space
	control                       // dropped by BertNormalizer's clean_text
	punctuation                   // ASCII punctuation, or category P
	accent                        // category Mn: dropped by BertNormalizer's strip_accents
	mark                          // category M: dropped by StripAccents
	number                        // category N
	word                          // \w
	nonstarter                    // canonical combining class above 0
	canonical                     // has a canonical decomposition
	compatible                    // has a canonical or a compatibility decomposition
	upper                         // has a lower-case form
	chinese                       // an ideograph that BertNormalizer makes a word

	// Of regular expressions
	letter    // \p{L}
	numeral   // \p{N}
	majuscule // [\p{Lu}\p{Lt}]
	minuscule // \p{Ll}
	caseless  // [\p{Lm}\p{Lo}\p{M}]

	// Of grapheme clusters, as far as Precompiled looks at them
	attached     // extends the character before it
	prefixed     // takes the character after it
	alone        // a control, which nothing is attached to
	pictographic // follows © or ® and a joiner
)

// blank is \s of regular expressions. It holds the same characters; the script that makes the tables makes sure of it.
const blank = space

type classRange struct {
	low, high rune
	class     class
}

type lowerMove struct{ low, high, by rune }

// classOf returns the class of a code point.
func classOf(r rune) class {
	if r < utf8.RuneSelf {
		return asciiClasses[r]
	}
	low, high := 0, len(classRanges)
	if page := int(r >> 8); page < len(classPages) {
		low = int(classPages[page])
		if page+1 < len(classPages) {
			high = min(high, int(classPages[page+1])+1)
		}
	}
	for low < high {
		middle := int(uint(low+high) >> 1)
		if classRanges[middle].high < r {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(classRanges) && classRanges[low].low <= r {
		return classRanges[low].class
	}
	return 0
}

// appendLower appends the lower-case form of a code point, without regard to what stands around it: a capital sigma
// that ends a word becomes σ, as in Hugging Face tokenizers and unlike Python's str.lower.
func appendLower(dst []byte, r rune, c class) []byte {
	if c&upper == 0 {
		return utf8.AppendRune(dst, r)
	}
	if r == 'İ' {
		return append(dst, "i̇"...) // the only one with two characters
	}
	i, _ := slices.BinarySearchFunc(lowerMoves[:], r, func(m lowerMove, r rune) int { return cmp.Compare(m.high, r) })
	return utf8.AppendRune(dst, r+lowerMoves[i].by)
}
