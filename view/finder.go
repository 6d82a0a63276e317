package view

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// finder looks for words in texts, whatever the case. It keeps no copies of them in lower case: a corpus may fill much of
// the memory already.
type finder struct {
	wanted []byte // in lower case
	lower  []byte // the text looked at
}

func newFinder(words string) *finder { return &finder{wanted: []byte(strings.ToLower(words))} }

// in says whether any of the texts holds the words; no words are in every text.
func (f *finder) in(texts ...string) bool {
	if len(f.wanted) == 0 {
		return true
	}
	for _, text := range texts {
		f.lower = f.lower[:0]
		for _, r := range text {
			if r < utf8.RuneSelf {
				if 'A' <= r && r <= 'Z' {
					r += 'a' - 'A'
				}
				f.lower = append(f.lower, byte(r))
				continue
			}
			f.lower = utf8.AppendRune(f.lower, unicode.ToLower(r))
		}
		if bytes.Contains(f.lower, f.wanted) {
			return true
		}
	}
	return false
}
