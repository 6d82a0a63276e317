package tokenizer

import "unicode/utf8"

// splitter cuts a part of a text into words: it appends them to dst in order, none of them empty.
type splitter interface {
	split(dst []span, text []byte, in span) []span
}

// rewriter writes a word anew: it appends what becomes of it to dst. first says that the text begins with the word.
type rewriter interface {
	rewrite(dst, word []byte, first bool) []byte
}

// stage is a step of the pre-tokenizer: one of the two.
type stage struct {
	splitter splitter
	rewriter rewriter
}

// parsePreTokenizer reads the pre_tokenizer section into the stages it stands for, in order.
func parsePreTokenizer(s section) ([]stage, error) {
	if s.absent() {
		return nil, nil
	}
	kind, err := s.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "BertPreTokenizer":
		return splitBy(bertSplitter{}), s.decode(&struct{ typed }{})
	case "Whitespace":
		return splitBy(wordRuns{}), s.decode(&struct{ typed }{})
	case "WhitespaceSplit":
		return splitBy(classSplitter{space, removed}), s.decode(&struct{ typed }{})
	case "Punctuation":
		return parsePunctuation(s)
	case "Digits":
		return parseDigits(s)
	case "CharDelimiterSplit":
		return parseDelimiter(s)
	case "ByteLevel":
		return parseByteLevel(s)
	case "Metaspace":
		return parseMetaspace(s)
	case "Split":
		return parseSplit(s)
	case "Sequence":
		return parseStages(s)
	}
	return nil, s.unknown(kind, "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit")
}

func splitBy(s splitter) []stage { return []stage{{splitter: s}} }

func parseStages(s section) ([]stage, error) {
	var fields struct {
		typed
		Parts rawList `json:"pretokenizers"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	var all []stage
	for i, raw := range fields.Parts {
		part, err := parsePreTokenizer(s.child("pretokenizers", i, raw))
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

func parsePunctuation(s section) ([]stage, error) {
	fields := struct {
		typed
		Behavior string `json:"behavior"`
	}{Behavior: "Isolated"}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	b, ok := behaviors[fields.Behavior]
	if !ok {
		return nil, s.errorf("behavior: unknown value %q", fields.Behavior)
	}
	return splitBy(classSplitter{punctuation, b}), nil
}

func parseDigits(s section) ([]stage, error) {
	var fields struct {
		typed
		Individual *bool `json:"individual_digits"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if err := s.need(has{"individual_digits", fields.Individual != nil}); err != nil {
		return nil, err
	}
	if *fields.Individual {
		return splitBy(classSplitter{number, isolated}), nil
	}
	return splitBy(classSplitter{number, contiguous}), nil
}

func parseDelimiter(s section) ([]stage, error) {
	var fields struct {
		typed
		Delimiter string `json:"delimiter"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(fields.Delimiter) != 1 {
		return nil, s.errorf("delimiter: %q is not one character", fields.Delimiter)
	}
	r, _ := utf8.DecodeRuneInString(fields.Delimiter)
	return splitBy(delimiterSplitter{r}), nil
}

// behavior says what becomes of the characters that a text is split at.
type behavior int

const (
	removed            behavior = iota // a-b--c → a, b, c
	isolated                           // a-b--c → a, -, b, -, -, c
	contiguous                         // a-b--c → a, -, b, --, c
	mergedWithPrevious                 // a-b--c → a-, b-, -, c
	mergedWithNext                     // a-b--c → a, -b, -, -c
)

var behaviors = map[string]behavior{"Removed": removed, "Isolated": isolated, "Contiguous": contiguous,
	"MergedWithPrevious": mergedWithPrevious, "MergedWithNext": mergedWithNext}

// classSplitter splits at every character of a class.
type classSplitter struct {
	at       class
	behavior behavior
}

func (p classSplitter) split(dst []span, text []byte, in span) []span {
	return splitAt(dst, text, in, p.behavior, func(r rune) bool { return classOf(r)&p.at != 0 })
}

// delimiterSplitter drops one character.
type delimiterSplitter struct{ delimiter rune }

func (p delimiterSplitter) split(dst []span, text []byte, in span) []span {
	return splitAt(dst, text, in, removed, func(r rune) bool { return r == p.delimiter })
}

// splitAt cuts a text at the delimiters, each a part of its own, and then keeps, drops or joins them.
func splitAt(dst []span, text []byte, in span, b behavior, delimiter func(rune) bool) []span {
	first := len(dst)
	joinable := false // whether the latest part may still grow by what follows
	for i := in.start; i < in.end; {
		r, size := utf8.DecodeRune(text[i:in.end])
		is := delimiter(r)
		part := span{i, i + size}
		i += size
		if is && b == removed {
			joinable = false
			continue
		}
		if joinable && len(dst) > first && continues(b, text, dst[len(dst)-1], is, delimiter) {
			dst[len(dst)-1].end = part.end
			continue
		}
		dst = append(dst, part)
		joinable = true
	}
	return dst
}

// continues reports whether a character, a delimiter or not, belongs to the part before it.
func continues(b behavior, text []byte, before span, is bool, delimiter func(rune) bool) bool {
	last, _ := utf8.DecodeLastRune(text[before.start:before.end])
	was := delimiter(last)
	switch b {
	case contiguous:
		return is == was
	case mergedWithPrevious:
		return !was // a delimiter ends the part it joins
	case mergedWithNext:
		return !is // a delimiter begins a part, which takes what follows up to the next
	}
	return !is && !was
}

// wordRuns keeps runs of word characters and runs of anything else but white space: \w+|[^\w\s]+.
type wordRuns struct{}

func (wordRuns) split(dst []span, text []byte, in span) []span {
	start, kind := in.start, space
	for i := in.start; i < in.end; {
		r, size := utf8.DecodeRune(text[i:in.end])
		if k := classOf(r) & (word | space); k != kind {
			if kind != space {
				dst = append(dst, span{start, i})
			}
			start, kind = i, k
		}
		i += size
	}
	if kind != space {
		dst = append(dst, span{start, in.end})
	}
	return dst
}
