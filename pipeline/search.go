package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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

// algorithmSearch rises with each of those that decide candidates.
const algorithmSearch = search.Algorithm + lexical.Algorithm + fuse.Algorithm

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
	return r.do(ctx, work{Stage: r.stage(StageSearch, algorithmSearch, options, inputs...), outputs: outputs, run: func(ctx context.Context) error {
		var words *lexical.Index
		if slices.ContainsFunc(r.rankers, func(k ranker) bool { return k.Kind == recipe.BM25 }) {
			var err error
			if words, err = lexical.NewIndex(r.passageTexts(), r.bm25()); err != nil {
				return inputErrorf("%s: %w", r.at("mine"), err)
			}
		}
		for _, s := range r.mined() {
			if err := r.searchSplit(ctx, s, words, depth); err != nil {
				return err
			}
		}
		return nil
	}})
}

// depth is the recipe's, cut to the size of the corpus.
func (r *round) depth() int { return min(r.stages.Mine.Depth, r.data.corpus.Len()) }

// part is what one source keeps of queries, which are asked for in their order.
type part func(query int, q corpus.Query) (ranking.Ranked, error)

// searchSplit ranks a split's queries by every source of the round. The last that ranks by vectors is searched query by query as
// candidates are written; what others keep by vectors lies in temporary files till then.
func (r *round) searchSplit(ctx context.Context, s rundir.Split, words *lexical.Index, depth int) (err error) {
	queries, parts, last := r.data.queries[s], make([]part, len(r.rankers)), -1
	for i, k := range r.rankers {
		if k.Vectors() {
			last = i
		}
	}
	for i, k := range r.rankers {
		done := func() error { return nil }
		switch {
		case k.Kind == recipe.BM25:
			parts[i] = func(_ int, q corpus.Query) (ranking.Ranked, error) {
				return words.Search(q.Text, depth, r.data.corpus.Order(), q.Positives), nil
			}
		case k.Kind == recipe.GivenRun:
			kept, err := r.readRun(k.Source, s)
			if err != nil {
				return r.sourceErrorf(k.Source, err)
			}
			r.tellRun(k.Source, s, kept)
			parts[i] = func(query int, _ corpus.Query) (ranking.Ranked, error) { return kept.Ranked[query], nil }
		case i != last:
			if parts[i], done, err = r.putBy(ctx, i, s, depth); err != nil {
				return err
			}
		}
		defer func() { err = errors.Join(err, done()) }()
	}
	return rundir.WriteFile(r.dir.FS, r.files.Candidates(s), func(w io.Writer) error {
		out, err := candidates.NewWriter(w, r.candidatesHeader(s, depth))
		if err != nil {
			return err
		}
		label := "search " + string(s)
		sink := func(query int, c ranking.Candidates) error {
			if last < 0 {
				r.searched(label, query+1, len(queries))
			}
			ranked := make([]ranking.Ranked, len(parts))
			for i, part := range parts {
				if i == last {
					ranked[i] = ranking.Ranked{Hits: c.Hits, Positives: c.Positives}
					continue
				}
				var err error
				if ranked[i], err = part(query, queries[query]); err != nil {
					return err
				}
			}
			return out.Write(r.together(queries[query], ranked, depth))
		}
		if last < 0 {
			err = r.eachQuery(ctx, queries, sink)
		} else {
			err = r.rankSplit(ctx, s, r.rankers[last], depth, label, sink)
		}
		if err != nil {
			return err
		}
		return out.Close()
	})
}

// together makes one ranking of a query's, with each beside it where there are several.
func (r *round) together(q corpus.Query, ranked []ranking.Ranked, depth int) ranking.Candidates {
	c, whole := ranking.Candidates{Query: q.Key}, ranked[0]
	if len(ranked) > 1 {
		c.Sources = ranked
		whole = fuse.Fuse(ranked, depth, r.data.corpus.Order(), q.Positives, r.stages.Mine.FuseOptions())
	}
	c.Hits, c.Positives = whole.Hits, whole.Positives
	return c
}

// putBy searches by a source's vectors into a temporary file, which goes with done, and hands on what it has of each query.
func (r *round) putBy(ctx context.Context, source int, s rundir.Split, depth int) (_ part, done func() error, err error) {
	k := r.rankers[source]
	header := r.candidatesHeader(s, depth)
	header.Sources, header.Fusion = nil, ""
	name, err := rundir.WriteTemporary(r.dir.FS, fmt.Sprintf("%s.part-%d", r.files.Candidates(s), source), func(w io.Writer) error {
		out, err := candidates.NewWriter(w, header)
		if err != nil {
			return err
		}
		err = r.rankSplit(ctx, s, k, depth, fmt.Sprintf("search %s by %s", s, k.Name()), func(_ int, c ranking.Candidates) error { return out.Write(c) })
		if err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		return nil, nil, err
	}
	f, err := r.dir.FS.Open(name)
	if err != nil {
		return nil, nil, errors.Join(err, r.dir.FS.Remove(name))
	}
	done = func() error { return errors.Join(f.Close(), r.dir.FS.Remove(name)) }
	in, err := candidates.NewReader(f, name)
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return func(int, corpus.Query) (ranking.Ranked, error) {
		c, err := in.Next()
		return ranking.Ranked{Hits: c.Hits, Positives: c.Positives}, err
	}, done, nil
}

// eachQuery hands on queries that nothing has ranked yet.
func (r *round) eachQuery(ctx context.Context, queries []corpus.Query, sink func(int, ranking.Candidates) error) error {
	for i, q := range queries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := sink(i, ranking.Candidates{Query: q.Key}); err != nil {
			return err
		}
	}
	return nil
}

// searched shows how many queries of so many have been searched for.
func (r *round) searched(label string, done, queries int) {
	r.progress(Progress{Round: r.index, Stage: r.label(label), Done: int64(done), Total: int64(queries), Unit: "queries"})
}

// rankSplit ranks a split by the vectors of a source; the label is of its progress.
func (r *round) rankSplit(ctx context.Context, s rundir.Split, k ranker, depth int, label string, sink func(int, ranking.Candidates) error) (err error) {
	v, err := r.openVectors(k, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	queries := r.data.queries[s]
	show := func(first, last, passages int) {
		r.searched(label, first+(last-first)*passages/v.passages.Rows, len(queries))
	}
	return r.rank(ctx, queries, v.queries.Data, v.passages, r.data.corpus.Order(), depth, show, sink)
}

func (r *round) passageTexts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, p := range r.data.corpus.Passages {
			if !yield(p.Full()) {
				return
			}
		}
	}
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
		Queries:  queryVectors, Dim: passages.Dim, Passages: search.Rows(passages.Data, passages.Dim, searchRows),
		Depth: depth, Order: order, Kernels: r.engine.Kernels(), Workers: r.engine.Workers(), Memory: r.engine.Rest(r.resting),
	}
	for _, q := range queries {
		in.Keys = append(in.Keys, q.Key)
		in.Positives = append(in.Positives, q.Positives)
	}
	return search.Exact(ctx, in, sink)
}

// searchRows is the passages of a block of a search.
const searchRows = 1024

// readCandidates reads a split's candidates into memory.
func (r *round) readCandidates(s rundir.Split) ([]ranking.Candidates, error) {
	all := make([]ranking.Candidates, 0, len(r.data.queries[s]))
	err := r.eachCandidates(s, func(_ int, c ranking.Candidates) error {
		all = append(all, c)
		return nil
	})
	return all, err
}

// eachCandidates visits a split's candidates in the order of its queries, and checks that they are of this data.
func (r *round) eachCandidates(s rundir.Split, visit func(query int, c ranking.Candidates) error) error {
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
		if err != nil {
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
