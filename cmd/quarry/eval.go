package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
)

// EvalOptions are the flags of quarry eval.
type EvalOptions struct {
	Rank       RankOptions
	Train      string
	Metrics    string
	Convention string
	Expect     []string
	JSON       bool
}

func newEvalCommand(h *host) *cobra.Command {
	var o EvalOptions
	cmd := &cobra.Command{
		Use:   "eval --model DIR --corpus FILE --queries FILE",
		Short: "Score a model's rankings of a corpus against the judged positives",
		Long: `Score a model's rankings of the whole corpus against the queries' positives.

Metrics are map@k, recall@k, hit@k, mrr@k, ndcg@k, precision@k and r-precision; docs/measures.md defines them under each
convention. --json prints {"schema": 1, "metrics": {"map@25": …}, …}. With --expect, a score below what is expected is
told and the exit code is 3.`,
		Example: `  quarry eval --model models/minilm --corpus corpus.jsonl --queries dev.jsonl --metrics map@25,recall@100 --json
  quarry eval --model runs/eedi/round-1/merged --corpus corpus.jsonl --queries test.jsonl --expect 'map@25>=0.35'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEval(cmd.Context(), o, h) },
	}
	o.Rank.AddFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Metrics, "metrics", defaultMetrics(), "`list` of measures")
	f.StringVar(&o.Convention, "convention", string(eval.SentenceTransformers), "whose definitions: "+conventions())
	f.StringVar(&o.Train, "train", "", "training queries: scores are also told apart for positives that they have and have not")
	f.StringArrayVar(&o.Expect, "expect", nil, "`metric>=value`; a miss is exit code 3; may be repeated")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}

func defaultMetrics() string {
	var names []string
	for _, m := range recipe.Default().Eval.Metrics {
		names = append(names, m.String())
	}
	return strings.Join(names, ",")
}

func conventions() string {
	var names []string
	for _, c := range eval.Conventions() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// runEval ranks, scores and prints.
func runEval(ctx context.Context, o EvalOptions, h *host) error {
	measures, expected, err := o.validate()
	if err != nil {
		return err
	}
	d, err := o.Rank.Data.read(h, false)
	if err != nil {
		return err
	}
	seen, err := o.seen(h, d.corpus)
	if err != nil {
		return err
	}
	found := make([]ranking.Candidates, 0, len(d.queries))
	err = o.Rank.rank(ctx, h, d, evalDepth(measures), func(_ int, c ranking.Candidates) error {
		found = append(found, c)
		return nil
	})
	if err != nil {
		return err
	}
	scores, err := score(d, found, measures, eval.Convention(o.Convention), seen)
	if err != nil {
		return err
	}
	if o.JSON {
		err = printJSON(h, jsonScores(scores, o.Train != ""))
	} else {
		err = printScores(h, scores, o.Train != "")
	}
	if err != nil {
		return err
	}
	return expected.check(scores)
}

func (o EvalOptions) validate() ([]eval.Measure, expectations, error) {
	if err := o.Rank.validate(); err != nil {
		return nil, nil, err
	}
	measures, err := eval.ParseMeasures(o.Metrics)
	if err != nil {
		return nil, nil, badInputf("--metrics: %w", err)
	}
	if _, err := eval.ParseConvention(o.Convention); err != nil {
		return nil, nil, badInputf("--convention: %w", err)
	}
	expected, err := parseExpectations(o.Expect, measures)
	return measures, expected, err
}

// seen are the positives of the training queries; nil where none are named.
func (o EvalOptions) seen(h *host, c *corpus.Corpus) (map[int32]bool, error) {
	if o.Train == "" {
		return nil, nil
	}
	queries, err := DataOptions{IDField: o.Rank.Data.IDField}.readQueries(h, "train", o.Train, c, false)
	if err != nil {
		return nil, err
	}
	return positivesOf(queries), nil
}

func positivesOf(queries []corpus.Query) map[int32]bool {
	positives := map[int32]bool{}
	for _, q := range queries {
		for _, p := range q.Positives {
			positives[p] = true
		}
	}
	return positives
}

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
