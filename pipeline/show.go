package pipeline

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// Sample is one mined query for people to look at. Ranks count from 1.
type Sample struct {
	Query     string
	Positive  SamplePassage // the best placed of several
	Negatives []SamplePassage
}

// SamplePassage is a passage of a Sample where the miner put it.
type SamplePassage struct {
	Text  string
	Rank  int
	Score float32
}

// show hands on what was mined for the queries that the caller wants to see, in the caller's order.
func (r *round) show(rows []minedRow) error {
	if r.set != nil || r.events.Mined == nil || !r.stages.Mine.Searches() {
		return nil
	}
	best := map[string]ranking.Positive{}
	err := r.eachCandidates(rundir.Train, func(_ int, c ranking.Candidates) error {
		best[c.Query] = c.Positives[0] // every query has one
		return nil
	})
	if err != nil {
		return err
	}
	passage := func(p int32, rank int32, score float32) SamplePassage {
		return SamplePassage{r.data.corpus.Passages[p].Full(), int(rank) + 1, score}
	}
	samples := make([]Sample, 0, len(r.events.Show))
	for _, key := range r.events.Show {
		i := slices.IndexFunc(rows, func(m minedRow) bool { return m.query.Key == key })
		if i < 0 {
			return fmt.Errorf("query %q is to be shown and is not in train", key)
		}
		right := best[key]
		s := Sample{Query: rows[i].query.Text, Positive: passage(right.Passage, right.Rank, right.Score)}
		for _, n := range rows[i].result.Negatives {
			s.Negatives = append(s.Negatives, passage(n.Passage, n.Rank, n.Score))
		}
		samples = append(samples, s)
	}
	r.events.Mined(r.index, samples)
	return nil
}
