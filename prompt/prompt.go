// Package prompt holds what is put around a text before it is embedded: one template, the same in mining, training and
// evaluation.
package prompt

import (
	"fmt"
	"strings"
)

const placeholder = "{}"

// Template is what surrounds a text: with one `{}` the text takes its place, without it the template is a prefix. The empty
// template leaves texts alone. Its newlines are real; Parse makes one from what a user writes.
type Template string

// Parse reads a template as flags and recipes write it: the two characters `\n` mean a newline, as FlagEmbedding's flags have
// it; nothing else is an escape, so `\frac` stays. Two placeholders are an error: which one the text takes would be a guess.
func Parse(written string) (Template, error) {
	t := Template(newlines(written))
	return t, t.Validate()
}

// Validate checks a template that did not come through Parse, such as one stored with a model.
func (t Template) Validate() error {
	if n := strings.Count(string(t), placeholder); n > 1 {
		return fmt.Errorf("prompt %s: %d placeholders {}, want at most one", t.Show(), n)
	}
	return nil
}

// Apply puts the text into the template. The text itself is never unescaped or searched for placeholders.
func (t Template) Apply(text string) string {
	before, after, _ := strings.Cut(string(t), placeholder)
	return before + text + after
}

// Show is the template on one line, quoted, with newlines as `\n`: what Parse takes. Plans and the doctor print it.
func (t Template) Show() string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range string(t) {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\\' && strings.HasPrefix(string(t[i:]), `\n`):
			b.WriteString(`\\`) // a stored backslash before an n, which is no newline
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func newlines(written string) string { return strings.ReplaceAll(written, `\n`, "\n") }
