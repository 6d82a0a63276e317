package main

import (
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
	given, err := o.Given.given()
	if err != nil {
		return err
	}
	if given {
		v, err := o.Given.open(h, d)
		if err != nil {
			return err
		}
		kernels, err := kernel.New(o.Engine.path(h.machine))
		if err != nil {
			return errors.Join(badInput(err), v.close())
		}
		in := rankInput{v.passages.Matrix, v.queries.Matrix, depth, kernels, o.workers(h), o.Engine.memory(h, model.Footprint{})}
		err = rankVectors(ctx, h, d, in, func(query int, c ranking.Candidates) error { return asFailure(sink(query, c)) })
		return errors.Join(inputUnlessFailure(err), v.close()) // what search refuses is in the vectors
	}
	m, err := o.Model.open(ctx, h)
	if err != nil {
		return err
	}
	defer m.Close()
	o.Engine.weights = o.Model.Weights
	e, err := o.Engine.open(h, m.Footprint())
	if err != nil {
		return err
	}
	defer e.Close()
	err = o.rankModel(ctx, h, d, modelOn{model: m, engine: e, depth: depth}, sink)
	return h.raise(err, "--max-length")
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

// rankModel embeds corpus and queries and searches.
func (o RankOptions) rankModel(ctx context.Context, h *host, d data, on modelOn, sink func(int, ranking.Candidates) error) error {
	query, passage, err := o.Texts.sides(on.model)
	if err != nil {
		return err
	}
	if o.Texts.PromptFromRow {
		if err := corpus.CheckPrompts(d.queries, o.Data.Queries); err != nil {
			return badInput(err)
		}
	}
	x, err := embedding.New(on.model, on.engine)
	if err != nil {
		return badInputf("--model: %w", err)
	}
	var finish func(rows []float32) // before they are kept
	if c := on.model.Contract; c.Score == model.Cosine && !c.Normalize {
		finish = func(rows []float32) { normalize(rows, x.Dimension()) }
	}
	passages, err := collect(ctx, h, x, job{"embed corpus", d.corpus.Len(), passage, passageTexts(d.corpus), passagePlace(d.corpus), on.taken}, finish)
	if err != nil {
		return err
	}
	queries, err := collect(ctx, h, x, job{"embed queries", len(d.queries), query, queryTexts(d.queries, o.Texts.PromptFromRow, query.prompt.Suffix), queryPlace(d.queries), on.taken}, finish)
	if err != nil {
		return errors.Join(err, passages.Close())
	}
	err = rankVectors(ctx, h, d, rankInput{passages.Matrix, queries.Matrix, on.depth, on.engine.Kernels(), on.engine.Workers(), on.engine.Rest(on.taken)}, sink)
	return errors.Join(err, passages.Close(), queries.Close())
}

// rankInput is vectors to search in.
type rankInput struct {
	passages, queries vectors.Matrix
	depth             int
	kernels           *kernel.Set
	workers           int
	memory            int64 // bytes that the search may take; 0 is no limit
}

// searchRows is the passages of a block of a search.
const searchRows = 1024

func rankVectors(ctx context.Context, h *host, d data, in rankInput, sink func(int, ranking.Candidates) error) error {
	s := search.Input{
		Queries: in.queries.Data, Dim: in.queries.Dim, Passages: search.Rows(in.passages.Data, in.passages.Dim, searchRows),
		Depth: min(in.depth, in.passages.Rows), Order: d.corpus.Order(), Kernels: in.kernels, Workers: in.workers, Memory: in.memory,
	}
	for _, q := range d.queries {
		s.Keys = append(s.Keys, q.Key)
		s.Positives = append(s.Positives, q.Positives)
	}
	return search.Exact(ctx, s, func(query int, c ranking.Candidates) error {
		h.progress(progress{Label: "search", Done: int64(query + 1), Total: int64(len(d.queries)), Unit: "queries"})
		return sink(query, c)
	})
}

func passageTexts(c *corpus.Corpus) func(yield func(embedding.Text, error) bool) {
	return func(yield func(embedding.Text, error) bool) {
		for _, p := range c.Passages {
			if !yield(embedding.Text{Text: p.Full()}, nil) {
				return
			}
		}
	}
}

func passagePlace(c *corpus.Corpus) func(i int) string {
	return func(i int) string { return c.Place(int32(i)) }
}

func queryTexts(queries []corpus.Query, fromRow bool, suffix string) func(yield func(embedding.Text, error) bool) {
	return func(yield func(embedding.Text, error) bool) {
		for _, q := range queries {
			if !yield(embedding.Text{Text: q.Text, Prompt: rowPrompt(q, fromRow, suffix)}, nil) {
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
