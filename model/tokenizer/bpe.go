package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe spells a word by its characters, or bytes, and joins neighbours as its merges say: the merge of the lowest rank
// first, and of those the leftmost.
//
// Most words are tokens that merging would arrive at, which are looked up; other words are remembered for a while.
type bpe struct {
	symbols  symbols
	pairs    *pairTable
	whole    *wordTable // tokens that merging their own characters arrives at; of all tokens with ignoreMerges
	unknown  int32      // -1 when a character without a token is dropped
	fuse     bool       // unknown characters in a row are one
	ignore   bool       // a word that is a token is that token, whatever the merges say
	fallback bool       // a character without a token becomes the tokens of its bytes, if all are there
	byteIDs  [256]int32 // of <0x00> to <0xFF>; -1 where there is none
	cuts     *cutter    // nil when a word has to be merged as a whole
}

// bpeFields is a model section of the type BPE.
type bpeFields struct {
	typed
	Dropout  *float64         `json:"dropout"`
	Unknown  *string          `json:"unk_token"`
	Prefix   *string          `json:"continuing_subword_prefix"`
	Suffix   *string          `json:"end_of_word_suffix"`
	Fuse     *bool            `json:"fuse_unk"`
	Fallback *bool            `json:"byte_fallback"`
	Ignore   *bool            `json:"ignore_merges"`
	Vocab    map[string]int64 `json:"vocab"`
	Merges   json.RawMessage  `json:"merges"`
}

// parseBPE reads a BPE model. Where the pre-tokenizer ends with ByteLevel, the words come as bytes, not as the characters
// that stand for them.
func parseBPE(s section, byteLevel bool) (parsedModel, error) {
	var f bpeFields
	if err := s.decode(&f); err != nil {
		return parsedModel{}, err
	}
	if err := s.need(has{"vocab", f.Vocab != nil}, has{"merges", len(f.Merges) != 0 && string(f.Merges) != "null"}); err != nil {
		return parsedModel{}, err
	}
	if f.Dropout != nil && *f.Dropout != 0 {
		return parsedModel{}, s.errorf("dropout is %v: ids would change from call to call; set it to null", *f.Dropout)
	}
	v, err := newVocabulary(f.Vocab)
	if err != nil {
		return parsedModel{}, s.errorf("vocab: %w", err)
	}
	m := &bpe{unknown: -1, fuse: isTrue(f.Fuse), ignore: isTrue(f.Ignore), fallback: isTrue(f.Fallback)}
	if f.Unknown != nil {
		id, ok := v.ids[*f.Unknown]
		if !ok {
			return parsedModel{}, s.errorf("unk_token %q is not in vocab", *f.Unknown)
		}
		m.unknown = id
	}
	for b := range m.byteIDs {
		m.byteIDs[b] = -1
		if id, ok := v.ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			m.byteIDs[b] = id
		}
	}
	m.symbols = newSymbols(v, text(f.Prefix), text(f.Suffix), byteLevel)
	pairs, err := readMerges(f.Merges)
	if err != nil {
		return parsedModel{}, s.errorf("merges: %w", err)
	}
	if err := m.setMerges(v, pairs, text(f.Prefix)); err != nil {
		return parsedModel{}, s.errorf("merges%w", err)
	}
	if m.symbols.plain() && !byteLevel {
		m.cuts = newCutter(v, m, pairs)
	}
	m.setWhole(v, byteLevel)
	return parsedModel{m, v, m.unknown}, nil
}

// byteLevelModel reports whether a model section is one that words can be handed to as bytes: what stands for them is
// looked up character by character, and nothing looks at the characters themselves.
func byteLevelModel(s section) bool {
	var f struct {
		Type     string  `json:"type"`
		Prefix   *string `json:"continuing_subword_prefix"`
		Suffix   *string `json:"end_of_word_suffix"`
		Fallback *bool   `json:"byte_fallback"`
	}
	return json.Unmarshal(s.raw, &f) == nil && f.Type == "BPE" && text(f.Prefix)+text(f.Suffix) == "" && !isTrue(f.Fallback)
}

func isTrue(b *bool) bool { return b != nil && *b }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// readMerges reads merges in either form: "a b", or ["a", "b"], which may hold spaces.
func readMerges(raw json.RawMessage) ([][2]string, error) {
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		pairs := make([][2]string, 0, len(lines))
		for i, line := range lines {
			if strings.HasPrefix(line, "#version") {
				continue
			}
			left, right, ok := strings.Cut(line, " ")
			if !ok || strings.Contains(right, " ") {
				return nil, fmt.Errorf("entry %d is %q: want two tokens with one space between them", i, line)
			}
			pairs = append(pairs, [2]string{left, right})
		}
		return pairs, nil
	}
	var lists [][]string
	if err := json.Unmarshal(raw, &lists); err != nil {
		return nil, fmt.Errorf("want a list of pairs, each \"a b\" or [\"a\", \"b\"]")
	}
	pairs := make([][2]string, len(lists))
	for i, list := range lists {
		if len(list) != 2 {
			return nil, fmt.Errorf("entry %d has %d tokens, not two", i, len(list))
		}
		pairs[i] = [2]string(list)
	}
	return pairs, nil
}

// setMerges numbers the merges by their place in the list.
func (m *bpe) setMerges(v vocabulary, pairs [][2]string, prefix string) error {
	m.pairs = newPairTable(len(pairs))
	for rank, pair := range pairs {
		for _, token := range pair {
			if _, ok := v.ids[token]; !ok {
				return fmt.Errorf("[%d]: token %q is not in vocab", rank, token)
			}
		}
		if len(pair[1]) < len(prefix) {
			return fmt.Errorf("[%d]: token %q is shorter than continuing_subword_prefix", rank, pair[1])
		}
		joined, ok := v.ids[pair[0]+pair[1][len(prefix):]]
		if !ok {
			return fmt.Errorf("[%d]: %q and %q make %q, which is not in vocab", rank, pair[0], pair[1], pair[0]+pair[1][len(prefix):])
		}
		m.pairs.put(v.ids[pair[0]], v.ids[pair[1]], merge(rank)<<32|merge(joined))
	}
	return nil
}

// setWhole collects the words that need no merging.
func (m *bpe) setWhole(v vocabulary, byteLevel bool) {
	m.whole = newWordTable(len(v.ids))
	var s scratch
	var ids []int32
	for id, token := range v.tokens {
		if own, ok := v.ids[token]; !ok || own != int32(id) || token == "" {
			continue // a hole in the numbering
		}
		word := []byte(token)
		if byteLevel {
			var ok bool
			if word, ok = bytesOf(token); !ok {
				continue // no text has its characters
			}
		}
		ids = m.merge(ids[:0], word, &s)
		closed := len(ids) == 1 && ids[0] == int32(id)
		if closed || m.ignore {
			m.whole.add(word, wholeValue(int32(id), closed))
		}
	}
}

// wholeValue is what the table of whole words holds: the id, and whether merging arrives at it.
func wholeValue(id int32, closed bool) int32 {
	if closed {
		return id<<1 | 1
	}
	return id << 1
}

func (m *bpe) appendWord(dst []int32, word []byte, s *scratch) []int32 {
	key := keyOf(word)
	if value := m.whole.find(key, word); value >= 0 { // without ignoreMerges only closed words are in the table
		return append(dst, value>>1)
	}
	if m.cuts == nil {
		return m.appendMerged(dst, key, word, s)
	}
	for {
		n := m.cuts.next(word)
		if n == len(word) {
			return m.appendPart(dst, word, s)
		}
		dst = m.appendPart(dst, word[:n], s)
		word = word[n:]
	}
}

// appendPart appends the ids of a part of a word that no merge reaches out of.
func (m *bpe) appendPart(dst []int32, part []byte, s *scratch) []int32 {
	key := keyOf(part)
	if value := m.whole.find(key, part); value >= 0 && value&1 != 0 {
		return append(dst, value>>1)
	}
	return m.appendMerged(dst, key, part, s)
}

func (m *bpe) appendMerged(dst []int32, key wordKey, word []byte, s *scratch) []int32 {
	dst, known := s.cache.find(dst, key, word)
	if known {
		return dst
	}
	before := len(dst)
	dst = m.merge(dst, word, s)
	s.cache.put(key, word, dst[before:])
	return dst
}

// merge appends the ids of a word, spelled and joined.
func (m *bpe) merge(dst []int32, word []byte, s *scratch) []int32 {
	s.merging.pieces = m.spell(s.merging.pieces[:0], word)
	return s.merging.join(dst, m.pairs)
}

// spell appends the pieces that merging starts from. An unknown character waits for those that may be fused with it; the
// bytes of a character without a token do not end that wait, but go before it, as in Hugging Face tokenizers.
func (m *bpe) spell(dst []int32, word []byte) []int32 {
	waiting := false
	for i := 0; i < len(word); {
		id, size := m.symbols.first(word, i)
		switch {
		case id >= 0:
			if waiting {
				dst, waiting = append(dst, m.unknown), false
			}
			dst = append(dst, id)
		case m.fallback && m.hasBytes(word, i, size):
			dst = m.appendBytes(dst, word, i, size)
		case m.unknown >= 0:
			if waiting && !m.fuse {
				dst = append(dst, m.unknown)
			}
			waiting = true
		}
		i += size
	}
	if waiting {
		dst = append(dst, m.unknown)
	}
	return dst
}

func (m *bpe) hasBytes(word []byte, at, size int) bool {
	prefix, suffix := m.symbols.around(word, at, size)
	for _, part := range [...]string{prefix, suffix} {
		for i := range len(part) {
			if m.byteIDs[part[i]] < 0 {
				return false
			}
		}
	}
	for _, b := range word[at : at+size] {
		if m.byteIDs[b] < 0 {
			return false
		}
	}
	return true
}

func (m *bpe) appendBytes(dst []int32, word []byte, at, size int) []int32 {
	prefix, suffix := m.symbols.around(word, at, size)
	for i := range len(prefix) {
		dst = append(dst, m.byteIDs[prefix[i]])
	}
	for _, b := range word[at : at+size] {
		dst = append(dst, m.byteIDs[b])
	}
	for i := range len(suffix) {
		dst = append(dst, m.byteIDs[suffix[i]])
	}
	return dst
}

// cutter finds where a long word can be cut: before a mark of a space that follows a character which no merge leaves on
// its left. Models of SentencePiece have no other words than whole texts.
type cutter struct {
	mark   []byte
	before map[rune]bool // characters that stand before the mark within some token
}

// newCutter returns nil when a cut would not be safe: where the mark is no token, unknown characters could wait across
// it; where characters can be dropped, those on both sides of them meet; and where the unknown token or that of a byte
// takes part in a merge, its text does not say what it stands for.
func newCutter(v vocabulary, m *bpe, pairs [][2]string) *cutter {
	const mark = "▁"
	if _, ok := v.ids[mark]; !ok || m.unknown < 0 {
		return nil
	}
	standIn := map[string]bool{}
	for _, id := range m.byteIDs {
		if id >= 0 {
			standIn[v.tokens[id]] = true
		}
	}
	if m.unknown >= 0 {
		standIn[v.tokens[m.unknown]] = true
	}
	c := &cutter{[]byte(mark), map[rune]bool{}}
	for _, pair := range pairs {
		if standIn[pair[0]] || standIn[pair[1]] {
			return nil
		}
		joined := pair[0] + pair[1]
		for at := len(joined); ; {
			if at = strings.LastIndex(joined[:at], mark); at <= 0 {
				break
			}
			r, _ := utf8.DecodeLastRuneInString(joined[:at])
			c.before[r] = true
		}
	}
	return c
}

// next returns the length of the part of a word up to the first cut.
func (c *cutter) next(word []byte) int {
	for at := 1; at < len(word); {
		i := bytes.Index(word[at:], c.mark)
		if i < 0 {
			break
		}
		at += i
		if r, _ := utf8.DecodeLastRune(word[:at]); !c.before[r] {
			return at
		}
		at += len(c.mark)
	}
	return len(word)
}
