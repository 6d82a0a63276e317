package pipeline

import (
	"io"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// keptHits is how many hits are kept of what an epoch ranks for a dev query: those that people look at, some 250 bytes a query.
// Nothing is mined from them, so they need not be as deep as candidates.
const keptHits = 30

// rankingDepth is the hits kept of what an epoch ranks: no more than evaluation looks at.
func (r *round) rankingDepth() int { return min(keptHits, r.evalDepth(r.data.corpus)) }

// keepRanking writes what an epoch ranks for the dev queries: the best hits, and score and rank of every positive.
func (r *round) keepRanking(epoch int, checkpoint rundir.Input, found []ranking.Candidates) error {
	depth := r.rankingDepth()
	h := candidates.Header{
		Split: string(rundir.Dev), Round: r.index, Epoch: &epoch,
		CorpusDigest: r.data.input("corpus").Digest, QueriesDigest: r.data.input(string(rundir.Dev)).Digest,
		ModelDigest: checkpoint.Digest, Identity: r.engine.Identity(),
		Depth: depth, Queries: len(found), Passages: r.data.corpus.Len(),
	}
	if epoch == 0 {
		h.ModelDigest = r.base.digest // its own directory holds no weights
	}
	return rundir.WriteFile(r.dir.FS, r.files.EpochRanking(rundir.Dev, epoch), func(w io.Writer) error {
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
