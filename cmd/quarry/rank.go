package main

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/vectors"
	"github.com/spf13/cobra"
)

// RankOptions are the flags of commands that rank a corpus for queries: by a model, or by given vectors.
type RankOptions struct {
	Data   DataOptions
	Model  ModelOptions
	Texts  TextOptions
	Given  VectorOptions
	Engine EngineOptions

	before func(q corpus.Query, p model.Prompt) string // in-context examples before a query; nil for none
}

// AddFlags adds the flags to a command.
func (o *RankOptions) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.Data.AddFlags(f)
	o.Model.AddFlags(f)
	o.Texts.AddFlags(f)
	o.Texts.addFromRow(f)
	o.Given.AddFlags(f)
	o.Engine.AddFlags(f)
}

// validate refuses flags that contradict each other.
func (o RankOptions) validate() error {
	given, err := o.Given.given()
	switch {
	case err != nil:
		return err
	case given && o.Model.Model != "":
		return badInputf("--model and --corpus-vectors contradict each other: vectors are given, or a model makes them")
	case !given && o.Model.Model == "":
		return badInputf("--model is needed, or --corpus-vectors and --query-vectors")
	case given:
		err := o.Texts.set.needs("--model", "query-prompt", "query-suffix", "passage-prompt", "prompt-from-row", "max-length", "query-max-length", "passage-max-length", "pooling", "normalize", "truncate-dim", "additional-special-tokens", "weights")
		if err != nil {
			return err
		}
	}
	return o.Texts.validate()
}

// inputs are the files and directories that are read, each behind its flag.
func (o RankOptions) inputs(h *host) []string {
	return []string{
		"corpus", o.Data.Corpus, "queries", o.Data.Queries, "corpus-vectors", o.Given.CorpusVectors, "query-vectors", o.Given.QueryVectors,
		"corpus-ids", o.Given.CorpusIDs, "query-ids", o.Given.QueryIDs,
		"model", h.folder(o.Model.Model),
	}
}

// rank hands the top depth of every query to sink, in order.
func (o RankOptions) rank(ctx context.Context, h *host, d data, depth int, sink func(query int, c ranking.Candidates) error) error {
	v, err := o.sides(ctx, h, d, nil)
	if err != nil {
		return err
	}
	err = v.rank(ctx, h, d, span{0, len(d.queries)}, depth, sink)
	return errors.Join(err, v.close())
}

// sides are the vectors of corpus and queries, given or made by the model, and what a search in them may take. Those that are
// made are kept, nil keeps them nowhere.
func (o RankOptions) sides(ctx context.Context, h *host, d data, kept *keptSides) (v sides, err error) {
	if v.given, err = o.Given.given(); err != nil {
		return v, err
	}
	if v.given {
		err = v.open(h, o.Given, d)
	} else {
		err = o.embed(ctx, h, d, kept, &v)
	}
	if err != nil {
		return v, err
	}
	if v.kernels, err = kernel.New(o.Engine.path(h.machine)); err != nil {
		return v, errors.Join(badInput(err), v.close())
	}
	v.workers, v.memory = o.workers(h), o.Engine.memory(h, model.Footprint{})
	return v, nil
}

func (o RankOptions) workers(h *host) int {
	return firstPositive(o.Engine.Workers, h.machine.workers())
}

// modelOn is a model at work on an engine, ranking to a depth.
type modelOn struct {
	model  *model.Model
	engine *compute.Engine
	depth  int
	taken  int64 // bytes of the engine's memory that something else has
}

// rankModel embeds corpus and queries and searches, all on an engine that others use too.
func (o RankOptions) rankModel(ctx context.Context, h *host, d data, on modelOn, sink func(int, ranking.Candidates) error) error {
	v := sides{kernels: on.engine.Kernels(), workers: on.engine.Workers(), memory: on.engine.Rest(on.taken)}
	err := o.embedOn(ctx, h, d, on, nil, &v)
	if err == nil {
		err = v.rank(ctx, h, d, span{0, len(d.queries)}, on.depth, sink)
	}
	return errors.Join(err, v.close())
}

// sides are vectors to search with and in.
type sides struct {
	passages, queries rows
	kernels           *kernel.Set
	workers           int
	memory            int64  // bytes that the search may take; 0 is no limit
	given             bool   // by the user, whose fault is what the search refuses of them
	label             string // of the progress; empty is search
}

func (v *sides) open(h *host, o VectorOptions, d data) error {
	g, err := o.open(h, d)
	if err != nil {
		return err
	}
	v.passages, v.queries = wholeRows(g.passages.Matrix, g.close), wholeRows(g.queries.Matrix, nil)
	return nil
}

func (v *sides) close() error { return errors.Join(v.passages.giveUp(), v.queries.giveUp()) }

// rank hands the top depth of a span of the queries to sink, in order.
func (v *sides) rank(ctx context.Context, h *host, d data, s span, depth int, sink func(query int, c ranking.Candidates) error) error {
	show := func(done int) {
		h.progress(progress{Label: cmp.Or(v.label, "search"), Done: int64(done), Total: int64(len(d.queries)), Unit: "queries"})
	}
	if s.len() > 0 {
		show(s.first) // the rate counts from here
	}
	err := v.queries.of(s, func(m vectors.Matrix) error {
		in := search.Input{
			Queries: m.Data, Dim: m.Dim, Passages: v.passages.blocks(),
			Progress: func(first, last, passages int) { show(s.first + first + (last-first)*passages/v.passages.count) },
			Depth:    min(depth, v.passages.count), Order: d.corpus.Order(), Kernels: v.kernels, Workers: v.workers, Memory: v.memory,
		}
		for _, q := range d.queries[s.first:s.end] {
			in.Keys = append(in.Keys, q.Key)
			in.Positives = append(in.Positives, q.Positives)
		}
		return search.Exact(ctx, in, func(query int, c ranking.Candidates) error {
			return asFailure(sink(s.first+query, c))
		})
	})
	if v.given {
		return inputUnlessFailure(err)
	}
	if as[failure](err) {
		return found[failure](err).error
	}
	return err
}

func passageTexts(passages []corpus.Passage) func(yield func(embedding.Text, error) bool) {
	return func(yield func(embedding.Text, error) bool) {
		for _, p := range passages {
			if !yield(embedding.Text{Text: p.Full()}, nil) {
				return
			}
		}
	}
}

func passagePlace(c *corpus.Corpus) func(i int) string {
	return func(i int) string { return c.Place(int32(i)) }
}

func (o RankOptions) queryTexts(queries []corpus.Query, all model.Prompt) func(yield func(embedding.Text, error) bool) {
	return func(yield func(embedding.Text, error) bool) {
		for _, q := range queries {
			p := rowPrompt(q, o.Texts.PromptFromRow, all.Suffix)
			if o.before != nil {
				shown := all
				if p != nil {
					shown = *p
				}
				shown.Examples = o.before(q, shown)
				p = &shown
			}
			if !yield(embedding.Text{Text: q.Text, Prompt: p}, nil) {
				return
			}
		}
	}
}

func queryPlace(queries []corpus.Query) func(i int) string {
	return func(i int) string { return queries[i].Place() }
}

// rowPrompt is the prompt of a query's own row where that is wanted, else nil. A row's prompt is data: what looks like
// an escape in it is none, and a placeholder is refused (corpus.CheckPrompts).
func rowPrompt(q corpus.Query, wanted bool, suffix string) *model.Prompt {
	if !wanted || q.Prompt == "" {
		return nil
	}
	return &model.Prompt{Name: "row", Template: prompt.Template(q.Prompt), Suffix: suffix}
}

// normalize brings rows to length 1, for models that compare by cosine without saying so in their vectors.
func normalize(rows []float32, dim int) {
	for row := range slices.Chunk(rows, dim) {
		var sum float64
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		if sum == 0 {
			continue
		}
		for j, v := range row {
			row[j] = float32(float64(v) / math.Sqrt(sum))
		}
	}
}
