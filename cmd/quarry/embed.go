package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// EmbedOptions are the flags of quarry embed.
type EmbedOptions struct {
	Input, Output string
	Kind          string // query, passage or, for neither, empty
	Model         ModelOptions
	Texts         TextOptions
	Engine        EngineOptions
}

func newEmbedCommand(h *host) *cobra.Command {
	var o EmbedOptions
	cmd := &cobra.Command{
		Use:   "embed --model DIR --input FILE --output FILE",
		Short: "Turn texts into vectors",
		Long: `Turn texts into vectors: a .npy file of float32 [texts, dimensions], in the order of the input.

The input is JSONL. A line holds "text" (after "title", where there is one) or "query", or "ids": token ids, taken as they
are. --kind says which of the prompts stored with the model applies; without it, the model's default prompt does, which
most models do not have. A text's vector does not depend on the texts beside it.

Vectors that are ready are kept beside the output, under its name and .partial, every half minute: after an interruption or a kill
the same command goes on from there.`,
		Example: `  quarry embed --model models/minilm --input corpus.jsonl --kind passage --output corpus.npy
  quarry embed --model models/e5 --input dev.jsonl --query-prompt 'query: ' --output dev.npy`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Texts.set = setFlags(cmd.Flags())
			return runEmbed(cmd.Context(), o, h)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Input, "input", "", "JSONL `file` of texts")
	f.StringVar(&o.Output, "output", "", ".npy `file` to write")
	f.StringVar(&o.Kind, "kind", "", "query or passage: whose prompt and length apply (query where --query-prompt is given, passage where --passage-prompt is)")
	o.Model.AddFlags(f)
	o.Texts.AddFlags(f)
	o.Engine.AddFlags(f)
	return cmd
}

// runEmbed counts the texts, since a .npy file begins with their number, and then embeds them as they are read.
func runEmbed(ctx context.Context, o EmbedOptions, h *host) error {
	if err := o.validate(h); err != nil {
		return err
	}
	if o.Output == standard && h.showsOut() {
		return badInputf("--output -: vectors are no text for a terminal: name a file, or hand them to a pipe")
	}
	h.process.hold(o.Engine.limit(h.machine))
	in := textFile{host: h, path: o.Input, kind: o.Kind, reads: o.Texts.reads()}
	rows, err := in.count()
	if err != nil {
		return err
	}
	m, e, err := o.Model.openOn(ctx, h, o.Engine)
	if err != nil {
		return err
	}
	defer m.Close()
	defer e.Close()
	s, err := o.side(m)
	if err != nil {
		return err
	}
	x, err := embedding.New(m, e)
	if err != nil {
		return badInputf("--model: %w", err)
	}
	in.limits = &idLimits{m.Config.VocabSize, m.Config.MaxPositions}
	var stats embedding.Stats
	err = growOutput(h, o.Output, func() (string, error) { return o.decides(ctx, h, m, s, e.Identity()) }, func(g growing) error {
		out, ready, err := vectors.ContinueNPY(g, g.ready, rows, x.Dimension())
		if err != nil {
			return err
		}
		if ready > 0 {
			h.note("%s.partial: the first %d of %d texts are embedded already", o.Output, ready, rows)
		}
		stats, err = embedTo(ctx, h, x, job{label: "embed", total: rows, side: s, texts: in.texts, place: in.place, skip: ready}, func(rows []float32) error {
			if err := out.Write(rows); err != nil {
				return err
			}
			return g.mark()
		})
		if err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		return h.raise(err, "--max-length")
	}
	h.note("%d texts, %d tokens, %d dimensions on %s", stats.Texts, stats.Tokens, x.Dimension(), e.Identity())
	return nil
}

// validate checks the flags and settles which kind is meant.
func (o *EmbedOptions) validate(h *host) error {
	if err := need("model", o.Model.Model, "input", o.Input, "output", o.Output); err != nil {
		return err
	}
	switch {
	case o.Kind == "" && o.Texts.QueryPrompt != nil && o.Texts.PassagePrompt != nil:
		return badInputf("--query-prompt and --passage-prompt: say with --kind which of them the texts are")
	case o.Kind == "" && o.Texts.QueryPrompt != nil:
		o.Kind = kindQuery
	case o.Kind == "" && o.Texts.PassagePrompt != nil:
		o.Kind = kindPassage
	case o.Kind != "" && o.Kind != kindQuery && o.Kind != kindPassage:
		return badInputf("--kind %q: use query or passage", o.Kind)
	case o.Kind != kindQuery && o.Texts.QuerySuffix != nil:
		return badInputf("--query-suffix has no part without --kind query")
	case o.Kind == kindPassage && o.Texts.QueryPrompt != nil:
		return badInputf("--query-prompt has no part in --kind passage")
	case o.Kind == kindQuery && o.Texts.PassagePrompt != nil:
		return badInputf("--passage-prompt has no part in --kind query")
	}
	if err := mayWrite("output", o.Output, "input", o.Input, "model", h.folder(o.Model.Model)); err != nil {
		return err
	}
	if err := mayNotPack("output", o.Output, "vectors are mapped as they lie on disk and therefore not packed"); err != nil {
		return err
	}
	return o.Texts.validate()
}

// decides is a digest of all that the vectors depend on.
func (o EmbedOptions) decides(ctx context.Context, h *host, m *model.Model, s side, identity string) (string, error) {
	texts, err := digestInput(h, "input", o.Input)
	if err != nil {
		return "", err
	}
	of, err := rundir.ModelDigest(context.WithoutCancel(ctx), rundir.OS{}, o.Model.found.dir) // an interruption is when it is wanted
	if err != nil {
		return "", err
	}
	all, err := rundir.CanonicalJSON(struct {
		Algorithm   int
		Identity    string
		Model       string
		Texts, Kind string
		Tokens      []string // added behind the vocabulary
		Side        any
		Contract    any
	}{embedding.Algorithm, identity, of, texts, o.Kind, o.Model.SpecialTokens, []any{s.prompt, s.maxLength}, m.Contract})
	return rundir.DigestBytes(all), err
}

// side is how the texts are read: as their kind, or under the model's default prompt.
func (o EmbedOptions) side(m *model.Model) (side, error) {
	query, passage, err := o.Texts.sides(m)
	if err != nil {
		return side{}, err
	}
	switch o.Kind {
	case kindQuery:
		return query, nil
	case kindPassage:
		return passage, nil
	}
	if o.Texts.QueryMaxLength > 0 || o.Texts.PassageMaxLength > 0 {
		return side{}, badInput(fmt.Errorf("--query-max-length and --passage-max-length need --kind; --max-length does not"))
	}
	return side{m.Contract.Default, passage.maxLength, passage.limit}, nil
}
