package tokenizer

import "unicode/utf8"

// appendValid appends text to dst with each maximal subpart of an ill-formed sequence replaced by U+FFFD (Unicode 15,
// section 3.9, U+FFFD Substitution of Maximal Subparts). Go's own loop over a string makes one of each byte.
func appendValid(dst []byte, text string) []byte {
	if utf8.ValidString(text) {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			size = subpart(text)
		}
		dst = utf8.AppendRune(dst, r)
		text = text[size:]
	}
	return dst
}

// subpart returns the length of the longest start of an ill-formed text that could begin a character, at least 1.
func subpart(text string) int {
	length, low, high := 0, byte(0x80), byte(0xBF) // of the sequence, and the range of its second byte
	switch lead := text[0]; {
	case lead >= 0xC2 && lead <= 0xDF:
		length = 2
	case lead == 0xE0:
		length, low = 3, 0xA0
	case lead == 0xED:
		length, high = 3, 0x9F // surrogates are not characters
	case lead >= 0xE1 && lead <= 0xEF:
		length = 3
	case lead == 0xF0:
		length, low = 4, 0x90
	case lead >= 0xF1 && lead <= 0xF3:
		length = 4
	case lead == 0xF4:
		length, high = 4, 0x8F // nothing lies above U+10FFFF
	}
	n := 1
	for n < length && n < len(text) && text[n] >= low && text[n] <= high {
		n, low, high = n+1, 0x80, 0xBF
	}
	return n
}
