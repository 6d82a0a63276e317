package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// ModelOptions are the flags that name a model and what stands above its own files.
type ModelOptions struct {
	Model         string
	Pooling       string
	Normalize     *bool
	Truncate      int      // leading numbers of a vector that are kept
	Weights       string   // stored or bf16; empty is stored
	SpecialTokens []string // that the tokenizer has to have
	EOS           bool     // texts end with eos_token, where the tokenizer's class knows that
	trains        bool     // the model is opened to be trained
	assume        bool     // open a model whose pooling nothing names, to show that

	found foundModel // by open
	flag  string     // that names the model; empty is --model
}

// AddFlags adds the flags to a command.
func (o *ModelOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Model, "model", "", "model `directory` in Hugging Face's layout, or a Hugging Face name")
	o.addAbove(f)
}

// addAbove adds the flags that stand above the model's files.
func (o *ModelOptions) addAbove(f *pflag.FlagSet) {
	f.StringVar(&o.Pooling, "pooling", "", "cls, mean, max, lasttoken or weightedmean (as the model says)")
	f.StringVar(&o.Weights, "weights", recipe.StoredWeights, "stored: as the model has them; bf16: those in F32 are rounded, once, into Quarry's cache")
	optionalBool(f, &o.Normalize, "normalize", "bring vectors to length 1 (as the model says)")
	f.StringSliceVar(&o.SpecialTokens, "additional-special-tokens", nil, "`list` of special tokens, added behind the vocabulary with embeddings where the model has none of them")
	f.IntVar(&o.Truncate, "truncate-dim", 0, "leading `numbers` of a vector that are kept (as the model says, else all)")
}

// named is the flag that names the model, as it was given.
func (o ModelOptions) named() string { return cmp.Or(o.flag, "--model") }

// ofSource is the model that a source names, model:DIR.
func (o ModelOptions) ofSource(name, dir string) ModelOptions {
	o.Model, o.flag = dir, "--source "+name
	return o
}

// open finds the model and opens it.
func (o *ModelOptions) open(ctx context.Context, h *host) (*model.Model, error) {
	above, err := o.options()
	if err != nil {
		return nil, err
	}
	if o.found, err = o.locate(ctx, h, o.Model); err != nil {
		return nil, fmt.Errorf("%s: %w", o.named(), err)
	}
	m, err := model.Open(o.found.dir, above)
	if err != nil {
		return nil, badInputf("%s: %w", o.named(), wantPooling(err))
	}
	switch err := m.CheckPooling(); {
	case err != nil && o.trains:
		return nil, errors.Join(badInputf("%s: %w", o.named(), err), m.Close())
	case err != nil:
		h.note("warning: %s: %v", o.named(), err)
	}
	return m, nil
}

// openOn is open with an engine for the model, which is closed before it.
func (o *ModelOptions) openOn(ctx context.Context, h *host, engine EngineOptions) (*model.Model, *compute.Engine, error) {
	m, err := o.open(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	engine.weights = o.Weights
	e, err := engine.open(h, m.Footprint())
	if err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	return m, e, nil
}

// locate finds the model of that name with its weights as the flags want them.
func (o ModelOptions) locate(ctx context.Context, h *host, name string) (foundModel, error) {
	found, err := h.findModel(name)
	if err != nil {
		return found, badInput(err)
	}
	found.dir, err = h.rounded(ctx, found.dir, o.Weights)
	return found, inputUnlessWriting(err)
}

// digest is that of the model of that name.
func (o ModelOptions) digest(ctx context.Context, h *host, name string) (string, error) {
	found, err := o.locate(ctx, h, name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.named(), err)
	}
	return rundir.ModelDigest(ctx, rundir.OS{}, found.dir)
}

// calls is what others call the model that open found: its path, or its name on the hub and the commit.
func (o ModelOptions) calls() (name, revision string) {
	if o.found.revision == "" {
		return o.Model, ""
	}
	id, _, _ := strings.Cut(o.Model, "@")
	return id, o.found.revision
}

// wantPooling adds to an error for want of a pooling the flag that gives one.
func wantPooling(err error) error {
	if errors.Is(err, model.ErrNoPooling) {
		return fmt.Errorf("%w with --pooling (cls, mean, …)", err)
	}
	return err
}

func (o ModelOptions) options() (model.Options, error) {
	above := model.Options{Normalize: o.Normalize, AssumeMean: o.assume, TruncateDim: o.Truncate, SpecialTokens: o.SpecialTokens, EOS: o.EOS}
	if o.Truncate < 0 {
		return above, badInputf("--truncate-dim %d: at least 1", o.Truncate)
	}
	if o.Weights != "" && o.Weights != recipe.StoredWeights && o.Weights != recipe.BF16Weights {
		return above, badInputf("--weights %q: use %s or %s", o.Weights, recipe.StoredWeights, recipe.BF16Weights)
	}
	if o.Pooling != "" {
		var err error
		if above.Pooling, err = model.ParsePooling(o.Pooling); err != nil {
			return above, badInputf("--pooling: %w", err)
		}
	}
	return above, nil
}

// TextOptions are the flags of what is put around texts and how much of them is read.
type TextOptions struct {
	QueryPrompt, PassagePrompt       *string
	MaxLength                        int
	QueryMaxLength, PassageMaxLength int
	PromptFromRow                    bool
	QuerySuffix                      *string

	queryTemplate, passageTemplate *prompt.Template // made of FlagEmbedding's flags; stand above the prompts
	rowFormat                      prompt.Format    // takes a row's own prompt as the instruction, as FlagEmbedding's trainers do; empty leaves it unread

	underscores bool // the lengths are those of FlagEmbedding's flags

	set set
}

// AddFlags adds the flags to a command.
func (o *TextOptions) AddFlags(f *pflag.FlagSet) {
	optionalString(f, &o.QueryPrompt, "query-prompt", `put around queries: a template with one {}, else a prefix; \n is a newline (the prompt stored with the model)`)
	optionalString(f, &o.QuerySuffix, "query-suffix", `put behind queries and never cut off, as bge-en-icl's \n<response>; \n is a newline (that of the prompt stored with the model; none with --query-prompt)`)
	optionalString(f, &o.PassagePrompt, "passage-prompt", "the same for passages")
	f.IntVar(&o.MaxLength, "max-length", 0, "`tokens` kept of a text, special ones included (as the model says)")
	f.IntVar(&o.QueryMaxLength, "query-max-length", 0, "the same for queries alone")
	f.IntVar(&o.PassageMaxLength, "passage-max-length", 0, "the same for passages alone")
}

func (o *TextOptions) addFromRow(f *pflag.FlagSet) {
	f.BoolVar(&o.PromptFromRow, "prompt-from-row", false, "put a row's own \"prompt\" before its query")
}

// side is how the texts of one kind are read.
type side struct {
	prompt    model.Prompt
	maxLength int
	limit     string // what says the length: a flag, or the model
}

// ownLimit is the limit of texts that no flag gives a length.
const ownLimit = "the model's own limit"

// length is what texts of one kind are cut to, and what says so.
func (o TextOptions) length(kind string, ofKind, ofModel int) (tokens int, limit string) {
	switch {
	case ofKind > 0 && o.underscores:
		return ofKind, "--" + kind + "_max_len"
	case ofKind > 0:
		return ofKind, "--" + kind + "-max-length"
	case o.MaxLength > 0:
		return o.MaxLength, "--max-length"
	}
	return ofModel, ownLimit
}

// sides are queries and passages under a model's contract: the flags, else what is stored with the model.
func (o TextOptions) sides(m *model.Model) (query, passage side, err error) {
	query.prompt, passage.prompt = m.Contract.Query, m.Contract.Passage
	query.maxLength, query.limit = o.length("query", o.QueryMaxLength, m.Contract.MaxLength)
	passage.maxLength, passage.limit = o.length("passage", o.PassageMaxLength, m.Contract.MaxLength)
	for _, s := range []struct {
		flag    string
		written *string
		into    *model.Prompt
	}{{"query", o.QueryPrompt, &query.prompt}, {"passage", o.PassagePrompt, &passage.prompt}} {
		if s.written == nil {
			continue
		}
		t, err := prompt.Parse(*s.written)
		if err != nil {
			return query, passage, badInputf("--%s-prompt: %w", s.flag, err)
		}
		*s.into = model.Prompt{Name: s.flag, Template: t}
	}
	if o.queryTemplate != nil {
		query.prompt = model.Prompt{Name: "query", Template: *o.queryTemplate}
	}
	if o.passageTemplate != nil {
		passage.prompt = model.Prompt{Name: "passage", Template: *o.passageTemplate}
	}
	if o.QuerySuffix != nil {
		query.prompt.Suffix = prompt.ParseSuffix(*o.QuerySuffix)
	}
	for _, s := range []struct {
		flag string
		side side
	}{{"query", query}, {"passage", passage}} {
		if _, err := m.Sequence("", s.side.prompt, s.side.maxLength); err != nil {
			return query, passage, badInput(fmt.Errorf("--%s-max-length, --max-length: %w", s.flag, err))
		}
	}
	return query, passage, nil
}

// validate refuses lengths that no text can have.
func (o TextOptions) validate() error {
	return o.set.atLeast(1, map[string]int{"max-length": o.MaxLength, "query-max-length": o.QueryMaxLength, "passage-max-length": o.PassageMaxLength})
}

// reads names a flag that was given and says how a text becomes tokens; empty where there is none.
func (o TextOptions) reads() string {
	switch {
	case o.QueryPrompt != nil:
		return "query-prompt"
	case o.PassagePrompt != nil:
		return "passage-prompt"
	case o.QuerySuffix != nil:
		return "query-suffix"
	case o.MaxLength > 0:
		return "max-length"
	case o.QueryMaxLength > 0:
		return "query-max-length"
	case o.PassageMaxLength > 0:
		return "passage-max-length"
	}
	return ""
}

func firstPositive(values ...int) int {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}
