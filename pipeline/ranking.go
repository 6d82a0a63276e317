package pipeline

import (
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// keptHits is how many hits are kept of what an epoch ranks for a query: those that people look at, some 250 bytes a query.
// Nothing is mined from them, so they need not be as deep as candidates.
const keptHits = 30

// rankingDepth is the hits kept of what an epoch ranks of a corpus: no more than evaluation looks at.
func (r *round) rankingDepth(c *corpus.Corpus) int { return min(keptHits, r.evalDepth(c)) }

// rankingBytes is what the rankings of a round's epochs take on the disk: of the base and of every epoch, on test of the base and
// of the chosen one.
func (r *round) rankingBytes(epochs int) int64 {
	of := func(set evalSet, rankings int) int64 {
		return int64(8*r.rankingDepth(set.corpus)*len(set.queries)) * int64(rankings)
	}
	bytes := of(r.data.set(rundir.Dev), epochs+1) + of(r.data.set(rundir.Test), 2)
	for _, set := range r.data.also {
		bytes += of(set, epochs+1)
	}
	return bytes
}

// keepRanking writes what an epoch ranks for the queries of a set: the best hits, and score and rank of every positive.
func (r *round) keepRanking(set evalSet, epoch int, checkpoint rundir.Input, found []ranking.Candidates) error {
	depth := r.rankingDepth(set.corpus)
	h := candidates.Header{
		Split: string(set.split), Round: r.index, Epoch: &epoch,
		CorpusDigest: r.data.input(set.role).Digest, QueriesDigest: r.data.input(string(set.split)).Digest,
		ModelDigest: checkpoint.Digest, Identity: r.engine.Identity(),
		Depth: depth, Queries: len(found), Passages: set.corpus.Len(),
	}
	if epoch == 0 {
		h.ModelDigest = r.base.digest // its own directory holds no weights
	}
	return rundir.WriteFile(r.dir.FS, r.files.EpochRanking(set.split, epoch), func(w io.Writer) error {
		out, err := candidates.NewWriter(w, h)
		if err != nil {
			return err
		}
		for _, c := range found {
			c.Hits = c.Hits[:min(depth, len(c.Hits))]
			if err := out.Write(c); err != nil {
				return err
			}
		}
		return out.Close()
	})
}
