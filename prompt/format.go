package prompt

import (
	"fmt"
	"strings"
)

// Format is a template of two levels, such as `<instruct>{}\n<query>{}`: the first `{}` takes the instruction of a task, the
// second the text. It is FlagEmbedding's query_instruction_format.
type Format string

// ParseFormat reads a format as flags and recipes write it: `\n` means a newline, and there are exactly two placeholders.
func ParseFormat(written string) (Format, error) {
	f := Format(newlines(written))
	if n := strings.Count(string(f), placeholder); n != 2 {
		return "", fmt.Errorf("instruction format %s: %d placeholders {}, want two: the instruction, then the text", Template(f).Show(), n)
	}
	return f, nil
}

// With is the template of one instruction. The instruction is taken as it is: it is data, in which `\n` may begin a word.
func (f Format) With(instruction string) (Template, error) {
	if strings.Contains(instruction, placeholder) {
		return "", fmt.Errorf("instruction %s: it must not contain {}", Template(instruction).Show())
	}
	return Template(strings.Replace(string(f), placeholder, instruction, 1)), nil
}
