package tokenizer

import "bytes"

// pattern finds what a text is split at.
type pattern interface {
	// find returns the next match in text that begins at from or after it and ends by end, or -1. No match is empty.
	find(text []byte, from, end int) (start, stop int)
}

// literal matches its own text.
type literal string

func (p literal) find(text []byte, from, end int) (int, int) {
	i := bytes.Index(text[from:end], []byte(p))
	if i < 0 {
		return -1, -1
	}
	return from + i, from + i + len(p)
}

// scan is a pattern that matches wherever a text is not at its end: it returns the end of the match that begins at i.
type scan func(text []byte, i, end int) int

func (p scan) find(text []byte, from, end int) (int, int) {
	if from == end {
		return -1, -1
	}
	return from, p(text, from, end)
}

// scanSplitter makes a word of each match of a pattern that leaves nothing between its matches.
type scanSplitter struct{ next scan }

func (p scanSplitter) split(dst []span, text []byte, in span) []span {
	for i := in.start; i < in.end; {
		stop := p.next(text, i, in.end)
		dst = append(dst, span{i, stop})
		i = stop
	}
	return dst
}

// matchSplitter splits at the matches of a pattern, or, inverted, at what is between them.
type matchSplitter struct {
	pattern  pattern
	behavior behavior
	inverted bool
}

func (p matchSplitter) split(dst []span, text []byte, in span) []span {
	parts := partJoiner{dst: dst, first: len(dst), behavior: p.behavior}
	at := in.start
	for at < in.end {
		start, stop := p.pattern.find(text, at, in.end)
		if start < 0 {
			break
		}
		if at < start {
			parts.add(span{at, start}, p.inverted)
		}
		parts.add(span{start, stop}, !p.inverted)
		at = stop
	}
	if at < in.end {
		parts.add(span{at, in.end}, p.inverted)
	}
	return parts.dst
}

// partJoiner makes words of the delimiters of a text and what is between them.
type partJoiner struct {
	dst      []span
	first    int // of dst that is a part of this text
	behavior behavior
	was      bool // whether the latest part is a delimiter
}

func (j *partJoiner) add(part span, is bool) {
	if is && j.behavior == removed {
		return
	}
	joins := false
	if len(j.dst) > j.first {
		switch j.behavior {
		case contiguous:
			joins = is == j.was
		case mergedWithPrevious:
			joins = is && !j.was
		case mergedWithNext:
			joins = !is && j.was
		}
	}
	j.was = is
	if joins {
		j.dst[len(j.dst)-1].end = part.end
		return
	}
	j.dst = append(j.dst, part)
}

func parseSplit(s section) ([]stage, error) {
	var fields struct {
		typed
		Pattern  map[string]string `json:"pattern"`
		Behavior *string           `json:"behavior"`
		Invert   *bool             `json:"invert"`
	}
	if err := s.decode(&fields); err != nil {
		return nil, err
	}
	err := s.need(has{"pattern", fields.Pattern != nil}, has{"behavior", fields.Behavior != nil}, has{"invert", fields.Invert != nil})
	if err != nil {
		return nil, err
	}
	b, ok := behaviors[*fields.Behavior]
	if !ok {
		return nil, s.errorf("behavior: unknown value %q", *fields.Behavior)
	}
	p, err := parsePattern(s, fields.Pattern)
	if err != nil {
		return nil, err
	}
	if next, ok := p.(scan); ok && b == isolated {
		return []stage{{splitter: scanSplitter{next}}}, nil
	}
	return []stage{{splitter: matchSplitter{p, b, *fields.Invert}}}, nil
}

// parsePattern reads {"String": …} or {"Regex": …}.
func parsePattern(s section, fields map[string]string) (pattern, error) {
	text, isText := fields["String"]
	expression, isExpression := fields["Regex"]
	if len(fields) != 1 || !isText && !isExpression {
		return nil, s.errorf(`pattern: want {"String": …} or {"Regex": …}`)
	}
	if isExpression {
		p, err := compilePattern(expression)
		if err != nil {
			return nil, s.errorf("pattern: %w", err)
		}
		return p, nil
	}
	if text == "" {
		return nil, s.errorf("pattern: the text is empty")
	}
	return literal(text), nil
}
