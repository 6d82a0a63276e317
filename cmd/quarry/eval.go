package main

import (
	"context"
	"io"
	"strings"

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
	PerQuery   string
	JSON       bool
}

func newEvalCommand(h *host) *cobra.Command {
	var o EvalOptions
	cmd := &cobra.Command{
		Use:   "eval --model DIR --corpus FILE --queries FILE",
		Short: "Score a model's rankings of a corpus against the judged positives",
		Long: `Score a model's rankings of the whole corpus against the queries' positives.

Metrics are map@k, recall@k, hit@k, mrr@k, ndcg@k, precision@k and r-precision; docs/measures.md defines them under each
convention. Each mean has its 95 % bootstrap interval beside it, resampled by --group-field where queries belong together;
the variance between training seeds is not in it. --json prints {"schema": 1, "metrics": {"map@25": …}, "intervals":
{"map@25": {"low": …, "high": …}}, …}. With --expect, a score below what is expected is told and the exit code is 3.`,
		Example: `  quarry eval --model models/minilm --corpus corpus.jsonl --queries dev.jsonl --metrics map@25,recall@100 --json
  quarry eval --model runs/eedi/round-1/merged --corpus corpus.jsonl --queries test.jsonl --expect 'map@25>=0.35'`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Rank.Texts.set = setFlags(cmd.Flags())
			return runEval(cmd.Context(), o, h)
		},
	}
	o.Rank.AddFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Metrics, "metrics", defaultMetrics(), "`list` of measures")
	f.StringVar(&o.Convention, "convention", string(eval.SentenceTransformers), "whose definitions: "+conventions())
	f.StringVar(&o.Train, "train", "", "`file` of training queries: scores are also told apart for positives that they have and have not")
	f.StringArrayVar(&o.Expect, "expect", nil, "`metric>=value`; a miss is exit code 3; may be repeated")
	f.StringVar(&o.PerQuery, "per-query", "", "JSONL `file` to write: the id and the measures of each query")
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
	h.process.hold(o.Rank.Engine.limit(h.machine))
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
	if o.PerQuery != "" {
		if err := writeOutput(h, o.PerQuery, func(w io.Writer) error { return writePerQuery(w, scores) }); err != nil {
			return err
		}
	}
	intervals, err := intervalsOf(scores)
	if err != nil {
		return err
	}
	if o.JSON {
		err = printJSON(h, jsonScores(scores, intervals, o.Train != ""))
	} else {
		err = printScores(h, scores, intervals, o.Train != "")
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
	measures, err := parseMetrics(o.Metrics)
	if err != nil {
		return nil, nil, err
	}
	if _, err := eval.ParseConvention(o.Convention); err != nil {
		return nil, nil, badInputf("--convention: %w", err)
	}
	expected, err := parseExpectations(o.Expect, measures)
	if err != nil {
		return nil, nil, err
	}
	if o.PerQuery == standard {
		return nil, nil, badInputf("--per-query -: standard output has the scores: name a file")
	}
	return measures, expected, mayWrite("per-query", o.PerQuery, append(o.Rank.inputs(), "train", o.Train)...)
}

// parseMetrics reads a list of measures.
func parseMetrics(list string) ([]eval.Measure, error) {
	if strings.TrimSpace(list) == "" {
		return nil, badInputf("--metrics names no measure: write some, such as %s", defaultMetrics())
	}
	measures, err := eval.ParseMeasures(list)
	if err != nil {
		return nil, badInputf("--metrics: %w", err)
	}
	return measures, nil
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
