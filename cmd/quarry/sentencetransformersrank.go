package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
)

// stRanked is what a query's candidates are chosen of: its best passages, and the scores of its positives in the order of
// its rows.
type stRanked struct {
	Hits      ranking.Ranking
	Positives []ranking.Positive
}

// width is how many candidates a query has there: the range, and room for the positives.
func (o *stMine) width() int { return o.mine.RangeMax + o.mostRows() }

// rank scores the corpus for every query: by a model, by given vectors or by a run.
func (o *stMine) rank(ctx context.Context, h *host) ([]stRanked, error) {
	switch {
	case o.args.given("run"):
		return o.ranksOfRun(h)
	case o.args.given("corpus-vectors"):
		return o.rankGiven(ctx, h)
	}
	return o.rankByModel(ctx, h)
}

// rankByModel embeds at f32, as is usual there, and brings vectors to length 1, as is done there for every model.
func (o *stMine) rankByModel(ctx context.Context, h *host) ([]stRanked, error) {
	embedder := ModelOptions{Model: o.args.text("model")}
	m, err := embedder.open(ctx, h)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	query, err := o.prompt(m, "query", m.Contract.Query)
	if err != nil {
		return nil, badInput(err)
	}
	passage, err := o.prompt(m, "corpus", m.Contract.Passage)
	if err != nil {
		return nil, badInput(err)
	}
	e, err := o.engine.open(h, m.Footprint())
	if err != nil {
		return nil, err
	}
	defer e.Close()
	x, err := embedding.New(m, e)
	if err != nil {
		return nil, badInputf("--model: %w", err)
	}
	unit := func(rows []float32) { normalize(rows, x.Dimension()) }
	passages, err := collect(ctx, h, x, job{
		label: "embed corpus", total: len(o.corpus), side: side{passage, m.Contract.MaxLength, ownLimit},
		texts: plainTexts(len(o.corpus), func(i int) string { return o.corpus[i] }), place: func(i int) string { return o.lines[i].String() },
	}, unit)
	if err != nil {
		return nil, h.raise(err, "the model's max_seq_length")
	}
	defer passages.Close()
	queries, err := collect(ctx, h, x, job{
		label: "embed queries", total: len(o.queries), side: side{query, m.Contract.MaxLength, ownLimit},
		texts: plainTexts(len(o.queries), func(i int) string { return o.queries[i].text }), place: func(i int) string { return o.queries[i].line.String() },
	}, unit)
	if err != nil {
		return nil, h.raise(err, "the model's max_seq_length")
	}
	defer queries.Close()
	return o.search(ctx, h, search.Input{
		Queries: queries.Matrix.Data, Dim: x.Dimension(), Passages: search.Rows(passages.Matrix.Data, x.Dimension(), search.BlockRows),
		Kernels: e.Kernels(), Workers: e.Workers(), Memory: e.Rest(0),
	})
}

// prompt is what stands before the texts of one kind: what is given, else the model's prompt of a name, else what the model
// puts before them.
func (o *stMine) prompt(m *model.Model, kind string, stored model.Prompt) (model.Prompt, error) {
	flag := kind + "_prompt"
	if o.args.given(flag) {
		text, err := prompt.Parse(o.args.text(flag))
		if err == nil && strings.Contains(string(text), "{}") {
			err = errors.New("a prompt stands before the text, and has no {} for it")
		}
		if err != nil {
			return stored, fmt.Errorf("--%s: %w", flag, err)
		}
		return model.Prompt{Name: kind, Template: text}, nil
	}
	if name := o.args.text(flag + "_name"); name != "" {
		named, err := m.Directory.NamedPrompt(name)
		if err != nil {
			err = fmt.Errorf("--%s_name: %w", flag, err)
		}
		return named, err
	}
	return stored, nil
}

// rankGiven takes vectors as they are: rows in the order of the different texts, as sentence-transformers' cache has them.
func (o *stMine) rankGiven(ctx context.Context, h *host) (found []stRanked, err error) {
	given := VectorOptions{CorpusVectors: o.args.text("corpus-vectors"), QueryVectors: o.args.text("query-vectors")}
	g, err := given.mapFiles()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	err = errors.Join(
		g.passages.CheckFinite(given.CorpusVectors), g.queries.CheckFinite(given.QueryVectors),
		g.passages.CheckRows(given.CorpusVectors, len(o.corpus)), g.queries.CheckRows(given.QueryVectors, len(o.queries)))
	if err == nil && g.passages.Dim != g.queries.Dim {
		err = fmt.Errorf("%s has rows of %d, %s rows of %d: they are not of one model", given.CorpusVectors, g.passages.Dim, given.QueryVectors, g.queries.Dim)
	}
	if err != nil {
		return nil, badInput(err)
	}
	kernels, err := kernel.New(o.engine.path(h.machine))
	if err != nil {
		return nil, badInput(err)
	}
	return o.search(ctx, h, search.Input{
		Queries: g.queries.Data, Dim: g.queries.Dim, Passages: search.Rows(g.passages.Data, g.passages.Dim, search.BlockRows),
		Kernels: kernels, Workers: firstPositive(o.engine.Workers, h.machine.workers()), Memory: o.engine.memory(h, model.Footprint{}),
	})
}

func (o *stMine) search(ctx context.Context, h *host, in search.Input) ([]stRanked, error) {
	in.Depth = min(o.width(), len(o.corpus))
	for _, q := range o.queries {
		in.Positives = append(in.Positives, q.positives)
	}
	found := make([]stRanked, len(o.queries))
	err := search.Exact(ctx, in, func(i int, c ranking.Candidates) error {
		h.progress(progress{Label: "search", Done: int64(i + 1), Total: int64(len(o.queries)), Unit: "queries"})
		found[i] = stRanked{c.Hits, inOrder(c.Positives, o.queries[i].positives)}
		return nil
	})
	return found, err
}

// inOrder puts positives in the order of a query's rows.
func inOrder(positives []ranking.Positive, rows []int32) []ranking.Positive {
	slices.SortFunc(positives, func(a, b ranking.Positive) int {
		return cmp.Compare(slices.Index(rows, a.Passage), slices.Index(rows, b.Passage))
	})
	return positives
}

// ranksOfRun takes the scores of a TREC run, in which queries and passages are called by their places among the different
// texts, counted from 0. It has to hold every positive, and the best candidates of every query.
func (o *stMine) ranksOfRun(h *host) ([]stRanked, error) {
	path := o.args.text("run")
	found := make([]stRanked, len(o.queries))
	err := readInput(h, "run", path, func(r io.Reader) error {
		run, err := trec.ReadRun(r, path)
		if err != nil {
			return err
		}
		for _, q := range run.Queries {
			i, ok := placeIn(q.Query, len(o.queries))
			if !ok {
				return fmt.Errorf("%s: query %q: want the place of one of the %d different queries, counted from 0", path, q.Query, len(o.queries))
			}
			hits, err := q.Ranking(func(document string) (int32, bool) {
				p, ok := placeIn(document, len(o.corpus))
				return int32(p), ok
			})
			if err != nil {
				return err
			}
			slices.SortStableFunc(hits, func(a, b ranking.Hit) int { return cmp.Compare(b.Score, a.Score) })
			kept := hits.Keep(o.width(), o.queries[i].positives)
			found[i] = stRanked{kept.Hits, inOrder(kept.Positives, o.queries[i].positives)}
		}
		for i, f := range found {
			if want := min(o.width(), len(o.corpus)); len(f.Hits) < want {
				return fmt.Errorf("%s: query %d has %d passages, and the range needs the best %d", path, i, len(f.Hits), want)
			}
			for _, p := range f.Positives {
				if p.Rank < 0 {
					return fmt.Errorf("%s: query %d: the run does not hold passage %d, which is a positive of it", path, i, p.Passage)
				}
			}
		}
		return nil
	})
	return found, err
}

// placeIn reads a place below n.
func placeIn(text string, n int) (int, bool) {
	i, err := strconv.Atoi(text)
	return i, err == nil && i >= 0 && i < n
}
