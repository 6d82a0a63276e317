package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/ranking"
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
	Schema     int                  `json:"schema"`
	Metrics    map[string]float64   `json:"metrics"`
	Convention eval.Convention      `json:"convention"`
	Queries    int                  `json:"queries"`
	Skipped    int                  `json:"skipped"`
	Slices     map[string]evalSlice `json:"slices,omitempty"`
}

type evalSlice struct {
	Queries int                `json:"queries"`
	Metrics map[string]float64 `json:"metrics"`
}

func jsonScores(s eval.Scores, slices bool) evalJSON {
	out := evalJSON{Schema: schema, Metrics: named(s.Measures, s.Means), Convention: s.Convention, Queries: len(s.Queries), Skipped: len(s.Skipped)}
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

// printScores writes a line for each measure, with a column for each slice where they are asked for.
func printScores(h *host, s eval.Scores, slices bool) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tall (%d)\t", len(s.Queries))
	if slices {
		for _, slice := range s.Slices {
			fmt.Fprintf(w, "%s (%d)\t", slice.Name, slice.Queries)
		}
	}
	fmt.Fprintln(w)
	for i, m := range s.Measures {
		fmt.Fprintf(w, "%s\t%.4f\t", m, s.Means[i])
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
