package tinyrun

import (
	"encoding/json"
	"io"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// search ranks the corpus for the queries of a part as the miner of a round does: the base in round 0, then the result of the
// round before.
func (r *Run) search(round int, p part) []ranking.Candidates {
	if round == 0 {
		return r.searchBy(0, 0, p)
	}
	return r.searchBy(round-1, r.options.Epochs, p)
}

// searchBy ranks by drawn scores, which put positives higher with every epoch; the base of every round is the same.
func (r *Run) searchBy(round, epoch int, p part) []ranking.Candidates {
	rise := 0.0
	if epoch > 0 {
		rise = r.options.Rise * (float64(round) + float64(epoch)/float64(r.options.Epochs))
	}
	miner := 0 // whose draws the scores are
	if epoch > 0 {
		miner = round + 1
	}
	s := p.name
	order := r.corpus(p.prefix).Order()
	var all []ranking.Candidates
	for q := range r.count(s) {
		hits := make(ranking.Ranking, r.options.Passages)
		for i := range hits {
			score := draw(r.options.Seed, miner, string(s), q, i)
			if i == r.positive(s, q) {
				score = 0.55 + rise + score/4
			}
			hits[i] = ranking.Hit{Passage: int32(i), Score: float32(score)}
		}
		order.Sort(hits)
		c := ranking.Candidates{Query: r.Key(s, q), Hits: hits[:min(r.options.Depth, len(hits))]}
		for rank, h := range hits {
			if int(h.Passage) == r.positive(s, q) {
				c.Positives = append(c.Positives, ranking.Positive{Passage: h.Passage, Score: h.Score, Rank: int32(rank)})
			}
		}
		all = append(all, c)
	}
	return all
}

func (r *Run) writeCandidates(d *rundir.Dir, round int, p part, found []ranking.Candidates) error {
	return r.writeRanking(d, p.files(d, round).Candidates(p.split), round, p, nil, found)
}

// fuse puts another ranking beside the miner's, which scores from 0 to 10 and is the same in every round, and makes one of both.
func (r *Run) fuse(found []ranking.Candidates, p part) {
	order := r.corpus(p.prefix).Order()
	for q, c := range found {
		words := make([]ranking.Hit, 0, r.options.Passages)
		for i := range r.options.Passages {
			if score := draw(r.options.Seed, -1, string(p.name), q, i); score > 0.25 { // the others share no word with the query
				words = append(words, ranking.Hit{Passage: int32(i), Score: float32(10 * score)})
			}
		}
		positives := []int32{int32(r.positive(p.name, q))}
		c.Sources = []ranking.Ranked{{Hits: c.Hits, Positives: c.Positives}, ranking.Partial(words, r.options.Depth, order, positives)}
		whole := fuse.Fuse(c.Sources, r.options.Depth, order, positives, fuse.DefaultOptions())
		c.Hits, c.Positives = whole.Hits, whole.Positives
		found[q] = c
	}
}

// writeRanking writes what a miner ranks, or, with its number, an epoch.
func (r *Run) writeRanking(d *rundir.Dir, file string, round int, p part, epoch *int, found []ranking.Candidates) error {
	return rundir.WriteFile(d.FS, file, func(w io.Writer) error {
		h := candidates.Header{
			Split: string(p.split), Round: round, CorpusDigest: r.digest(p.corpus), QueriesDigest: r.digest(p.queries), ModelDigest: "m", Epoch: epoch, Depth: r.options.Depth, Queries: len(found), Passages: r.options.Passages,
		}
		if r.options.Fused && epoch == nil {
			h.Source, h.Fusion = "fused", fuse.DefaultOptions().String()
			h.Sources = []candidates.Source{{Name: "dense", Kind: "dense", ModelDigest: "m"}, {Name: "bm25", Kind: "bm25", Parameters: "k1 1.5, b 0.75"}}
		}
		out, err := candidates.NewWriter(w, h)
		if err != nil {
			return err
		}
		for _, c := range found {
			if err := out.Write(c); err != nil {
				return err
			}
		}
		return out.Close()
	})
}

func (r *Run) writeNegatives(d *rundir.Dir, round int, p part, found []ranking.Candidates) error {
	s := p.name
	return rundir.WriteFile(d.FS, p.files(d, round).Negatives(p.split), func(w io.Writer) error {
		out := flagembedding.NewWriter(w, flagembedding.WriterOptions{})
		for q, c := range found {
			score := c.Positives[0].Score
			m := provenance.Row{Key: c.Query, Source: "dense", Round: round, Positives: []string{r.PassageID(p.prefix, int(c.Positives[0].Passage))}, PositiveScore: &score}
			var texts []string
			for rank, h := range c.Hits {
				if h.Passage != c.Positives[0].Passage && len(m.Negatives) < Negatives {
					rank, score := int32(rank), h.Score
					m.Negatives = append(m.Negatives, provenance.Negative{ID: r.PassageID(p.prefix, int(h.Passage)), Rank: &rank, Score: &score})
					texts = append(texts, p.prefix+r.passage(int(h.Passage)))
				}
			}
			row := flagembedding.NewRow(r.query(s, q), []string{p.prefix + r.passage(r.positive(s, q))})
			row.SetNeg(texts)
			side, err := json.Marshal(m)
			if err != nil {
				return err
			}
			if err := row.Set(provenance.Key, side); err != nil {
				return err
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}
