package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/prompt"
)

// passageNames are the names under which sentence-transformers looks for the prompt of a passage, in its order.
var passageNames = []string{"document", "passage", "corpus"}

// storedPrompts is config_sentence_transformers.json: named prompts, the score function and what is kept of a vector.
type storedPrompts struct {
	object      *object           // nil without the file
	named       map[string]string // prefixes
	defaultName string
	score       Score
	truncateDim *int // null and absent keep all
}

// parsePrompts reads config_sentence_transformers.json. A key that would change vectors and is not supported is an error.
func parsePrompts(raw []byte, file string) (*storedPrompts, error) {
	s := &storedPrompts{named: map[string]string{}, score: Cosine}
	if raw == nil {
		return s, nil
	}
	o, err := parseObject(raw, file)
	if err != nil {
		return nil, err
	}
	s.object = o
	kind := "SentenceTransformer"
	prompts := map[string]*string{}
	for _, field := range []struct {
		key  string
		into any
	}{
		{"model_type", &kind}, {"prompts", &prompts},
		{"default_prompt_name", &s.defaultName}, {"similarity_fn_name", &s.score},
		{"truncate_dim", &s.truncateDim},
	} {
		if _, err := o.take(field.key, field.into); err != nil {
			return nil, err
		}
	}
	o.ignore("__version__", "requirements")
	if err := o.rest(); err != nil {
		return nil, err
	}
	if kind != "SentenceTransformer" {
		return nil, fmt.Errorf("%s: model_type %q is not supported; supported is SentenceTransformer", file, kind)
	}
	if s.score, err = ParseScore(string(s.score)); err != nil {
		return nil, fmt.Errorf("%s: similarity_fn_name: %w", file, err)
	}
	if d := s.truncateDim; d != nil && *d < 1 {
		return nil, fmt.Errorf("%s: truncate_dim %d is not positive", file, *d)
	}
	for name, text := range prompts {
		s.named[name] = ""
		if text != nil { // null is how version 5 wrote an absent prompt
			s.named[name] = *text
		}
	}
	return s, s.check(file)
}

// check refuses prefixes that a template cannot hold, and a default that is not among the prompts.
func (s *storedPrompts) check(file string) error {
	for _, name := range s.names() {
		if strings.Contains(s.named[name], "{}") {
			return fmt.Errorf("%s: prompts: %s: contains {}, which marks the place of the text in a template", file, name)
		}
	}
	if _, known := s.named[s.defaultName]; s.defaultName != "" && !known {
		return fmt.Errorf("%s: default_prompt_name %q is not among the prompts: %s", file, s.defaultName, list(s.names()))
	}
	return nil
}

func (s *storedPrompts) names() []string {
	return slices.Sorted(maps.Keys(s.named))
}

// fill takes the prompts that sentence-transformers' encode_query, encode_document and encode would put before a text.
func (s *storedPrompts) fill(c *Contract) {
	take := func(name string) Prompt {
		return Prompt{Name: name, Template: prompt.Template(s.named[name])}
	}
	if _, ok := s.named["query"]; ok {
		c.Query = take("query")
	}
	for _, name := range passageNames {
		if _, ok := s.named[name]; ok {
			c.Passage = take(name)
			break
		}
	}
	if s.defaultName != "" {
		c.Default = take(s.defaultName)
	}
	c.Score = s.score
	if s.truncateDim != nil {
		c.TruncateDim = *s.truncateDim
	}
}

// encode returns config_sentence_transformers.json for a contract: as it was read where that says the same, else with
// the prompts, the score function and truncate_dim replaced and every other named prompt kept. A prompt with text after the
// placeholder has no place in this file and is left out; quarry.json holds it.
func (s *storedPrompts) encode(c Contract, current bool) []byte {
	named := maps.Clone(s.named)
	put := func(name string, p Prompt) {
		_, listed := s.named[name]
		if text, expressible := p.Prefix(); expressible && (text != "" || listed || current) {
			named[name] = text
		}
	}
	delete(named, "query")
	for _, name := range passageNames {
		delete(named, name)
	}
	put("query", c.Query)
	put(passageName(c.Passage), c.Passage)
	defaultName := s.putDefault(named, c.Default)
	if s.object != nil && maps.Equal(named, s.named) && defaultName == s.defaultName && c.Score == s.score && s.keeps(c.TruncateDim) {
		return s.object.encode("  ")
	}
	return s.rewrite(named, defaultName, c, current)
}

// keeps says whether the file keeps so much of a vector; 0 is all.
func (s *storedPrompts) keeps(dim int) bool {
	if s.truncateDim == nil {
		return dim == 0
	}
	return dim == *s.truncateDim
}

func passageName(p Prompt) string {
	if slices.Contains(passageNames, p.Name) {
		return p.Name
	}
	return passageNames[0]
}

// putDefault returns the name of the default prompt, adding it where no prompt of its name has its text.
func (s *storedPrompts) putDefault(named map[string]string, p Prompt) string {
	text, expressible := p.Prefix()
	if p == (Prompt{}) || !expressible {
		return ""
	}
	if known, ok := named[p.Name]; ok && known == text {
		return p.Name
	}
	named["default"] = text
	return "default"
}

func (s *storedPrompts) rewrite(named map[string]string, defaultName string, c Contract, current bool) []byte {
	o := &object{values: map[string]json.RawMessage{}}
	if s.object != nil {
		o.keys = slices.Clone(s.object.keys)
		maps.Copy(o.values, s.object.values)
	}
	if current {
		o.set("model_type", "SentenceTransformer")
	}
	o.set("prompts", named)
	if defaultName == "" {
		o.set("default_prompt_name", nil)
	} else {
		o.set("default_prompt_name", defaultName)
	}
	o.set("similarity_fn_name", c.Score)
	switch {
	case s.keeps(c.TruncateDim):
	case c.TruncateDim == 0:
		o.set("truncate_dim", nil)
	default:
		o.set("truncate_dim", c.TruncateDim)
	}
	return o.encode("  ")
}

// NamedPrompt is the prompt that sentence-transformers' files have under a name. An unknown name is an error that lists
// those there are.
func (d *Directory) NamedPrompt(name string) (Prompt, error) {
	text, ok := d.prompts.named[name]
	if !ok {
		return Prompt{}, fmt.Errorf("%s has no prompt %q; it has: %s", d.Path, name, list(d.prompts.names()))
	}
	return Prompt{Name: name, Template: prompt.Template(text)}, nil
}
