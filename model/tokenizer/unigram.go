package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// unigram spells a word by the tokens whose scores have the largest sum (Viterbi). A character that is no token by
// itself may be unknown, at a score below all others; unknown characters in a row are one.
type unigram struct {
	trie         *trie
	scores       []float64 // of ids
	unknown      int32
	unknownScore float64
	fallback     bool // unknown characters become the tokens of their bytes, if all are there
	byteIDs      [256]int32
}

// unknownPenalty is how far the score of an unknown character is below the lowest of a token (SentencePiece's constant).
const unknownPenalty = 10

func parseUnigram(s section) (parsedModel, error) {
	var fields struct {
		typed
		Unknown  *int64            `json:"unk_id"`
		Vocab    []json.RawMessage `json:"vocab"`
		Fallback *bool             `json:"byte_fallback"`
	}
	if err := s.decode(&fields); err != nil {
		return parsedModel{}, err
	}
	if err := s.need(has{"vocab", fields.Vocab != nil}, has{"unk_id", fields.Unknown != nil}); err != nil {
		return parsedModel{}, err
	}
	if *fields.Unknown < 0 || *fields.Unknown >= int64(len(fields.Vocab)) {
		return parsedModel{}, s.errorf("unk_id %d is outside vocab, which has %d entries", *fields.Unknown, len(fields.Vocab))
	}
	v := vocabulary{ids: make(map[string]int32, len(fields.Vocab))}
	m := &unigram{unknown: int32(*fields.Unknown), fallback: isTrue(fields.Fallback)}
	var entries []trieEntry
	lowest := math.Inf(1)
	for i, raw := range fields.Vocab {
		token, score, err := readScored(raw)
		if err != nil {
			return parsedModel{}, s.errorf("vocab[%d]: %w", i, err)
		}
		if earlier, ok := v.ids[token]; ok {
			return parsedModel{}, s.errorf("vocab[%d]: token %q is entry %d already", i, token, earlier)
		}
		v.put(token, int32(i))
		m.scores = append(m.scores, score)
		lowest = min(lowest, score)
		if token != "" {
			entries = append(entries, trieEntry{token, int32(i)})
		}
	}
	m.unknownScore = lowest - unknownPenalty
	for b := range m.byteIDs {
		m.byteIDs[b] = -1
		if id, ok := v.ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			m.byteIDs[b] = id
		}
	}
	var err error
	if m.trie, err = newTrie(entries); err != nil {
		return parsedModel{}, s.errorf("vocab: %w", err)
	}
	return parsedModel{m, v, m.unknown}, nil
}

// readScored reads ["token", score].
func readScored(raw json.RawMessage) (string, float64, error) {
	var token *string
	var score *float64
	entry := []any{&token, &score}
	if err := json.Unmarshal(raw, &entry); err != nil || len(entry) != 2 || token == nil || score == nil {
		return "", 0, fmt.Errorf("want [\"token\", score]")
	}
	return *token, *score, nil
}

// reached is the best way to spell a word up to a place: its score, and its latest token with the place it starts at.
type reached struct {
	score float64
	start int32 // -1 where no way was found yet
	id    int32
}

func (m *unigram) appendWord(dst []int32, word []byte, s *scratch) []int32 {
	key := keyOf(word)
	dst, known := s.cache.find(dst, key, word)
	if known {
		return dst
	}
	before := len(dst)
	dst = m.appendBest(dst, word, m.reach(word, s), s)
	s.cache.put(key, word, dst[before:])
	return dst
}

// reach fills in the best way to each place of a word. Of ways with equal scores the one found first stays: that whose
// latest token starts first.
func (m *unigram) reach(word []byte, s *scratch) []reached {
	best := slices.Grow(s.reached[:0], len(word)+1)[:len(word)+1]
	s.reached = best
	for i := range best {
		best[i] = reached{start: -1}
	}
	units := m.trie.units
	for start := 0; start < len(word); {
		here := best[start].score
		size := 1
		if word[start] >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(word[start:])
		}
		single := false
		node, base := uint32(root), units[root].base
		for i := start; i < len(word); i++ {
			next := base ^ uint32(word[i])
			u := &units[next]
			if u.from != node {
				break
			}
			node, base = next, u.base
			if u.value < 0 {
				continue
			}
			if at, score := &best[i+1], m.scores[u.value]+here; at.start < 0 || score > at.score {
				*at = reached{score, int32(start), u.value}
			}
			single = single || i+1 == start+size
		}
		if !single {
			if at, score := &best[start+size], m.unknownScore+here; at.start < 0 || score > at.score {
				*at = reached{score, int32(start), m.unknown}
			}
		}
		start += size
	}
	return best
}

// appendBest follows the best way back from the end and appends its ids.
func (m *unigram) appendBest(dst []int32, word []byte, best []reached, s *scratch) []int32 {
	s.path = s.path[:0]
	for end := len(word); end > 0; end = int(best[end].start) {
		s.path = append(s.path, int32(end))
	}
	for i := len(s.path) - 1; i >= 0; i-- {
		end := s.path[i]
		if best[end].id != m.unknown {
			dst = append(dst, best[end].id)
			continue
		}
		start := best[end].start
		for i > 0 && best[s.path[i-1]].id == m.unknown {
			i--
		}
		dst = m.appendUnknown(dst, word[start:s.path[i]])
	}
	return dst
}

// appendUnknown appends the ids of unknown characters in a row. Together they may be a token: the unknown token is known.
func (m *unigram) appendUnknown(dst []int32, characters []byte) []int32 {
	if value, length := m.trie.longest(root, characters); length == len(characters) {
		return append(dst, value)
	}
	if !m.fallback {
		return append(dst, m.unknown)
	}
	before := len(dst)
	for _, b := range characters {
		if m.byteIDs[b] < 0 {
			return append(dst[:before], m.unknown)
		}
		dst = append(dst, m.byteIDs[b])
	}
	return dst
}
