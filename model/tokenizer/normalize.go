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
	case "Sequence":
		return parseNormalizers(s)
	}
	return nil, s.unknown(kind, "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence, Strip, StripAccents")
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

// replace writes content for every occurrence of a pattern, from left to right.
type replace struct{ pattern, content []byte }

func parseReplace(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Pattern map[string]string `json:"pattern"`
		Content *string           `json:"content"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	pattern, literal := fields.Pattern["String"]
	if err := s.need(has{"pattern", fields.Pattern != nil}, has{"content", fields.Content != nil}); err != nil {
		return nil, err
	}
	if !literal || len(fields.Pattern) != 1 || pattern == "" {
		return nil, s.errorf("pattern: only a {\"String\": …} that is not empty is supported, no regular expression")
	}
	return []normalizer{replace{[]byte(pattern), []byte(*fields.Content)}}, nil
}

func (n replace) normalize(dst, src []byte, _ *scratch) []byte {
	for {
		i := bytes.Index(src, n.pattern)
		if i < 0 {
			return append(dst, src...)
		}
		dst = append(dst, src[:i]...)
		dst = append(dst, n.content...)
		src = src[i+len(n.pattern):]
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
