package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
)

// modelDiagnosis is what doctor says of a model.
type modelDiagnosis struct {
	Path          string   `json:"path"`
	Revision      string   `json:"revision,omitempty"` // the commit, of a model in the Hugging Face cache
	Architecture  string   `json:"architecture"`
	Layers        int      `json:"layers"`
	Dimension     int      `json:"dimension"`
	Vocabulary    int      `json:"vocabulary"` // rows of the table of embeddings
	Tokens        int      `json:"tokens"`     // that the tokenizer has
	MaxLength     int      `json:"max_length"`
	Positions     int      `json:"positions"`
	Pooling       string   `json:"pooling"` // empty where it must be given
	Normalize     bool     `json:"normalize"`
	Score         string   `json:"score"`
	QueryPrompt   string   `json:"query_prompt"`
	PassagePrompt string   `json:"passage_prompt"`
	Assumed       []string `json:"assumed"`           // what the directory leaves to defaults
	Missing       []string `json:"missing,omitempty"` // what it leaves open and must be given
}

// diagnoseModel opens a model, so that its weights and tokenizer are checked too.
func diagnoseModel(ctx context.Context, h *host, name string, e *compute.Engine) (*modelDiagnosis, error) {
	o := ModelOptions{Model: name}
	m, err := o.open(ctx, h)
	unnamed := errors.Is(err, model.ErrNoPooling)
	if unnamed { // all else can be looked at
		o.assume = true
		m, err = o.open(ctx, h)
	}
	if err != nil {
		return nil, err
	}
	if _, err := embedding.New(m, e); err != nil {
		return nil, errors.Join(badInputf("--model: %w", err), m.Close())
	}
	c := m.Contract
	d := &modelDiagnosis{
		Path: m.Path, Revision: o.found.revision, Architecture: m.Config.ModelType, Layers: m.Config.Layers, Dimension: m.Dimension(), Vocabulary: m.Config.VocabSize, Tokens: m.Tokenizer.VocabSize(),
		MaxLength: c.MaxLength, Positions: m.Config.MaxPositions, Pooling: string(c.Pooling), Normalize: c.Normalize, Score: string(c.Score),
		QueryPrompt: showPrompt(c.Query), PassagePrompt: showPrompt(c.Passage), Assumed: append([]string{}, m.Assumed...),
	}
	if unnamed {
		d.Assumed = slices.DeleteFunc(d.Assumed, func(a string) bool { return strings.HasPrefix(a, "pooling ") })
		d.Pooling, d.Missing = "", []string{"pooling"}
	}
	return d, m.Close()
}

// showPrompt is a prompt as a flag takes it, its suffix behind it.
func showPrompt(p model.Prompt) string {
	if p.Suffix == "" {
		return p.Template.Show()
	}
	return p.Template.Show() + " … " + strings.ReplaceAll(p.Suffix, "\n", `\n`)
}

func (d *modelDiagnosis) rows(row func(name, format string, args ...any)) {
	row("model", "%s: %s, %d layers, %d dimensions, %d tokens in the vocabulary", d.Path, d.Architecture, d.Layers, d.Dimension, d.Vocabulary)
	row("texts", "%d tokens read (%d positions), pooling %s, normalised %t, compared by %s", d.MaxLength, d.Positions, cmp.Or(d.Pooling, "not named"), d.Normalize, d.Score)
	for _, key := range d.Missing {
		row("missing", "%s: nothing in the directory names it, and no command guesses it: give it with --%s (cls, mean, …), in a recipe as %s:", key, key, key)
	}
	row("prompts", "query %s, passage %s", d.QueryPrompt, d.PassagePrompt)
	if spare := d.Vocabulary - d.Tokens; spare > 0 {
		row("tokenizer", "%d tokens; %d rows of the vocabulary have none: padding, or the tokenizer is another model's", d.Tokens, spare)
	}
	for _, a := range d.Assumed {
		row("assumed", "%s", a)
	}
}
