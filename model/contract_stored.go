package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/prompt"
)

// ContractName is the file in which a model directory keeps its whole contract.
const ContractName = "quarry.json"

// contractVersion is raised when a key changes its meaning; a newer file is refused.
const contractVersion = 1

// storedContract is quarry.json. Templates hold real newlines, as JSON's own escape.
type storedContract struct {
	Version       int           `json:"version"`
	Query         *storedPrompt `json:"query,omitempty"`
	Passage       *storedPrompt `json:"passage,omitempty"`
	Default       *storedPrompt `json:"default,omitempty"`
	BOS           string        `json:"bos"`
	EOS           string        `json:"eos"`
	Pooling       PoolingMode   `json:"pooling"`
	IncludePrompt bool          `json:"include_prompt"`
	Normalize     bool          `json:"normalize"`
	Score         Score         `json:"score"`
	MaxLength     int           `json:"max_length"`
	TruncateDim   int           `json:"truncate_dim,omitempty"`
}

type storedPrompt struct {
	Name     string `json:"name,omitempty"`
	Template string `json:"template"`
	Suffix   string `json:"suffix,omitempty"`
}

// ParseContract reads quarry.json; file stands for it in errors. All keys but the prompts and truncate_dim must be there, and no others.
func ParseContract(raw []byte, file string) (Contract, error) {
	o, err := parseObject(raw, file)
	if err != nil {
		return Contract{}, err
	}
	var s storedContract
	if _, err := o.take("version", &s.Version); err != nil {
		return Contract{}, err
	}
	if s.Version != contractVersion {
		return Contract{}, fmt.Errorf("%s: version %d; this program reads version %d", file, s.Version, contractVersion)
	}
	for _, field := range []struct {
		key      string
		into     any
		optional bool
	}{
		{"bos", &s.BOS, false}, {"eos", &s.EOS, false},
		{"pooling", &s.Pooling, false}, {"include_prompt", &s.IncludePrompt, false},
		{"normalize", &s.Normalize, false}, {"score", &s.Score, false}, {"max_length", &s.MaxLength, false},
		{"truncate_dim", &s.TruncateDim, true},
	} {
		present, err := o.take(field.key, field.into)
		if err != nil {
			return Contract{}, err
		}
		if !present && !field.optional {
			return Contract{}, fmt.Errorf("%s: no %q", file, field.key)
		}
	}
	c := Contract{BOS: s.BOS, EOS: s.EOS, Pooling: s.Pooling, IncludePrompt: s.IncludePrompt,
		Normalize: s.Normalize, Score: s.Score, MaxLength: s.MaxLength, TruncateDim: s.TruncateDim}
	for _, p := range []struct {
		key  string
		into *Prompt
	}{{"query", &c.Query}, {"passage", &c.Passage}, {"default", &c.Default}} {
		if err := takePrompt(o, p.key, p.into); err != nil {
			return Contract{}, err
		}
	}
	if err := o.rest(); err != nil {
		return Contract{}, err
	}
	if err := c.Validate(); err != nil {
		return Contract{}, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

func takePrompt(o *object, key string, into *Prompt) error {
	var raw json.RawMessage
	present, err := o.take(key, &raw)
	if err != nil || !present {
		return err
	}
	inner, err := parseObject(raw, o.file+": "+key)
	if err != nil {
		return err
	}
	var s storedPrompt
	for _, field := range []struct {
		key  string
		into *string
	}{{"name", &s.Name}, {"template", &s.Template}, {"suffix", &s.Suffix}} {
		if _, err := inner.take(field.key, field.into); err != nil {
			return err
		}
	}
	*into = Prompt{Name: s.Name, Template: prompt.Template(s.Template), Suffix: s.Suffix}
	return inner.rest()
}

// Encode returns quarry.json: the same contract, the same bytes.
func (c Contract) Encode() []byte {
	store := func(p Prompt) *storedPrompt {
		if p == (Prompt{}) {
			return nil
		}
		return &storedPrompt{Name: p.Name, Template: string(p.Template), Suffix: p.Suffix}
	}
	return encodeJSON(storedContract{
		Version: contractVersion,
		Query:   store(c.Query), Passage: store(c.Passage), Default: store(c.Default),
		BOS: c.BOS, EOS: c.EOS,
		Pooling: c.Pooling, IncludePrompt: c.IncludePrompt, Normalize: c.Normalize, Score: c.Score,
		MaxLength: c.MaxLength, TruncateDim: c.TruncateDim,
	}, "  ")
}

// Write writes quarry.json, beside an adapter for instance, which is read back by ReadContract.
func (c Contract) Write(sink Sink) error {
	return sink(ContractName, func(w io.Writer) error {
		_, err := w.Write(c.Encode())
		return err
	})
}

// ReadContract reads quarry.json of a directory that is no model's own, such as an adapter's; nil where there is none.
func ReadContract(dir string) (*Contract, error) {
	file := filepath.Join(dir, ContractName)
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := ParseContract(raw, file)
	return &c, err
}

// agree checks that quarry.json and sentence-transformers' files, where both say something, say the same: one of them
// may have been edited, and which one is meant cannot be known.
func (c Contract) agree(other Contract, file string) error {
	foreign := other
	for _, p := range []struct{ ours, theirs *Prompt }{
		{&c.Query, &foreign.Query}, {&c.Passage, &foreign.Passage}, {&c.Default, &foreign.Default},
	} {
		if _, expressible := p.ours.Prefix(); !expressible && p.theirs.Template == "" {
			*p.theirs = *p.ours
		}
	}
	c, foreign = c.withPrefixes(), foreign.withPrefixes()
	differences := c.Differences(foreign)
	if c.MaxLength != foreign.MaxLength {
		differences = append(differences, fmt.Sprintf("max_length: %d, not %d", c.MaxLength, foreign.MaxLength))
	}
	if len(differences) == 0 {
		return nil
	}
	return errors.New(file + ": disagrees with the model's other files; correct one of them: " + strings.Join(differences, "; "))
}

// withPrefixes spells prompts as prefixes where they are: a template "p{}" and a prefix "p" are the same prompt.
func (c Contract) withPrefixes() Contract {
	for _, p := range []*Prompt{&c.Query, &c.Passage, &c.Default} {
		if text, ok := p.Prefix(); ok {
			p.Template = prompt.Template(text)
		}
	}
	return c
}

// split separates a template at its placeholder; a template without one is a prefix.
func split(t prompt.Template) (before, after string) {
	before, after, _ = strings.Cut(string(t), "{}")
	return before, after
}
