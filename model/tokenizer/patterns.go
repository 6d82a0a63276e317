package tokenizer

import "unicode/utf8"

// scans holds the patterns that are matched by hand: those that nearly every byte-level tokenizer splits words by. What
// their classes hold is what Oniguruma says, the engine of Hugging Face tokenizers.
var scans = map[string]scan{
	// GPT-2's, in the two ways it is written
	`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`: scanGPT2,
	`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`:    scanGPT2,
	// Llama 3's
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: scanLlama3,
	// Qwen2's, which Qwen3 has too
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: scanQwen2,
}

// compilePattern returns what matches a regular expression.
func compilePattern(expression string) (pattern, error) {
	if p, ok := scans[expression]; ok {
		return p, nil
	}
	return parseExpression(expression)
}

// scanGPT2 matches 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func scanGPT2(text []byte, i, end int) int {
	c, size := classAt(text, i, end)
	if text[i] == '\'' {
		if n := contraction(text[i+1 : end]); n > 0 {
			return i + 1 + n
		}
	}
	at := i + size
	if text[i] == ' ' && at < end {
		c, size = classAt(text, at, end)
		at += size
	}
	switch {
	case c&letter != 0:
		return runEnd(text, at, end, letter)
	case c&numeral != 0:
		return runEnd(text, at, end, numeral)
	case c&blank == 0:
		return otherEnd(text, at, end)
	}
	return blankEnd(text, i, end)
}

// contraction returns the length of what 's|'t|'re|'ve|'m|'ll|'d match after the apostrophe, 0 where they do not.
func contraction(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if len(text) > 1 && text[1] == 'e' {
			return 2
		}
	case 'l':
		if len(text) > 1 && text[1] == 'l' {
			return 2
		}
	}
	return 0
}

// anyContraction is contraction in upper or lower case. The long s, U+017F, is a lower case of S.
func anyContraction(text []byte) int {
	var lower [2]byte
	for i, b := range text[:min(2, len(text))] {
		lower[i] = asciiLower(b)
	}
	if len(text) >= 2 && text[0] == 0xC5 && text[1] == 0xBF {
		return 2
	}
	return contraction(lower[:min(2, len(text))])
}

// scanLlama3 matches (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func scanLlama3(text []byte, i, end int) int { return scanWithDigits(text, i, end, 3) }

// scanQwen2 matches the same with one \p{N}.
func scanQwen2(text []byte, i, end int) int { return scanWithDigits(text, i, end, 1) }

func scanWithDigits(text []byte, i, end, digits int) int {
	c, size := classAt(text, i, end)
	at := i + size
	if c&letter != 0 {
		return runEnd(text, at, end, letter)
	}
	if c&numeral != 0 {
		for ; digits > 1 && at < end; digits-- {
			c, size := classAt(text, at, end)
			if c&numeral == 0 {
				break
			}
			at += size
		}
		return at
	}
	b := text[i]
	if b == '\'' {
		if n := anyContraction(text[at:end]); n > 0 {
			return at + n
		}
	}
	next, nextSize := class(blank), 0
	if at < end {
		next, nextSize = classAt(text, at, end)
	}
	if b != '\r' && b != '\n' && next&letter != 0 {
		return runEnd(text, at+nextSize, end, letter)
	}
	if c&blank != 0 {
		if b != ' ' || next&(blank|numeral) != 0 {
			return lineEnd(text, i, end)
		}
		at += nextSize
	}
	at = otherEnd(text, at, end)
	for at < end && (text[at] == '\r' || text[at] == '\n') {
		at++
	}
	return at
}

// classAt returns the class and the length of the character at i.
func classAt(text []byte, i, end int) (class, int) {
	if b := text[i]; b < utf8.RuneSelf {
		return asciiClasses[b], 1
	}
	r, size := utf8.DecodeRune(text[i:end])
	return classOf(r), size
}

// runEnd returns the end of a run of characters of some class.
func runEnd(text []byte, i, end int, of class) int {
	for i < end {
		c, size := classAt(text, i, end)
		if c&of == 0 {
			break
		}
		i += size
	}
	return i
}

// otherEnd returns the end of a run of characters that are neither letters nor numbers nor white space.
func otherEnd(text []byte, i, end int) int {
	for i < end {
		c, size := classAt(text, i, end)
		if c&(letter|numeral|blank) != 0 {
			break
		}
		i += size
	}
	return i
}

// blankEnd returns what \s+(?!\S)|\s+ match at i: white space up to the last character of it before a word, which goes
// with the word, unless it is the only one.
func blankEnd(text []byte, i, end int) int {
	last := i // start of the latest character
	at := i
	for at < end {
		c, size := classAt(text, at, end)
		if c&blank == 0 {
			if last > i {
				return last
			}
			return at
		}
		last = at
		at += size
	}
	return end
}

// lineEnd returns what \s*[\r\n]+|\s+(?!\S)|\s+ match at i: white space up to the last end of a line in it, if any.
func lineEnd(text []byte, i, end int) int {
	after := 0
	for at := i; at < end; {
		c, size := classAt(text, at, end)
		if c&blank == 0 {
			break
		}
		if text[at] == '\r' || text[at] == '\n' {
			after = at + 1
		}
		at += size
	}
	if after > 0 {
		return after
	}
	return blankEnd(text, i, end)
}
