package tokenizer

import (
	"bytes"
	"unicode/utf8"
)

// runeOf returns the character that stands for a byte in a byte-level vocabulary, GPT-2's: a printable character of
// Latin-1 for itself, the other bytes in turn from U+0100.
func runeOf(b byte) rune {
	switch {
	case b <= ' ':
		return 0x100 + rune(b)
	case 0x7F <= b && b <= 0xA0:
		return 0x121 + rune(b) - 0x7F
	case b == 0xAD:
		return 0x143
	}
	return rune(b)
}

// byteOf returns the byte that a character stands for.
func byteOf(r rune) (byte, bool) {
	switch {
	case '!' <= r && r <= '~', 0xA1 <= r && r <= 0xAC, 0xAE <= r && r <= 0xFF:
		return byte(r), true
	case 0x100 <= r && r <= 0x120:
		return byte(r - 0x100), true
	case 0x121 <= r && r <= 0x142:
		return byte(r - 0x121 + 0x7F), true
	case r == 0x143:
		return 0xAD, true
	}
	return 0, false
}

// bytesOf returns the bytes that a token stands for, if every character of it stands for one.
func bytesOf(token string) ([]byte, bool) {
	var out []byte
	for _, r := range token {
		b, ok := byteOf(r)
		if !ok {
			return nil, false
		}
		out = append(out, b)
	}
	return out, true
}

// byteMapping writes the character that stands for each byte. As a normalizer it is Hugging Face's ByteLevel, as a
// rewriter the end of the pre-tokenizer of that name.
type byteMapping struct{}

func (byteMapping) normalize(dst, src []byte, _ *scratch) []byte {
	for _, b := range src {
		dst = utf8.AppendRune(dst, runeOf(b))
	}
	return dst
}

func (m byteMapping) rewrite(dst, word []byte, _ bool) []byte { return m.normalize(dst, word, nil) }

// leadingSpace puts a space before a word that does not begin with one.
type leadingSpace struct{}

func (leadingSpace) rewrite(dst, word []byte, _ bool) []byte {
	if !bytes.HasPrefix(word, []byte(" ")) {
		dst = append(dst, ' ')
	}
	return append(dst, word...)
}

func parseByteLevel(s section) ([]stage, error) {
	fields := struct {
		typed
		Prefix *bool `json:"add_prefix_space"`
		Trim   *bool `json:"trim_offsets"`
		Regex  bool  `json:"use_regex"`
	}{Regex: true}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if err := s.need(has{"add_prefix_space", fields.Prefix != nil}, has{"trim_offsets", fields.Trim != nil}); err != nil {
		return nil, err
	}
	var stages []stage
	if *fields.Prefix {
		stages = append(stages, stage{rewriter: leadingSpace{}})
	}
	if fields.Regex {
		stages = append(stages, stage{splitter: scanSplitter{scanGPT2}})
	}
	return append(stages, stage{rewriter: byteMapping{}}), nil
}
