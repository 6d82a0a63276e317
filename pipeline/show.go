package pipeline

import (
	"context"
	"fmt"

	"github.com/quarry-ml/quarry/mine"
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
	Rank  int // 0 where nothing ranks it
	Score float32
}

// samples are the mined rows that the caller wants to see, by query key; the first of several.
type samples map[string]*minedSample

// minedSample is what a Sample needs of a row.
type minedSample struct {
	query     string
	negatives []mine.Negative
}

// newSamples is empty for each query that the caller wants to see; nil where nobody does.
func (r *round) newSamples() *samples {
	if r.set != nil || r.events.Mined == nil || !r.stages.Mine.Searches() {
		return nil
	}
	s := samples{}
	for _, key := range r.events.Show {
		s[key] = nil
	}
	return &s
}

func (s *samples) add(m minedRow) {
	if s == nil {
		return
	}
	if was, wanted := (*s)[m.query.Key]; wanted && was == nil {
		(*s)[m.query.Key] = &minedSample{m.query.Text, m.result.Negatives}
	}
}

// show hands on what was mined for the queries that the caller wants to see, in the caller's order.
func (r *round) show(ctx context.Context, mined *samples) error {
	if mined == nil {
		return nil
	}
	best := map[string]ranking.Positive{}
	err := r.eachCandidates(ctx, rundir.Train, func(_ int, c ranking.Candidates) error {
		if _, wanted := (*mined)[c.Query]; wanted {
			best[c.Query] = c.Positives[0] // every query has one
		}
		return nil
	})
	if err != nil {
		return err
	}
	passage := func(p int32, rank int32, score float32) SamplePassage {
		return SamplePassage{r.data.corpus.Passages[p].Full(), int(rank) + 1, score}
	}
	all := make([]Sample, 0, len(r.events.Show))
	for _, key := range r.events.Show {
		row := (*mined)[key]
		if row == nil {
			return fmt.Errorf("query %q is to be shown and is not in train", key)
		}
		right := best[key]
		s := Sample{Query: row.query, Positive: passage(right.Passage, right.Rank, right.Score)}
		for _, n := range row.negatives {
			s.Negatives = append(s.Negatives, passage(n.Passage, n.Rank, n.Score))
		}
		all = append(all, s)
	}
	r.events.Mined(r.index, all)
	return nil
}
