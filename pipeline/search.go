package pipeline

import (
	"context"
	"fmt"
	"io"
	"iter"

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

// algorithmSearch is raised when the same vectors give other candidates.
const algorithmSearch = 2

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
	}{depth, r.mineSources(), r.fusion()}
	var inputs []rundir.Input
	if r.stages.Mine.Embeds() {
		inputs = append(inputs, r.made(r.passageVectors()))
		for _, s := range r.mined() {
			inputs = append(inputs, r.made(r.files.QueryVectors(s)))
		}
	}
	inputs = append(inputs, r.minedInputs()...)
	inputs = append(inputs, r.promotions()...) // every positive's score and rank are kept
	var outputs []string
	for _, s := range r.mined() {
		outputs = append(outputs, r.files.Candidates(s))
	}
	return r.do(ctx, work{Stage: r.stage(StageSearch, algorithmSearch, options, inputs...), outputs: outputs, run: func(ctx context.Context) error {
		var passages *vectors.Mapped
		var words *lexical.Index
		var err error
		if r.stages.Mine.Embeds() {
			if passages, err = vectors.OpenNPY(r.passageVectors()); err != nil {
				return err
			}
			defer passages.Close()
		}
		if r.stages.Mine.Source != recipe.Dense {
			if words, err = lexical.NewIndex(r.passageTexts(), r.bm25()); err != nil {
				return inputErrorf("%s: %w", r.at("mine"), err)
			}
		}
		for _, s := range r.mined() {
			if err := r.searchSplit(ctx, s, passages, words, depth); err != nil {
				return err
			}
		}
		return nil
	}})
}

// depth is the recipe's, cut to the size of the corpus.
func (r *round) depth() int { return min(r.stages.Mine.Depth, r.data.corpus.Len()) }

// searchSplit ranks by vectors, by words, or by both where both are there.
func (r *round) searchSplit(ctx context.Context, s rundir.Split, passages *vectors.Mapped, words *lexical.Index, depth int) error {
	return rundir.WriteFile(r.dir.FS, r.files.Candidates(s), func(w io.Writer) error {
		out, err := candidates.NewWriter(w, r.candidatesHeader(s, depth))
		if err != nil {
			return err
		}
		queries := r.data.queries[s]
		sink := func(query int, c ranking.Candidates) error {
			r.progress(Progress{Round: r.index, Stage: r.label("search " + string(s)), Done: int64(query + 1), Total: int64(len(queries)), Unit: "queries"})
			return out.Write(r.withWords(queries[query], c, words, depth))
		}
		if passages == nil {
			err = r.eachQuery(ctx, queries, sink)
		} else {
			err = r.rankSplit(ctx, s, passages, depth, sink)
		}
		if err != nil {
			return err
		}
		return out.Close()
	})
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

func (r *round) rankSplit(ctx context.Context, s rundir.Split, passages *vectors.Mapped, depth int, sink func(int, ranking.Candidates) error) error {
	queries, err := vectors.OpenNPY(r.files.QueryVectors(s))
	if err != nil {
		return err
	}
	defer queries.Close()
	return r.rank(ctx, r.data.queries[s], queries.Data, passages.Matrix, r.data.corpus.Order(), depth, sink)
}

// withWords adds BM25's ranking to a query's candidates, or takes it for them; a nil index leaves them as they are.
func (r *round) withWords(q corpus.Query, c ranking.Candidates, words *lexical.Index, depth int) ranking.Candidates {
	if words == nil {
		return c
	}
	order := r.data.corpus.Order()
	whole := words.Search(q.Text, depth, order, q.Positives)
	if r.stages.Mine.Source == recipe.Fused {
		c.Sources = []ranking.Ranked{{Hits: c.Hits, Positives: c.Positives}, whole}
		whole = fuse.Fuse(c.Sources, depth, order, q.Positives, r.fuseOptions())
	}
	c.Hits, c.Positives = whole.Hits, whole.Positives
	return c
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

func (r *round) fuseOptions() fuse.Options {
	o := fuse.DefaultOptions()
	if r.stages.Mine.Fuse != "" {
		o.Method = fuse.Method(r.stages.Mine.Fuse)
	}
	o.Weights = r.stages.Mine.FuseWeights
	return o
}

// fusion says how several sources become one; "" for one source.
func (r *round) fusion() string {
	if r.stages.Mine.Source != recipe.Fused {
		return ""
	}
	return r.fuseOptions().String()
}

// mineSources are what ranks, where it is not the miner alone.
func (r *round) mineSources() []candidates.Source {
	words := candidates.Source{Name: recipe.BM25, Kind: recipe.BM25, Parameters: r.bm25().String()}
	switch r.stages.Mine.Source {
	case recipe.BM25:
		return []candidates.Source{words}
	case recipe.Fused:
		return []candidates.Source{{Name: recipe.Dense, Kind: recipe.Dense, ModelDigest: r.miner.digest, Identity: r.engine.Identity()}, words}
	}
	return nil
}

func (r *round) candidatesHeader(s rundir.Split, depth int) candidates.Header {
	h := candidates.Header{
		Split: string(s), Round: r.index, Source: r.stages.Mine.Source,
		CorpusDigest: r.data.input("corpus").Digest, QueriesDigest: r.data.input(string(s)).Digest,
		Depth: depth, Queries: len(r.data.queries[s]), Passages: r.data.corpus.Len(), Sources: r.mineSources(), Fusion: r.fusion(),
	}
	if r.stages.Mine.Embeds() {
		h.ModelDigest, h.Identity = r.miner.digest, r.engine.Identity()
	}
	return h
}

// rank searches the corpus for queries and hands over what is kept of each, in order.
func (r *round) rank(ctx context.Context, queries []corpus.Query, queryVectors []float32, passages vectors.Matrix, order ranking.Order, depth int, sink func(int, ranking.Candidates) error) error {
	in := search.Input{
		Queries: queryVectors, Dim: passages.Dim, Passages: search.Rows(passages.Data, passages.Dim, searchRows),
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
