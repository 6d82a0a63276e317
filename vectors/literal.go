package vectors

import (
	"fmt"
	"strings"
)

// literal reads the few Python literals that a .npy header is made of. The first error stays.
type literal struct {
	text string
	at   int
	err  error
}

func (p *literal) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("broken .npy header at byte %d: %w", p.at, fmt.Errorf(format, args...))
	}
}

func (p *literal) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// next reports whether token comes next, and leaves it there.
func (p *literal) next(token string) bool {
	p.space()
	return strings.HasPrefix(p.text[p.at:], token)
}

// skip moves behind token if it comes next.
func (p *literal) skip(token string) {
	if p.next(token) {
		p.at += len(token)
	}
}

// take moves behind token, which must come next.
func (p *literal) take(token string) {
	if !p.next(token) {
		p.fail("want %s", token)
		return
	}
	p.at += len(token)
}

// quoted reads a string without escapes.
func (p *literal) quoted() string {
	p.space()
	if p.at >= len(p.text) || p.text[p.at] != '\'' && p.text[p.at] != '"' {
		p.fail("want a quoted string")
		return ""
	}
	text, found := p.until(p.text[p.at : p.at+1])
	if !found || strings.Contains(text, `\`) {
		p.fail("want a quoted string")
	}
	return text
}

// dtype reads a dtype: a string, or the list of a structured type, kept as it is for the error that refuses it.
func (p *literal) dtype() string {
	if !p.next("[") {
		return p.quoted()
	}
	fields, found := p.until("]")
	if !found {
		p.fail("want ]")
	}
	return "structured [" + fields + "]"
}

// word reads letters, such as True.
func (p *literal) word() string {
	p.space()
	start := p.at
	for p.at < len(p.text) && (p.text[p.at]|0x20 >= 'a' && p.text[p.at]|0x20 <= 'z') {
		p.at++
	}
	if p.at == start {
		p.fail("want True or False")
	}
	return p.text[start:p.at]
}

// tuple reads what stands between parentheses; a space stands for an empty tuple.
func (p *literal) tuple() string {
	if !p.next("(") {
		p.fail("want (")
		return ""
	}
	inside, found := p.until(")")
	if !found {
		p.fail("want )")
	}
	if inside == "" {
		return " "
	}
	return inside
}

// until moves over one byte and behind end, and returns what lies between.
func (p *literal) until(end string) (between string, found bool) {
	between, _, found = strings.Cut(p.text[p.at+1:], end)
	if found {
		p.at += 1 + len(between) + len(end)
	}
	return between, found
}
