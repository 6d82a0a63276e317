package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

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

// evalJSON is what eval --json prints.
type evalJSON struct {
	Schema     int                     `json:"schema"`
	Metrics    map[string]float64      `json:"metrics"`
	Intervals  map[string]evalInterval `json:"intervals"`
	Convention eval.Convention         `json:"convention"`
	Queries    int                     `json:"queries"`
	Skipped    int                     `json:"skipped"`
	Slices     map[string]evalSlice    `json:"slices,omitempty"`
}

// evalInterval is where the mean of a measure over all queries may lie.
type evalInterval struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`
	Units int     `json:"units"` // what was resampled: groups, and queries without one
}

type evalSlice struct {
	Queries int                `json:"queries"`
	Metrics map[string]float64 `json:"metrics"`
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
	for i, values := range s.PerQuery {
		err := lines.Encode(struct {
			ID       string             `json:"id"`
			Measures map[string]float64 `json:"measures"`
		}{s.Queries[i], named(s.Measures, values)})
		if err != nil {
			return err
		}
	}
	return nil
}

func jsonScores(s eval.Scores, intervals []stats.Interval, slices bool) evalJSON {
	out := evalJSON{Schema: schema, Metrics: named(s.Measures, s.Means), Intervals: map[string]evalInterval{}, Convention: s.Convention, Queries: len(s.Queries), Skipped: len(s.Skipped)}
	for i, m := range s.Measures {
		out.Intervals[m.String()] = evalInterval{intervals[i].Low, intervals[i].High, intervals[i].Level, intervals[i].Units}
	}
	if slices {
		out.Slices = map[string]evalSlice{}
		for _, slice := range s.Slices {
			out.Slices[slice.Name] = evalSlice{slice.Queries, named(s.Measures, slice.Means)}
		}
	}
	return out
}

func named(measures []eval.Measure, values []float64) map[string]float64 {
	metrics := map[string]float64{}
	for i, v := range values {
		metrics[measures[i].String()] = v
	}
	return metrics
}

// printScores writes a line for each measure: its mean with the interval, and a column for each slice where they are asked for.
func printScores(h *host, s eval.Scores, intervals []stats.Interval, slices bool) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tall (%d)\t%g %% interval\t", len(s.Queries), 100*intervals[0].Level)
	if slices {
		for _, slice := range s.Slices {
			fmt.Fprintf(w, "%s (%d)\t", slice.Name, slice.Queries)
		}
	}
	fmt.Fprintln(w)
	for i, m := range s.Measures {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f – %.4f\t", m, s.Means[i], intervals[i].Low, intervals[i].High)
		for _, slice := range s.Slices {
			switch {
			case !slices:
			case slice.Means == nil:
				fmt.Fprint(w, "–\t")
			default:
				fmt.Fprintf(w, "%.4f\t", slice.Means[i])
			}
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return h.printf("%s", text.String())
}
