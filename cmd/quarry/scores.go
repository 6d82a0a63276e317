package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/stats"
)

// evalDepth is how deep rankings must go for measures; a measure without a cutoff sees the whole ranking.
func evalDepth(measures []eval.Measure) int {
	depth := 100
	for _, m := range measures {
		if m.K == 0 {
			return wholeCorpus
		}
		depth = max(depth, m.K)
	}
	return depth
}

// wholeCorpus is a depth beyond any corpus: passages are numbered by int32.
const wholeCorpus = 1<<31 - 1

// score scores the rankings of all queries.
func score(d data, found []ranking.Candidates, measures []eval.Measure, convention eval.Convention, seen map[int32]bool) (eval.Scores, error) {
	judged := make([]eval.Judged, len(d.queries))
	for i, q := range d.queries {
		judged[i] = eval.Judged{Query: q.Key, Group: q.Group}
		for _, p := range q.Positives {
			judged[i].Grades = append(judged[i].Grades, eval.Grade{Passage: p, Grade: 1})
			judged[i].Seen = judged[i].Seen || seen[p]
		}
	}
	depth := evalDepth(measures)
	if depth >= d.corpus.Len() {
		depth = 0 // ranked whole: nothing lies beyond a cutoff
	}
	scores, err := eval.Evaluate(judged, found, eval.Options{Measures: measures, Convention: convention, Depth: depth, Order: d.corpus.Order()})
	if err != nil {
		return scores, fmt.Errorf("score the rankings: %w", err)
	}
	return scores, nil
}

// score takes the measures of what is judged and ranked.
func (e *evaluation) score(measures []eval.Measure, c eval.Convention, missing eval.Missing) (eval.Scores, error) {
	if e.repeated != nil && !c.AllowsRepeats() {
		return eval.Scores{}, badInputf("score the rankings as %s does: %w", c, e.repeated)
	}
	scores, err := eval.Evaluate(e.judged, e.found(c), eval.Options{Measures: measures, Convention: c, Depth: e.depth, Order: e.order, Missing: missing})
	if errors.Is(err, eval.ErrNoRanking) {
		err = fmt.Errorf("%w; --missing-queries skip leaves such queries out, zero counts them as 0", err)
	}
	if err != nil {
		return scores, badInputf("score the rankings as %s does: %w", c, err)
	}
	return scores, nil
}

// intervalsOf are the bootstrap intervals of the means, one a measure.
func intervalsOf(s eval.Scores) ([]stats.Interval, error) {
	columns := make([][]float64, len(s.Measures))
	for i, m := range s.Measures {
		columns[i] = s.Values(m)
	}
	found, err := stats.MeanIntervals(columns, s.Groups, stats.DefaultOptions())
	if err != nil {
		return nil, fmt.Errorf("intervals of the scores: %w", err)
	}
	return found, nil
}

// writePerQuery writes a line for each query, in the order of their keys.
func writePerQuery(w io.Writer, s eval.Scores) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for _, row := range queryRows(s) {
		if err := lines.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// queryJSON is the measures of one query.
type queryJSON struct {
	ID       string             `json:"id"`
	Measures map[string]float64 `json:"measures"`
}

func queryRows(s eval.Scores) []queryJSON {
	rows := make([]queryJSON, len(s.Queries))
	for i, values := range s.PerQuery {
		rows[i] = queryJSON{s.Queries[i], named(s.Measures, values)}
	}
	return rows
}

func named(measures []eval.Measure, values []float64) map[string]float64 {
	metrics := map[string]float64{}
	for i, v := range values {
		metrics[measures[i].String()] = v
	}
	return metrics
}
