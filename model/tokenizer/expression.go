package tokenizer

import "unicode/utf8"

// expression is a regular expression as Oniguruma reads it, of the parts that tokenizers are written with: classes of
// characters, groups, alternatives, repetition and looking ahead. Where there is a choice the first way that leads to a
// match is taken. Anything else is an error, and so is an expression that may match nothing.
type expression struct{ start *node }

func (e expression) find(text []byte, from, end int) (int, int) {
	for from < end {
		if stop := e.start.match(text, from, end); stop >= 0 {
			return from, stop
		}
		_, size := utf8.DecodeRune(text[from:end])
		from += size
	}
	return -1, -1
}

// node is a step of an expression; nil is its end.
type node struct {
	kind     nodeKind
	set      *runeSet // of oneOf
	min, max int      // of oneOf: how often; max -1 sets no limit
	lazy     bool     // of oneOf: as seldom as possible
	atomic   bool     // of oneOf: what was taken is not given back
	ways     []*node  // of either, in order: each goes on to what follows by itself
	ahead    *node    // of looking
	negative bool     // of looking
	next     *node
}

type nodeKind int

const (
	oneOf nodeKind = iota
	either
	looking
	textEnd // or before the end of a line
)

// match returns the end of the match from n on, or -1.
func (n *node) match(text []byte, i, end int) int {
	for ; n != nil; n = n.next {
		switch n.kind {
		case either:
			for _, way := range n.ways {
				if stop := way.match(text, i, end); stop >= 0 {
					return stop
				}
			}
			return -1
		case looking:
			if n.ahead.match(text, i, end) >= 0 == n.negative {
				return -1
			}
		case textEnd:
			if i < end && text[i] != '\n' {
				return -1
			}
		case oneOf:
			if n.min != n.max && !n.atomic {
				return n.matchRun(text, i, end)
			}
			for count := 0; count != n.max; count++ {
				size := n.set.matchAt(text, i, end)
				if size == 0 {
					if count < n.min {
						return -1
					}
					break
				}
				i += size
			}
		}
	}
	return i
}

// matchRun tries the lengths of a run in turn, the longest first unless it is lazy.
func (n *node) matchRun(text []byte, i, end int) int {
	count, at := 0, i
	for count != n.max {
		if n.lazy && count >= n.min {
			if stop := n.next.match(text, at, end); stop >= 0 {
				return stop
			}
		}
		size := n.set.matchAt(text, at, end)
		if size == 0 {
			break
		}
		count++
		at += size
	}
	for ; count >= n.min; count-- {
		if stop := n.next.match(text, at, end); stop >= 0 || n.lazy {
			return stop
		}
		_, size := utf8.DecodeLastRune(text[i:at])
		at -= size
	}
	return -1
}
