package tokenizer

import "unicode/utf8"

// wordPiece spells a word by the longest token that it begins with, then the longest that continues it, and so on. A
// word that cannot be spelled to its end, or is too long, becomes the unknown token as a whole.
type wordPiece struct {
	trie         *trie
	continuation uint32 // the node after the continuing prefix, 0 when no token has it
	unknown      int32
	longestWord  int // in characters
}

func parseWordPiece(s section) (parsedModel, error) {
	var fields struct {
		typed
		Unknown *string          `json:"unk_token"`
		Prefix  *string          `json:"continuing_subword_prefix"`
		Longest *int             `json:"max_input_chars_per_word"`
		Vocab   map[string]int64 `json:"vocab"`
	}
	if err := s.decode(&fields); err != nil {
		return parsedModel{}, err
	}
	err := s.need(has{"unk_token", fields.Unknown != nil}, has{"continuing_subword_prefix", fields.Prefix != nil},
		has{"max_input_chars_per_word", fields.Longest != nil}, has{"vocab", fields.Vocab != nil})
	if err != nil {
		return parsedModel{}, err
	}
	if *fields.Longest < 0 {
		return parsedModel{}, s.errorf("max_input_chars_per_word is %d", *fields.Longest)
	}
	v, err := newVocabulary(fields.Vocab)
	if err != nil {
		return parsedModel{}, s.errorf("vocab: %w", err)
	}
	unknown, ok := v.ids[*fields.Unknown]
	if !ok {
		return parsedModel{}, s.errorf("unk_token %q is not in vocab", *fields.Unknown)
	}
	m, err := newWordPiece(v, unknown, *fields.Prefix, *fields.Longest)
	if err != nil {
		return parsedModel{}, s.errorf("vocab: %w", err)
	}
	return parsedModel{m, v, unknown}, nil
}

func newWordPiece(v vocabulary, unknown int32, prefix string, longestWord int) (*wordPiece, error) {
	entries := make([]trieEntry, 0, len(v.ids))
	for id, token := range v.tokens {
		if own, ok := v.ids[token]; ok && own == int32(id) { // not a hole in the numbering
			entries = append(entries, trieEntry{token, own})
		}
	}
	t, err := newTrie(entries)
	if err != nil {
		return nil, err
	}
	return &wordPiece{trie: t, continuation: t.walk(root, prefix), unknown: unknown, longestWord: longestWord}, nil
}

func (m *wordPiece) appendWord(dst []int32, word []byte, _ *scratch) []int32 {
	if len(word) > m.longestWord && countCharacters(word) > m.longestWord {
		return append(dst, m.unknown)
	}
	before := len(dst)
	node := uint32(root)
	for len(word) > 0 {
		id, length := m.trie.longest(node, word)
		if length == 0 {
			return append(dst[:before], m.unknown)
		}
		dst = append(dst, id)
		word = word[length:]
		if node = m.continuation; node == 0 && len(word) > 0 {
			return append(dst[:before], m.unknown)
		}
	}
	return dst
}

// countCharacters is utf8.RuneCount of valid text; that one may allocate.
func countCharacters(word []byte) int {
	n := 0
	for _, b := range word {
		if utf8.RuneStart(b) {
			n++
		}
	}
	return n
}
