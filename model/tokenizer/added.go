package tokenizer

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// addedToken is an entry of the added_tokens section: a text that becomes one id wherever it stands.
type addedToken struct {
	ID         *int64  `json:"id"`
	Content    *string `json:"content"`
	SingleWord bool    `json:"single_word"` // only where no word character touches it
	LStrip     bool    `json:"lstrip"`      // takes the white space before it
	RStrip     bool    `json:"rstrip"`      // takes the white space after it
	Normalized bool    `json:"normalized"`  // looked for in normalized text, itself normalized
	Special    bool    `json:"special"`
}

// AddedToken is an entry of tokenizer.json's added_tokens as it is written, every key there.
type AddedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// addTokens registers added tokens: an id for each, and the matchers that look for them.
func (t *Tokenizer) addTokens(s section, tokens []addedToken) error {
	known := len(t.vocabulary.ids) // a token that the model lacks is numbered on from its size
	byID := map[int32]addedToken{}
	for i, a := range tokens {
		entry := s.child("", i, nil)
		if err := entry.need(has{"id", a.ID != nil}, has{"content", a.Content != nil}); err != nil {
			return err
		}
		if *a.Content == "" {
			continue
		}
		id, ok := t.vocabulary.ids[*a.Content]
		if !ok {
			id = int32(known)
			known++
			if t.Token(id) != "" {
				return entry.errorf("token %q would take id %d from %q", *a.Content, id, t.Token(id))
			}
			t.vocabulary.put(*a.Content, id)
		}
		if int64(id) != *a.ID {
			return entry.errorf("token %q has id %d, but by the vocabulary it is %d", *a.Content, *a.ID, id)
		}
		byID[id] = a
	}
	return t.buildMatchers(s, byID)
}

func (t *Tokenizer) buildMatchers(s section, byID map[int32]addedToken) error {
	ids := make([]int32, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var scratch scratch
	for _, id := range ids {
		a := byID[id]
		if a.Special {
			t.specials = append(t.specials, id)
		}
		to, pattern := &t.raw, []byte(*a.Content)
		if a.Normalized {
			to = &t.normalized
			for _, n := range t.normalizer {
				pattern = n.normalize(nil, pattern, &scratch)
			}
		}
		if *to == nil {
			*to = &matcher{patterns: map[string]bool{}}
		}
		if err := (*to).add(string(pattern), id, a); err != nil {
			return s.errorf("token %q: %w", *a.Content, err)
		}
	}
	for _, m := range []*matcher{t.raw, t.normalized} {
		if m == nil {
			continue
		}
		if err := m.build(); err != nil {
			return s.errorf("%w", err)
		}
	}
	return nil
}

// matcher finds added tokens in a text: the leftmost, and of those that begin there the longest.
type matcher struct {
	entries  []trieEntry     // of the trie to build; values index tokens
	patterns map[string]bool // keys of entries
	trie     *trie
	tokens   []matchedToken
	first    [256]bool // bytes that some token begins with
	only     int       // the one byte that every token begins with, plus 1; 0 when there are more
}

type matchedToken struct {
	id                         int32
	singleWord, lstrip, rstrip bool
}

func (m *matcher) add(pattern string, id int32, a addedToken) error {
	if pattern == "" {
		return fmt.Errorf("nothing is left of it when it is normalized")
	}
	if m.patterns[pattern] {
		return fmt.Errorf("another added token matches the same text %q", pattern)
	}
	m.patterns[pattern] = true
	m.entries = append(m.entries, trieEntry{pattern, int32(len(m.tokens))})
	m.tokens = append(m.tokens, matchedToken{id, a.SingleWord, a.LStrip, a.RStrip})
	switch {
	case len(m.tokens) == 1:
		m.only = int(pattern[0]) + 1
	case m.only != int(pattern[0])+1:
		m.only = 0
	}
	m.first[pattern[0]] = true
	return nil
}

// build makes the trie of what was added.
func (m *matcher) build() (err error) {
	m.trie, err = newTrie(m.entries)
	m.entries, m.patterns = nil, nil
	return err
}

// piece is a part of a text: an added token, or what lies between (id -1).
type piece struct {
	start, end int
	id         int32
}

// pieces appends the parts of a text. It follows AddedVocabulary::find_matches of Hugging Face tokenizers: a match that
// is no word of its own is passed over whole, and white space that a token took may be taken again by the next.
func (m *matcher) pieces(dst []piece, text []byte) []piece {
	if m == nil {
		return appendPiece(dst, 0, len(text), -1)
	}
	done := 0 // where the part that follows the latest token starts
	for at := 0; ; {
		found, length := m.next(text, &at)
		if length == 0 {
			break
		}
		start, end := at, at+length
		at = end
		if found.singleWord && (endsWithWord(text[:start]) || startsWithWord(text[end:])) {
			continue
		}
		if found.lstrip {
			start = max(len(bytes.TrimRightFunc(text[:start], isSpace)), done)
		}
		if found.rstrip {
			end = len(text) - len(bytes.TrimLeftFunc(text[end:], isSpace))
		}
		if done < start {
			dst = appendPiece(dst, done, start, -1)
		}
		dst = appendPiece(dst, start, end, found.id)
		done = end
	}
	return appendPiece(dst, done, len(text), -1)
}

// next moves at to the next match and returns it with its length, 0 when there is none.
func (m *matcher) next(text []byte, at *int) (matchedToken, int) {
	for i := *at; i < len(text); i++ {
		if m.only != 0 {
			skip := bytes.IndexByte(text[i:], byte(m.only-1))
			if skip < 0 {
				break
			}
			i += skip
		} else if !m.first[text[i]] {
			continue
		}
		if value, length := m.trie.longest(root, text[i:]); length > 0 {
			*at = i
			return m.tokens[value], length
		}
	}
	return matchedToken{}, 0
}

func appendPiece(dst []piece, start, end int, id int32) []piece {
	if start >= end {
		return dst
	}
	return append(dst, piece{start, end, id})
}

func endsWithWord(text []byte) bool {
	r, size := utf8.DecodeLastRune(text)
	return size > 0 && classOf(r)&word != 0
}

func startsWithWord(text []byte) bool {
	r, size := utf8.DecodeRune(text)
	return size > 0 && classOf(r)&word != 0
}
