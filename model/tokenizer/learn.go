package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Learned is a WordPiece vocabulary for an uncased BERT tokenizer; a token's position is its id.
type Learned struct{ Tokens []string }

// The special tokens of a learned vocabulary, ids 0 to 4.
var learnedSpecials = [...]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// LearnWordPiece learns a lower-cased vocabulary of at most size tokens from texts: the special tokens, every character
// of the texts and every digit, alone and continuing a word, and then the pieces that byte-pair merges of the most
// frequent neighbours make, as the WordPiece trainer of Hugging Face tokenizers does. Digits are never merged, so that
// a number is spelled digit by digit. Ties go to the pair that sorts first: the same texts, in any order, give the same
// vocabulary. Too small a size for the characters is an error.
func LearnWordPiece(texts []string, size int) (*Learned, error) {
	words := countWords(texts)
	if len(words) == 0 {
		return nil, errors.New("learn a vocabulary: the texts have no words")
	}
	tokens := append(learnedSpecials[:], alphabet(words)...)
	if len(tokens) > size {
		return nil, fmt.Errorf("learn a vocabulary: %d tokens cannot hold the %d characters of the texts and the special tokens", size, len(tokens))
	}
	l := newLearner(words)
	known := make(map[string]bool, size)
	for _, t := range tokens {
		known[t] = true
	}
	for len(tokens) < size {
		p, ok := l.best()
		if !ok {
			break
		}
		if piece := l.merge(p); !known[piece] { // two ways of joining can make one piece
			known[piece] = true
			tokens = append(tokens, piece)
		}
	}
	return &Learned{tokens}, nil
}

// countedWord is a word of the texts, spelled in pieces, with how often it occurs.
type countedWord struct {
	pieces []string
	count  int
}

// countWords normalizes and splits texts as the tokenizer will, and returns their distinct words in order.
func countWords(texts []string) []countedWord {
	t := &Tokenizer{normalizer: []normalizer{newBertNormalizer(true, true, true, true)}, stages: splitBy(bertSplitter{})}
	counts := map[string]int{}
	s := new(scratch)
	for _, text := range texts {
		s.text = appendValid(s.text[:0], text)
		s.normal = t.normalizer[0].normalize(s.normal[:0], s.text, s)
		text, words := t.words(s.normal, span{0, len(s.normal)}, true, s)
		for _, w := range words {
			counts[string(text[w.start:w.end])]++
		}
	}
	words := make([]countedWord, 0, len(counts))
	for text, count := range counts {
		words = append(words, countedWord{spell(text), count})
	}
	slices.SortFunc(words, func(a, b countedWord) int { return slices.Compare(a.pieces, b.pieces) })
	return words
}

// spell returns the characters of a word as pieces.
func spell(text string) []string {
	var pieces []string
	for i, r := range text {
		piece := string(r)
		if i > 0 {
			piece = "##" + piece
		}
		pieces = append(pieces, piece)
	}
	return pieces
}

// alphabet returns every character of the words and every digit, sorted: first alone, then continuing a word. A
// character that is always a word of its own, as punctuation is, has no continuing form.
func alphabet(words []countedWord) []string {
	seen := map[string]bool{}
	for d := '0'; d <= '9'; d++ {
		seen[string(d)], seen["##"+string(d)] = true, true
	}
	for _, w := range words {
		for _, p := range w.pieces {
			seen[p] = true
			if r, _ := utf8.DecodeRuneInString(bare(p)); unicode.IsLetter(r) {
				seen[string(r)], seen["##"+string(r)] = true, true
			}
		}
	}
	var all []string
	for p := range seen {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a)-len(bare(a)), len(b)-len(bare(b))), strings.Compare(a, b))
	})
	return all
}

// bare returns a piece without the prefix that says it continues a word. No piece has # in it otherwise: the character
// is punctuation, a word of its own.
func bare(piece string) string { return strings.TrimPrefix(piece, "##") }
