package flagembedding

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/quarry-ml/quarry/corpus"
)

// python rewrites valid JSON as Python's json module would after loading it: `, ` and `: ` between parts, only the escapes
// that JSON demands, integers as they are, other numbers as repr(float).
type python struct {
	data  []byte
	at    int
	ascii bool
	err   error
}

func (p *python) value(b []byte) []byte {
	p.space()
	switch c := p.data[p.at]; c {
	case '{':
		return p.list(b, '}')
	case '[':
		return p.list(b, ']')
	case '"':
		return p.string(b)
	case 't', 'f', 'n':
		return append(b, p.token()...)
	}
	return p.number(b)
}

// list copies an object or array up to its closing bracket.
func (p *python) list(b []byte, end byte) []byte {
	b = append(b, p.data[p.at])
	p.at++
	for first := true; ; first = false {
		p.space()
		if p.data[p.at] == end {
			p.at++
			return append(b, end)
		}
		if !first {
			p.at++ // the comma
			b = append(b, ", "...)
		}
		b = p.value(b)
		if end == '}' {
			p.space()
			p.at++ // the colon
			b = p.value(append(b, ": "...))
		}
	}
}

func (p *python) string(b []byte) []byte {
	start := p.at
	for p.at++; p.data[p.at] != '"'; p.at++ {
		if p.data[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
	text, err := corpus.Text(p.data[start:p.at])
	if err == nil && !utf8.Valid(p.data[start:p.at]) {
		err = fmt.Errorf("%s is not UTF-8", p.data[start:p.at])
	}
	if err != nil && p.err == nil {
		p.err = err
	}
	return appendString(b, text, p.ascii)
}

func (p *python) number(b []byte) []byte {
	token := p.token()
	if !strings.ContainsAny(token, ".eE") {
		if token == "-0" {
			token = "0" // an int in Python
		}
		return append(b, token...)
	}
	v, err := strconv.ParseFloat(token, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("the number %s is too large", token)
	}
	return appendFloat(b, v)
}

// token is a number or a word.
func (p *python) token() string {
	start := p.at
	for p.at < len(p.data) && strings.IndexByte(" \t\r\n,]}", p.data[p.at]) < 0 {
		p.at++
	}
	return string(p.data[start:p.at])
}

func (p *python) space() {
	for p.at < len(p.data) && strings.IndexByte(" \t\r\n", p.data[p.at]) >= 0 {
		p.at++
	}
}

// appendString writes a string as json.dumps does. Bytes that are not UTF-8 stay as they are, for Write to refuse.
func appendString(b []byte, text string, ascii bool) []byte {
	b = append(b, '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = appendControl(b, r)
		case r < 0x7f || !ascii || r == utf8.RuneError && size == 1:
			b = append(b, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return append(b, '"')
}

func appendControl(b []byte, r rune) []byte {
	if i := strings.IndexRune("\b\f\n\r\t", r); i >= 0 {
		return append(b, '\\', "bfnrt"[i])
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

func appendStrings(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendString(b, text, false)
	}
	return append(b, ']')
}

func appendFloats(b []byte, values []float64) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendFloat(b, v)
	}
	return append(b, ']')
}

// appendFloat writes repr(float): the shortest digits that give the number back, with an exponent below 1e-4 and from 1e16.
func appendFloat(b []byte, v float64) []byte {
	if size := math.Abs(v); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	start := len(b)
	b = strconv.AppendFloat(b, v, 'f', -1, 64)
	if !strings.Contains(string(b[start:]), ".") {
		b = append(b, ".0"...)
	}
	return b
}
