package lexical

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words yields the words of a text in lower case: runs of two or more letters, digits and underscores, which is the
// expression \w\w+ of bm25s and scikit-learn. There is no list of words to leave out and no stemming.
func Words(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		rest := strings.ToLower(text)
		for {
			start := strings.IndexFunc(rest, inWord)
			if start < 0 {
				return
			}
			rest = rest[start:]
			end := strings.IndexFunc(rest, func(r rune) bool { return !inWord(r) })
			if end < 0 {
				end = len(rest)
			}
			if word := rest[:end]; utf8.RuneCountInString(word) > 1 && !yield(word) {
				return
			}
			rest = rest[end:]
		}
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_' }
