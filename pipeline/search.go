package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/lexical"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/vectors"
)

// AlgorithmSearch rises with each of those that decide the candidates of so many sources.
func AlgorithmSearch(sources int) int {
	algorithm := search.Algorithm + lexical.Algorithm
	if sources > 1 {
		algorithm += fuse.Algorithm
	}
	return algorithm
}

// search keeps the top of the ranking of every train and dev query, with every positive's score and rank.
func (r *round) search(ctx context.Context) error {
	if !r.stages.Mine.Searches() {
		return nil
	}
	depth := r.depth()
	options := struct {
		Depth   int                 `json:"depth"`
		Sources []candidates.Source `json:"sources,omitempty"`
		Fusion  string              `json:"fusion,omitempty"`
	}{depth, r.searchedSources(), r.fusion()}
	var inputs []rundir.Input
	if r.stages.Mine.Embeds() {
		inputs = append(inputs, r.made(r.passageVectors()))
		for _, s := range r.mined() {
			inputs = append(inputs, r.made(r.files.QueryVectors(s)))
		}
	}
	for _, k := range r.rankers {
		for _, in := range k.made {
			if !slices.Contains(inputs, in) { // sources may share a file
				inputs = append(inputs, in)
			}
		}
	}
	inputs = append(inputs, r.minedInputs()...)
	inputs = append(inputs, r.promotions()...) // every positive's score and rank are kept
	var outputs []string
	for _, s := range r.mined() {
		outputs = append(outputs, r.files.Candidates(s))
	}
	stage := r.stage(StageSearch, AlgorithmSearch(len(r.rankers)), options, inputs...)
	return r.do(ctx, work{Stage: stage, outputs: outputs, run: func(ctx context.Context) error { return r.searchSplits(ctx, stage, depth) }})
}

// searchSplits searches for what an earlier run has not. No split's file gets its name before all are whole: the stage has one stamp.
func (r *round) searchSplits(ctx context.Context, of rundir.Stage, depth int) (err error) {
	var words *lexical.Index
	if slices.ContainsFunc(r.rankers, func(k ranker) bool { return k.Kind == recipe.BM25 }) {
		if words, err = lexical.NewIndex(r.data.corpus.Texts(), r.bm25()); err != nil {
			return inputErrorf("%s: %w", r.at("mine"), err)
		}
	}
	var all []*growing
	defer func() {
		for _, g := range all {
			err = errors.Join(err, g.file.Close())
		}
	}()
	for _, s := range r.mined() {
		g, err := r.growCandidates(of, s, depth)
		if err != nil {
			return err
		}
		all = append(all, g)
		if err := r.searchSplit(ctx, g, words, depth); err != nil {
			if ctx.Err() != nil {
				_, failed := g.file.MarkLast()
				err = errors.Join(err, failed)
			}
			return err
		}
		if err := g.file.Mark(); err != nil { // those of the next split may take long
			return err
		}
	}
	for _, g := range all {
		if err := g.finish(); err != nil {
			return err
		}
	}
	return nil
}

// depth is the recipe's, cut to the size of the corpus.
func (r *round) depth() int { return min(r.stages.Mine.Depth, r.data.corpus.Len()) }

// spanRanker hands on what one source keeps of the queries from first to end, which is none of them, in their order.
type spanRanker func(ctx context.Context, first, end int, keep func(query int, ranked ranking.Ranked)) error

// searchSplit ranks the queries of a split that are left by every source of the round, a span of them at a time.
func (r *round) searchSplit(ctx context.Context, g *growing, words *lexical.Index, depth int) (err error) {
	queries := r.data.queries[g.split]
	if g.ready == len(queries) {
		return nil
	}
	rankers, done, err := r.spanRankers(g.split, words, depth)
	defer func() { err = errors.Join(err, done()) }()
	if err != nil {
		return err
	}
	span := r.span(depth)
	for first := g.ready; first < len(queries); first += span {
		end := min(first+span, len(queries))
		ranked := make([][]ranking.Ranked, end-first)
		for _, rank := range rankers {
			if err := rank(ctx, first, end, func(query int, by ranking.Ranked) { ranked[query-first] = append(ranked[query-first], by) }); err != nil {
				return err
			}
		}
		for i, by := range ranked {
			q := queries[first+i]
			if err := g.out.Write(fuse.Candidates(q.Key, by, depth, r.data.corpus.Order(), q.Positives, r.stages.Mine.FuseOptions())); err != nil {
				return err
			}
		}
		if err := errors.Join(g.due(), ctx.Err()); err != nil {
			return err
		}
	}
	return nil
}

// span is how many queries are ranked by all sources before they are written.
func (r *round) span(depth int) int {
	return fuse.Span(r.options.SpanQueries, r.engine.Rest(r.resting), depth, len(r.rankers))
}

// spanRankers opens the sources of a round for a split; done closes them.
func (r *round) spanRankers(s rundir.Split, words *lexical.Index, depth int) (rankers []spanRanker, done func() error, err error) {
	byVectors := 0
	for _, k := range r.rankers {
		if k.Vectors() {
			byVectors++
		}
	}
	var open []func() error
	done = func() (err error) {
		for _, shut := range open {
			err = errors.Join(err, shut())
		}
		return err
	}
	for _, k := range r.rankers {
		switch k.Kind {
		case recipe.BM25:
			rankers = append(rankers, r.rankerByWords(s, words, byVectors == 0, depth))
		case recipe.GivenRun:
			kept, err := r.readRun(k.Source, s)
			if err != nil {
				return nil, done, r.sourceErrorf(k.Source, err)
			}
			r.tellRun(k.Source, s, kept)
			rankers = append(rankers, r.rankerByRun(s, kept.Ranked, byVectors == 0))
		default:
			v, err := r.openVectors(k, s)
			if err != nil {
				return nil, done, err
			}
			rankers = append(rankers, r.rankerByVectors(s, v, len(open), byVectors, depth))
			open = append(open, v.close)
		}
	}
	return rankers, done, nil
}

// rankerByRun hands on what is kept of a run.
func (r *round) rankerByRun(s rundir.Split, kept []ranking.Ranked, shows bool) spanRanker {
	return func(ctx context.Context, first, end int, keep func(int, ranking.Ranked)) error {
		for query := first; query < end; query++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			keep(query, kept[query])
			if shows {
				r.searched(s, query+1)
			}
		}
		return nil
	}
}

// rankerByWords ranks by words. It shows how far it has come where nothing ranks by vectors, which takes longer.
func (r *round) rankerByWords(s rundir.Split, words *lexical.Index, shows bool, depth int) spanRanker {
	return func(ctx context.Context, first, end int, keep func(int, ranking.Ranked)) error {
		query := func(i int) (string, []int32) {
			q := r.data.queries[s][first+i]
			return q.Text, q.Positives
		}
		return words.Search(ctx, end-first, query, depth, r.data.corpus.Order(), r.engine.Workers(), func(i int, kept ranking.Ranked) error {
			keep(first+i, kept)
			if shows {
				r.searched(s, first+i+1)
			}
			return nil
		})
	}
}

// rankerByVectors ranks by vectors, as the which-th of so many sources that do.
func (r *round) rankerByVectors(s rundir.Split, v mappedPair, which, sources, depth int) spanRanker {
	return func(ctx context.Context, first, end int, keep func(int, ranking.Ranked)) error {
		show := func(from, to, passages int) {
			r.searched(s, first+(which*(end-first)+from+(to-from)*passages/v.passages.Rows)/sources)
		}
		dim := v.queries.Dim
		return r.rank(ctx, r.data.queries[s][first:end], v.queries.Data[first*dim:end*dim], v.passages, r.data.corpus.Order(), depth, show,
			func(query int, c ranking.Candidates) error {
				keep(first+query, ranking.Ranked{Hits: c.Hits, Positives: c.Positives})
				return nil
			})
	}
}

// searched shows how many queries of a split have been searched for.
func (r *round) searched(s rundir.Split, done int) {
	r.progress(Progress{Round: r.index, Stage: r.label("search " + string(s)), Done: int64(done), Total: int64(len(r.data.queries[s])), Unit: "queries"})
}

func (r *round) bm25() lexical.Options {
	o := lexical.DefaultOptions()
	if r.stages.Mine.BM25K1 != nil {
		o.K1 = *r.stages.Mine.BM25K1
	}
	if r.stages.Mine.BM25B != nil {
		o.B = *r.stages.Mine.BM25B
	}
	return o
}

// fusion says how several sources become one; "" for one source.
func (r *round) fusion() string {
	if len(r.rankers) < 2 {
		return ""
	}
	return r.stages.Mine.FuseOptions().String()
}

func (r *round) candidatesHeader(s rundir.Split, depth int) candidates.Header {
	h := candidates.Header{
		Split: string(s), Round: r.index, Source: r.sourceName(),
		CorpusDigest: r.data.input("corpus").Digest, QueriesDigest: r.data.input(string(s)).Digest,
		Depth: depth, Queries: len(r.data.queries[s]), Passages: r.data.corpus.Len(), Sources: r.mineSources(), Fusion: r.fusion(),
	}
	if r.stages.Mine.Embeds() {
		h.ModelDigest, h.Identity = r.miner.digest, r.engine.Identity()
	}
	return h
}

// rank searches the corpus for queries and hands over what is kept of each, in order. Progress is search.Input's; it may be nil.
func (r *round) rank(ctx context.Context, queries []corpus.Query, queryVectors []float32, passages vectors.Matrix, order ranking.Order, depth int, progress func(first, last, passages int), sink func(int, ranking.Candidates) error) error {
	in := search.Input{
		Progress: progress,
		Queries:  queryVectors, Dim: passages.Dim, Passages: search.Rows(passages.Data, passages.Dim, search.BlockRows),
		Depth: depth, Order: order, Kernels: r.engine.Kernels(), Workers: r.engine.Workers(), Memory: r.engine.Rest(r.resting),
	}
	for _, q := range queries {
		in.Keys = append(in.Keys, q.Key)
		in.Positives = append(in.Positives, q.Positives)
	}
	return search.Exact(ctx, in, sink)
}

// readCandidates reads a split's candidates into memory.
func (r *round) readCandidates(ctx context.Context, s rundir.Split) ([]ranking.Candidates, error) {
	all := make([]ranking.Candidates, 0, len(r.data.queries[s]))
	err := r.eachCandidates(ctx, s, func(_ int, c ranking.Candidates) error {
		all = append(all, c)
		return nil
	})
	return all, err
}

// eachCandidates visits a split's candidates in the order of its queries, and checks that they are of this data. It ends between two
// queries with the context's error.
func (r *round) eachCandidates(ctx context.Context, s rundir.Split, visit func(query int, c ranking.Candidates) error) error {
	path := r.files.Candidates(s)
	f, err := r.dir.FS.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	file, err := candidates.NewReader(f, path)
	if err != nil {
		return err
	}
	if h := file.Header(); h.CorpusDigest != r.data.input("corpus").Digest || h.Queries != len(r.data.queries[s]) {
		return fmt.Errorf("%s: candidates of other data; run search again", path)
	}
	query := 0
	for c, err := range file.All() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if err := visit(query, c); err != nil {
			return err
		}
		query++
	}
	return nil
}

// indexCandidates finds single queries among a split's candidates.
func (r *round) indexCandidates(s rundir.Split) (*candidates.Index, error) {
	path := r.files.Candidates(s)
	info, err := r.dir.FS.Stat(path)
	if err != nil {
		return nil, err
	}
	return candidates.IndexOf(func() (io.ReadCloser, error) { return r.dir.FS.Open(path) }, info.Size(), path)
}
