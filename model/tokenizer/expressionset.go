package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// folded returns the set of a letter in either case.
func folded(item setItem) (*runeSet, error) {
	if item.of != 0 || item.low != item.high || item.low >= utf8.RuneSelf {
		return nil, errors.New("other than ASCII characters where case does not matter")
	}
	set := &runeSet{items: []setItem{item}}
	b := asciiLower(byte(item.low))
	if b < 'a' || b > 'z' {
		return set, nil
	}
	for _, r := range []rune{rune(b), rune(b) - 'a' + 'A'} {
		set.items = append(set.items, setItem{low: r, high: r})
	}
	if other, ok := map[byte]rune{'s': '\u017f', 'k': '\u212a'}[b]; ok {
		set.items = append(set.items, setItem{low: other, high: other})
	}
	return set, nil
}

// set reads the inside of [ ].
func (p *expressionParser) set() (*runeSet, error) {
	if p.fold {
		return nil, errors.New("a set where case does not matter")
	}
	if p.depth++; p.depth > 50 {
		return nil, errors.New("more than 50 sets within each other")
	}
	defer func() { p.depth-- }()
	s := &runeSet{negated: p.take("^")}
	for first := true; ; first = false {
		switch {
		case p.rest == "":
			return nil, errors.New("a set is not closed")
		case p.take("]"):
			if first {
				return nil, errors.New("an empty set")
			}
			return s.merged()
		case strings.HasPrefix(p.rest, "&&"), strings.HasPrefix(p.rest, "[:"):
			return nil, fmt.Errorf("%q in a set", p.rest[:2])
		case p.take("["):
			inner, err := p.set()
			if err != nil {
				return nil, err
			}
			s.items = append(s.items, setItem{set: inner})
			continue
		}
		item, err := p.item()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.rest, "-") && !strings.HasPrefix(p.rest, "-]") {
			p.rest = p.rest[1:]
			if strings.HasPrefix(p.rest, "[") {
				return nil, errors.New("a range up to a set")
			}
			to, err := p.item()
			if err != nil {
				return nil, err
			}
			if item.of != 0 || to.of != 0 || to.low < item.low {
				return nil, errors.New("a range in a set that does not go from one character up to another")
			}
			item.high = to.high
		}
		s.items = append(s.items, item)
	}
}

// merged checks that the classes of a set can be told from the tables: \p{Lu} only together with \p{Lt}, \p{Lm} with
// \p{Lo}.
func (s *runeSet) merged() (*runeSet, error) {
	for _, halves := range [][2]class{{halfLu, halfLt}, {halfLm, halfLo}} {
		found := [2]bool{}
		for i := range s.items {
			for h, half := range halves {
				if s.items[i].of&half != 0 {
					found[h] = true
				}
			}
		}
		if found[0] != found[1] {
			return nil, errors.New(`\p{Lu}, \p{Lt}, \p{Lm} or \p{Lo} alone`)
		}
	}
	return s, nil
}

// Classes that are only told together with their other halves. Each holds both.
const (
	halfLu class = 1 << (31 - iota)
	halfLt
	halfLm
	halfLo
	halves = halfLu | halfLt | halfLm | halfLo
)

// item reads a character, or a class of them.
func (p *expressionParser) item() (setItem, error) {
	r, size := utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[size:]
	if r != '\\' {
		return setItem{low: r, high: r}, nil
	}
	r, size = utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[size:]
	switch r {
	case 's', 'S':
		return setItem{of: blank, others: r == 'S'}, nil
	case 'p', 'P':
		return p.property(r == 'P')
	case 'r', 'n', 't', 'f', 'v', 'a', 'e':
		r = map[rune]rune{'r': '\r', 'n': '\n', 't': '\t', 'f': '\f', 'v': '\v', 'a': '\a', 'e': '\x1b'}[r]
		return setItem{low: r, high: r}, nil
	}
	if size == 0 || r >= utf8.RuneSelf || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' {
		return setItem{}, fmt.Errorf("%q", `\`+string(r))
	}
	return setItem{low: r, high: r}, nil
}

// property reads {…} after \p.
func (p *expressionParser) property(others bool) (setItem, error) {
	name, rest, ok := strings.Cut(p.rest, "}")
	name, opened := strings.CutPrefix(name, "{")
	if !ok || !opened {
		return setItem{}, errors.New(`\p without {…}`)
	}
	p.rest = rest
	if trimmed, negated := strings.CutPrefix(name, "^"); negated {
		name, others = trimmed, !others
	}
	item, ok := map[string]setItem{
		"L":  {of: letter},
		"N":  {of: numeral},
		"M":  {of: caseless, not: letter},
		"Ll": {of: minuscule},
		"Lu": {of: majuscule | halfLu},
		"Lt": {of: majuscule | halfLt},
		"Lm": {of: letter | halfLm, not: majuscule | minuscule},
		"Lo": {of: letter | halfLo, not: majuscule | minuscule},
	}[name]
	if !ok {
		return setItem{}, fmt.Errorf(`\p{%s}`, name)
	}
	if item.of&halves != 0 && others {
		return setItem{}, fmt.Errorf(`all but \p{%s}`, name)
	}
	item.others = others
	return item, nil
}
