package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// bertNormalizer cleans, separates ideographs, strips accents and lower-cases, in that order but in one pass.
type bertNormalizer struct {
	clean, chinese, strip, lower bool
	ascii                        [utf8.RuneSelf]byte // what an ASCII character becomes, or dropped
}

const dropped = 0xFF

func parseBertNormalizer(s section) ([]normalizer, error) {
	var fields struct {
		typed
		Clean   *bool `json:"clean_text"`
		Chinese *bool `json:"handle_chinese_chars"`
		Strip   *bool `json:"strip_accents"`
		Lower   *bool `json:"lowercase"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	err := s.need(has{"clean_text", fields.Clean != nil}, has{"handle_chinese_chars", fields.Chinese != nil},
		has{"lowercase", fields.Lower != nil})
	if err != nil {
		return nil, err
	}
	strip := *fields.Lower // what null means
	if fields.Strip != nil {
		strip = *fields.Strip
	}
	return []normalizer{newBertNormalizer(*fields.Clean, *fields.Chinese, strip, *fields.Lower)}, nil
}

func newBertNormalizer(clean, chinese, strip, lower bool) *bertNormalizer {
	n := &bertNormalizer{clean: clean, chinese: chinese, strip: strip, lower: lower}
	for b := range n.ascii {
		to := byte(b)
		if lower {
			to = asciiLower(to)
		}
		if c := asciiClasses[b]; clean && c&control != 0 {
			to = dropped
		} else if clean && c&space != 0 {
			to = ' '
		}
		n.ascii[b] = to
	}
	return n
}

func (n *bertNormalizer) normalize(dst, src []byte, s *scratch) []byte {
	s.order.reset()
	for i := 0; i < len(src); {
		if b := src[i]; b < utf8.RuneSelf {
			if n.ascii[b] == dropped { // marks on both sides of it are in one order
				i++
				continue
			}
			dst = n.flush(dst, s)
			var size int
			dst, size = n.appendASCII(dst, src[i:])
			i += size
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		dst = n.appendClean(dst, r, src[i:i+size], s)
		i += size
	}
	return n.flush(dst, s)
}

// appendASCII does everything for the ASCII characters that src begins with, and returns how many they are.
func (n *bertNormalizer) appendASCII(dst, src []byte) ([]byte, int) {
	at := len(dst)
	dst = slices.Grow(dst, len(src))[:at+len(src)]
	for i, b := range src {
		if b >= utf8.RuneSelf {
			return dst[:at], i
		}
		dst[at] = n.ascii[b]
		if dst[at] != dropped {
			at++
		}
	}
	return dst[:at], len(src)
}

// appendClean does clean_text and handle_chinese_chars for a character outside ASCII, and hands on what is left.
func (n *bertNormalizer) appendClean(dst []byte, r rune, encoded []byte, s *scratch) []byte {
	c := classOf(r)
	if n.clean && c&(control|space) != 0 {
		if c&control != 0 {
			return dst
		}
		return append(n.flush(dst, s), ' ')
	}
	if n.chinese && c&chinese != 0 {
		dst = append(n.flush(dst, s), ' ')
		dst = n.appendDecomposed(dst, r, c, encoded, s)
		return append(n.flush(dst, s), ' ')
	}
	return n.appendDecomposed(dst, r, c, encoded, s)
}

// appendDecomposed takes a character apart when accents are stripped. Most non-starters are accents, but some are
// spacing marks, so their canonical order matters and they wait for the next starter.
func (n *bertNormalizer) appendDecomposed(dst []byte, r rune, c class, encoded []byte, s *scratch) []byte {
	if !n.strip {
		return n.appendCased(dst, r, c)
	}
	if c&canonical == 0 {
		return n.appendOrdered(dst, r, c, s)
	}
	var buffer [12]byte
	decomposed := decompose(buffer[:0], r, encoded, false)
	for len(decomposed) > 0 {
		d, size := utf8.DecodeRune(decomposed)
		dst = n.appendOrdered(dst, d, classOf(d), s)
		decomposed = decomposed[size:]
	}
	return dst
}

func (n *bertNormalizer) appendOrdered(dst []byte, r rune, c class, s *scratch) []byte {
	if c&nonstarter != 0 {
		s.order.push(r, c)
		return dst
	}
	return n.appendStripped(n.flush(dst, s), r, c)
}

// flush writes the non-starters that wait, in canonical order.
func (n *bertNormalizer) flush(dst []byte, s *scratch) []byte {
	if len(s.order.marks) == 0 {
		return dst
	}
	for _, m := range s.order.sorted() {
		dst = n.appendStripped(dst, m.r, m.class)
	}
	s.order.reset()
	return dst
}

func (n *bertNormalizer) appendStripped(dst []byte, r rune, c class) []byte {
	if c&accent != 0 {
		return dst
	}
	return n.appendCased(dst, r, c)
}

func (n *bertNormalizer) appendCased(dst []byte, r rune, c class) []byte {
	if n.lower {
		return appendLower(dst, r, c)
	}
	return utf8.AppendRune(dst, r)
}

// bertSplitter drops white space and makes each punctuation character a word.
type bertSplitter struct{}

func (bertSplitter) split(dst []span, text []byte, in span) []span {
	start := in.start
	for i := in.start; i < in.end; {
		if text[i] < utf8.RuneSelf && asciiClasses[text[i]]&(space|punctuation) == 0 {
			i++ // most characters are letters and digits
			continue
		}
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:in.end])
		}
		if c := classOf(r); c&(space|punctuation) != 0 {
			if start < i {
				dst = append(dst, span{start, i})
			}
			if c&space == 0 {
				dst = append(dst, span{i, i + size})
			}
			start = i + size
		}
		i += size
	}
	if start < in.end {
		dst = append(dst, span{start, in.end})
	}
	return dst
}
