package prompt

import "strings"

// Example is a query with a passage that answers it, shown to a model before another query.
type Example struct {
	Query    string
	Response string
}

// In is the example with its query in a template.
func (e Example) In(t Template) Example { return Example{t.Apply(e.Query), e.Response} }

// Shown is the example as it stands before another query: suffix and answer behind its query, and a blank line. With a
// query in the template `<instruct>{task}\n<query>{}` and the suffix `\n<response>` that is FlagEmbedding's
// examples_instruction_format.
func (e Example) Shown(suffix string) string { return e.Query + suffix + e.Response + "\n\n" }

// Examples is what stands before a query: the examples, their queries in the template; nothing for none.
func Examples(t Template, suffix string, examples []Example) string {
	var b strings.Builder
	for _, e := range examples {
		b.WriteString(e.In(t).Shown(suffix))
	}
	return b.String()
}

// ParseSuffix reads a suffix as flags and recipes write it: `\n` means a newline, as in a template.
func ParseSuffix(written string) string { return newlines(written) }
