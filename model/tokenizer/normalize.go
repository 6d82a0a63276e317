package tokenizer

import (
	"bytes"
	"unicode/utf8"
)

// normalizer rewrites a text. It appends what it makes of src, which is valid UTF-8, to dst; the two never overlap.
type normalizer interface {
	normalize(dst, src []byte, s *scratch) []byte
}

// parseNormalizer reads the normalizer section into the normalizers it stands for, in order.
func parseNormalizer(s section) ([]normalizer, error) {
	if s.absent() {
		return nil, nil
	}
	kind, err := s.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "BertNormalizer":
		return parseBertNormalizer(s)
	case "Lowercase":
		return []normalizer{lowercase{}}, s.decode(&struct{ typed }{})
	case "NFC":
		return []normalizer{normalForm{compose: true}}, s.decode(&struct{ typed }{})
	case "NFD":
		return []normalizer{normalForm{}}, s.decode(&struct{ typed }{})
	case "NFKC":
		return []normalizer{normalForm{compatible: true, compose: true}}, s.decode(&struct{ typed }{})
	case "NFKD":
		return []normalizer{normalForm{compatible: true}}, s.decode(&struct{ typed }{})
	case "StripAccents":
		return []normalizer{stripAccents{}}, s.decode(&struct{ typed }{})
	case "Strip":
		return parseStrip(s)
	case "Replace":
		return parseReplace(s)
	case "Prepend":
		return parsePrepend(s)
	case "Precompiled":
		return parsePrecompiled(s)
	case "ByteLevel":
		return []normalizer{byteMapping{}}, s.decode(&struct{ typed }{})
	case "Nmt":
		return []normalizer{nmt{}}, s.decode(&struct{ typed }{})
	case "Sequence":
		return parseNormalizers(s)
	}
	return nil, s.unknown(kind, "BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents")
}

func parseNormalizers(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Normalizers rawList `json:"normalizers"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	var all []normalizer
	for i, raw := range fields.Normalizers {
		part, err := parseNormalizer(s.child("normalizers", i, raw))
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

// lowercase lower-cases every character by itself.
type lowercase struct{}

func (lowercase) normalize(dst, src []byte, _ *scratch) []byte {
	for i := 0; i < len(src); {
		if b := src[i]; b < utf8.RuneSelf {
			dst = append(dst, asciiLower(b))
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		dst = appendLower(dst, r, classOf(r))
		i += size
	}
	return dst
}

func asciiLower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// stripAccents drops every mark, spacing and enclosing ones included.
type stripAccents struct{}

func (stripAccents) normalize(dst, src []byte, _ *scratch) []byte {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if classOf(r)&mark == 0 {
			dst = append(dst, src[i:i+size]...)
		}
		i += size
	}
	return dst
}

// nmt is what the translation models of SentencePiece begin with: controls are dropped, other white space and invisible
// characters become spaces.
type nmt struct{}

func (nmt) normalize(dst, src []byte, _ *scratch) []byte {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		switch {
		case 0x01 <= r && r <= 0x08, r == 0x0B, 0x0E <= r && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, 0x200B <= r && r <= 0x200F, r == 0x2028, r == 0x2029,
			r == 0x2581, r == 0xFEFF, r == 0xFFFD:
			dst = append(dst, ' ')
		default:
			dst = append(dst, src[i:i+size]...)
		}
		i += size
	}
	return dst
}

// strip drops white space at the ends.
type strip struct{ left, right bool }

func parseStrip(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Left  *bool `json:"strip_left"`
		Right *bool `json:"strip_right"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if err := s.need(has{"strip_left", fields.Left != nil}, has{"strip_right", fields.Right != nil}); err != nil {
		return nil, err
	}
	return []normalizer{strip{*fields.Left, *fields.Right}}, nil
}

func (n strip) normalize(dst, src []byte, _ *scratch) []byte {
	if n.left {
		src = bytes.TrimLeftFunc(src, isSpace)
	}
	if n.right {
		src = bytes.TrimRightFunc(src, isSpace)
	}
	return append(dst, src...)
}

func isSpace(r rune) bool { return classOf(r)&space != 0 }

// replace writes content for every match of a pattern, from left to right.
type replace struct {
	pattern pattern
	content []byte
}

func parseReplace(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Pattern map[string]string `json:"pattern"`
		Content *string           `json:"content"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if err := s.need(has{"pattern", fields.Pattern != nil}, has{"content", fields.Content != nil}); err != nil {
		return nil, err
	}
	p, err := parsePattern(s, fields.Pattern)
	if err != nil {
		return nil, err
	}
	return []normalizer{replace{p, []byte(*fields.Content)}}, nil
}

func (n replace) normalize(dst, src []byte, _ *scratch) []byte {
	for at := 0; ; {
		start, stop := n.pattern.find(src, at, len(src))
		if start < 0 {
			return append(dst, src[at:]...)
		}
		dst = append(append(dst, src[at:start]...), n.content...)
		at = stop
	}
}

// prepend puts a text before every text that is not empty.
type prepend struct{ prefix string }

func parsePrepend(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Prepend *string `json:"prepend"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if err := s.need(has{"prepend", fields.Prepend != nil}); err != nil {
		return nil, err
	}
	return []normalizer{prepend{*fields.Prepend}}, nil
}

func (n prepend) normalize(dst, src []byte, _ *scratch) []byte {
	if len(src) == 0 {
		return dst
	}
	dst = append(dst, n.prefix...)
	return append(dst, src...)
}

// keepsFirst reports whether a normalizer keeps the character that a text begins with, or writes others in its place. A
// text whose first character is gone does not begin where it did, and Metaspace's prepend_scheme "first" then leaves it.
// What Precompiled drops is not counted by Hugging Face tokenizers.
func keepsFirst(n normalizer, text []byte, s *scratch) bool {
	if len(text) == 0 {
		return true
	}
	switch n := n.(type) {
	case strip, stripAccents, *bertNormalizer, replace, nmt:
		_, size := utf8.DecodeRune(text)
		if r, ok := n.(replace); ok {
			if start, stop := r.pattern.find(text, 0, len(text)); start == 0 {
				size = stop
			}
		}
		s.start = n.normalize(s.start[:0], text[:size], s)
		return len(s.start) > 0
	}
	return true
}
