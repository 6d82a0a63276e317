package pipeline

import (
	"context"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
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
	if r.stages.Mine.Source != recipe.Dense {
		return nil
	}
	depth := r.depth()
	options := struct {
		Depth int `json:"depth"`
	}{depth}
	stage := r.stage(StageSearch, algorithmSearch, options, r.made(r.files.PassageVectors()), r.made(r.files.QueryVectors(rundir.Train)), r.made(r.files.QueryVectors(rundir.Dev)), r.data.input("corpus"), r.data.input("train"), r.data.input("dev"))
	outputs := []string{r.files.Candidates(rundir.Train), r.files.Candidates(rundir.Dev)}
	return r.do(ctx, work{Stage: stage, outputs: outputs, run: func(ctx context.Context) error {
		passages, err := vectors.OpenNPY(r.files.PassageVectors())
		if err != nil {
			return err
		}
		defer passages.Close()
		for _, s := range minedSplits {
			if err := r.searchSplit(ctx, s, passages.Matrix, depth); err != nil {
				return err
			}
		}
		return nil
	}})
}

// depth is the recipe's, cut to the size of the corpus.
func (r *round) depth() int { return min(r.stages.Mine.Depth, r.data.corpus.Len()) }

func (r *round) searchSplit(ctx context.Context, s rundir.Split, passages vectors.Matrix, depth int) error {
	queries, err := vectors.OpenNPY(r.files.QueryVectors(s))
	if err != nil {
		return err
	}
	defer queries.Close()
	return rundir.WriteFile(r.dir.FS, r.files.Candidates(s), func(w io.Writer) error {
		out, err := candidates.NewWriter(w, r.candidatesHeader(s, depth))
		if err != nil {
			return err
		}
		total := int64(len(r.data.queries[s]))
		err = r.rank(ctx, r.data.queries[s], queries.Data, passages, depth, func(query int, c ranking.Candidates) error {
			r.progress(Progress{Round: r.index, Stage: "search " + string(s), Done: int64(query + 1), Total: total, Unit: "queries"})
			return out.Write(c)
		})
		if err != nil {
			return err
		}
		return out.Close()
	})
}

func (r *round) candidatesHeader(s rundir.Split, depth int) candidates.Header {
	return candidates.Header{
		Split: string(s), Round: r.index, Source: recipe.Dense,
		CorpusDigest: r.data.input("corpus").Digest, QueriesDigest: r.data.input(string(s)).Digest, ModelDigest: r.miner.digest,
		Identity: r.engine.Identity(), Depth: depth, Queries: len(r.data.queries[s]), Passages: r.data.corpus.Len(),
	}
}

// rank searches the corpus for queries and hands over what is kept of each, in order.
func (r *round) rank(ctx context.Context, queries []corpus.Query, queryVectors []float32, passages vectors.Matrix, depth int, sink func(int, ranking.Candidates) error) error {
	in := search.Input{
		Queries: queryVectors, Dim: passages.Dim, Passages: search.Rows(passages.Data, passages.Dim, searchRows),
		Depth: depth, Order: r.data.corpus.Order(), Kernels: r.engine.Kernels(), Workers: r.engine.Workers(), Memory: r.engine.Rest(r.resting),
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
