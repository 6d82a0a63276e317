package model

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/prompt"
)

// Contract is what surrounds the network: a text that is embedded otherwise than the contract says gets a vector that
// training did not mean. It travels with the model, in quarry.json, and as far as their words reach also in
// sentence-transformers' files.
type Contract struct {
	Query   Prompt // of queries
	Passage Prompt // of passages
	Default Prompt // of texts that are said to be neither

	BOS, EOS string // the special tokens that the tokenizer puts around a text, such as [CLS] and [SEP]

	Pooling       PoolingMode
	IncludePrompt bool // whether the prompt's tokens are pooled too
	Normalize     bool // whether vectors end with unit length
	Score         Score

	// TruncateDim is how many leading numbers of a vector are kept, after Normalize and without another one, as
	// sentence-transformers' truncate_dim; 0 keeps all. Training sees the whole vector.
	TruncateDim int

	// MaxLength is how many tokens of a text are read, special tokens included, unless a stage says otherwise. Lengths
	// belong to a stage and its data: two contracts that differ in MaxLength alone do not differ.
	MaxLength int
}

// Prompt is what stands around a text of one kind.
type Prompt struct {
	Name     string          // under which sentence-transformers knows it; may be empty when there is no text
	Template prompt.Template // with real newlines
	Suffix   string          // after the text, never truncated, such as "\n<response>"

	// Examples are in-context examples as they stand before the template (prompt.Examples). They belong to a stage and its
	// data, as lengths do: a contract has none, and two prompts that differ in them alone do not differ.
	Examples string `json:",omitempty"`
}

// WithoutExamples is the prompt as a contract has it.
func (p Prompt) WithoutExamples() Prompt {
	p.Examples = ""
	return p
}

// Score is the function that compares two vectors.
type Score string

// The score functions.
const (
	Cosine Score = "cosine"
	Dot    Score = "dot"
)

var scores = []Score{Cosine, Dot}

// ParseScore returns the score function of that name; an unknown one is an error that lists the supported.
func ParseScore(name string) (Score, error) {
	if !slices.Contains(scores, Score(name)) {
		return "", fmt.Errorf("score function %q is not supported; supported are %s", name, list(scores))
	}
	return Score(name), nil
}

// Differences names every part in which two contracts differ, c's value first; none means that vectors of both may be
// compared. Names of prompts and lengths do not count.
func (c Contract) Differences(other Contract) []string {
	var found []string
	report := func(what, a, b string) {
		if a != b {
			found = append(found, fmt.Sprintf("%s: %s, not %s", what, a, b))
		}
	}
	for _, p := range []struct {
		kind string
		a, b Prompt
	}{{"query", c.Query, other.Query}, {"passage", c.Passage, other.Passage}, {"default", c.Default, other.Default}} {
		report(p.kind+" prompt", p.a.Template.Show(), p.b.Template.Show())
		report(p.kind+" suffix", fmt.Sprintf("%q", p.a.Suffix), fmt.Sprintf("%q", p.b.Suffix))
	}
	report("BOS", fmt.Sprintf("%q", c.BOS), fmt.Sprintf("%q", other.BOS))
	report("EOS", fmt.Sprintf("%q", c.EOS), fmt.Sprintf("%q", other.EOS))
	report("pooling", string(c.Pooling), string(other.Pooling))
	report("include_prompt", fmt.Sprint(c.IncludePrompt), fmt.Sprint(other.IncludePrompt))
	report("normalize", fmt.Sprint(c.Normalize), fmt.Sprint(other.Normalize))
	report("score", string(c.Score), string(other.Score))
	report("truncate_dim", fmt.Sprint(c.TruncateDim), fmt.Sprint(other.TruncateDim))
	return found
}

// Validate checks a contract that was not read from a directory.
func (c Contract) Validate() error {
	for _, p := range []struct {
		kind string
		Prompt
	}{{"query", c.Query}, {"passage", c.Passage}, {"default", c.Default}} {
		if err := p.Template.Validate(); err != nil {
			return fmt.Errorf("%s %w", p.kind, err)
		}
		if p.Examples != "" {
			return fmt.Errorf("%s prompt: in-context examples belong to a stage, not to a model's contract", p.kind)
		}
	}
	if _, err := ParsePooling(string(c.Pooling)); err != nil {
		return err
	}
	if _, err := ParseScore(string(c.Score)); err != nil {
		return err
	}
	if c.TruncateDim < 0 {
		return fmt.Errorf("truncate_dim %d is not positive", c.TruncateDim)
	}
	if c.MaxLength < 1 {
		return fmt.Errorf("max_length %d is not positive", c.MaxLength)
	}
	return nil
}

// Prefix returns the prompt as sentence-transformers can hold it, a text put before; false where something follows the
// text, which its files have no word for.
func (p Prompt) Prefix() (string, bool) {
	before, after := split(p.Template)
	return before, after == "" && p.Suffix == ""
}
