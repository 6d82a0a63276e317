package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/recipe"
)

// EvalOptions are the flags of quarry eval.
type EvalOptions struct {
	Rank       RankOptions
	Run        string
	RunName    string // of what Run is in errors; empty is --run
	Judgments  JudgmentOptions
	Train      string
	Metrics    string
	Convention string
	Missing    string
	By         string
	Expect     []string
	PerQuery   string
	MTEB       MTEBOptions
	JSON       bool
}

// allConventions asks for every convention, side by side.
const allConventions = "all"

func newEvalCommand(h *host) *cobra.Command {
	var o EvalOptions
	cmd := &cobra.Command{
		Use:   "eval --model DIR --corpus FILE --queries FILE | --model DIR --data DIR | --run FILE --qrels FILE",
		Short: "Score rankings of a corpus against judgments: a model's, or those of a run",
		Long: `Score a model's rankings of the whole corpus against the queries' positives; against the graded judgments of a file
(--qrels) or of a folder in BEIR's or MTEB's layout (--data); or score rankings that are there already (--run), which takes
no model: a TREC run, the JSON of BEIR, MTEB and ranx, or a Kaggle submission.

Metrics are map@k, recall@k, hit@k, mrr@k, ndcg@k, precision@k and r-precision; docs/measures.md defines them under each
convention. The result names the one it follows, and --convention all shows all of them side by side. Each mean has its 95 %
bootstrap interval beside it, resampled by --group-field where queries belong together; the variance between training seeds
is not in it. --json prints {"schema": 1, "metrics": {"map@25": …}, "intervals": {"map@25": {"low": …, "high": …}}, …}. --by
tells the scores apart by a field of the queries' rows, by the length of the query in words, and with --train by whether
(seen) and how often (frequency) training has the positive. With --expect, a score below what is expected is told and the
exit code is 3.`,
		Example: `  quarry eval --model models/minilm --corpus corpus.jsonl --queries dev.jsonl --metrics map@25,recall@100 --json
  quarry eval --model models/minilm --data beir/scifact --convention beir --metrics ndcg@10,recall@100
  quarry eval --model models/minilm --data mteb/scifact --convention trec_eval --mteb results/SciFact.json
  quarry eval --run run.trec --qrels qrels.txt --metrics map,ndcg@10 --convention trec_eval --per-query --json
  quarry eval --model runs/eedi/round-1/merged --corpus corpus.jsonl --queries test.jsonl --expect 'map@25>=0.35'`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Rank.Texts.set = setFlags(cmd.Flags())
			return runEval(cmd.Context(), o, h)
		},
	}
	o.Rank.AddFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Run, "run", "", "rankings to score in place of a model's: a TREC run `file`, JSON (.json) or a submission (.csv)")
	f.StringVar(&o.Judgments.Qrels, "qrels", "", "judgments: a TREC qrels `file`, BEIR's columns (.tsv) or MTEB's objects (.jsonl)")
	f.StringVar(&o.Judgments.Folder, "data", "", "`folder` in BEIR's or MTEB's layout, in place of --corpus, --queries and --qrels")
	f.StringVar(&o.Judgments.Split, "split", "", "`name` of the judgments in --data (the only ones)")
	f.StringVar(&o.Metrics, "metrics", defaultMetrics(), "`list` of measures")
	f.StringVar(&o.Convention, "convention", string(eval.SentenceTransformers), "whose definitions: "+conventions()+", or all of them (without --expect, --per-query and --by)")
	f.StringVar(&o.Missing, "missing-queries", "", "`rule` for a judged query without a ranking: error, skip or zero (as the convention has it)")
	f.StringVar(&o.Train, "train", "", "`file` of training queries: scores are also told apart for positives that they have and have not")
	f.StringVar(&o.By, "by", "", "`list` of what to tell the scores apart by: seen, frequency, length, or fields of the queries' rows")
	f.StringArrayVar(&o.Expect, "expect", nil, "`metric>=value` by one convention; a miss is exit code 3; may be repeated")
	f.StringVar(&o.PerQuery, "per-query", "", "print the measures of each query too, by one convention, or with =`FILE` write them as JSONL")
	f.Lookup("per-query").NoOptDefVal = standard
	o.MTEB.addFlags(f)
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
	plan, err := o.validate(h)
	if err != nil {
		return err
	}
	h.process.hold(o.Rank.Engine.limit(h.machine))
	ranked := plan.measures
	if o.MTEB.File != "" {
		ranked = append(slices.Clone(ranked), mtebMeasures()...)
	}
	e, err := o.source(ctx, h, ranked)
	if err != nil {
		return err
	}
	train, err := o.train(h, e)
	if err != nil {
		return err
	}
	if o.Convention == allConventions {
		return o.printConventions(h, e, plan.measures)
	}
	scores, err := e.score(plan.measures, eval.Convention(o.Convention), eval.Missing(o.Missing))
	if err != nil {
		return err
	}
	if err := o.MTEB.write(h, e, o.Judgments, eval.Convention(o.Convention), eval.Missing(o.Missing)); err != nil {
		return err
	}
	if o.PerQuery != "" && o.PerQuery != standard {
		if err := writeOutput(h, o.PerQuery, func(w io.Writer) error { return writePerQuery(w, scores) }); err != nil {
			return err
		}
	}
	found := results{scores: scores, perQuery: o.PerQuery == standard, texts: map[string]string{}}
	for _, q := range e.queries {
		found.texts[q.Key] = q.Text
	}
	if o.Train != "" {
		seen := e.seen()
		found.slices = scores.Parts(func(query string) string { return seen[query] })
	}
	if found.intervals, err = intervalsOf(scores); err != nil {
		return err
	}
	if found.breakdowns, err = o.breakdowns(h, plan.by, e, train, scores); err != nil {
		return err
	}
	if o.JSON {
		err = found.json(h)
	} else {
		err = found.print(h)
	}
	if err != nil {
		return err
	}
	return plan.expected.check(scores)
}

// evalPlan is what the flags ask for.
type evalPlan struct {
	measures []eval.Measure
	expected expectations
	by       []string
}

func (o EvalOptions) validate(h *host) (evalPlan, error) {
	var p evalPlan
	if err := o.validateSource(); err != nil {
		return p, err
	}
	var err error
	if p.measures, err = parseMetrics(o.Metrics); err != nil {
		return p, err
	}
	if o.Convention == allConventions {
		for flag, given := range map[string]bool{"expect": len(o.Expect) > 0, "per-query": o.PerQuery != "", "by": o.By != ""} {
			if given {
				return p, badInputf("--%s has no part beside --convention all: name one convention", flag)
			}
		}
	} else if _, err := eval.ParseConvention(o.Convention); err != nil {
		return p, badInputf("--convention: %w, or %s", err, allConventions)
	}
	if _, err := eval.ParseMissing(o.Missing); err != nil {
		return p, badInputf("--missing-queries: %w", err)
	}
	if p.expected, err = parseExpectations(o.Expect, p.measures); err != nil {
		return p, err
	}
	if p.by, err = o.parseBy(); err != nil {
		return p, err
	}
	if err := o.MTEB.validate(h, o); err != nil {
		return p, err
	}
	if err := mayNameText("per-query", o.PerQuery, "a line of JSON for each query"); err != nil {
		return p, err
	}
	return p, mayWrite("per-query", o.PerQuery, append(o.Rank.inputs(h), "data", o.Judgments.Folder, "train", o.Train, "run", o.Run, "qrels", o.Judgments.Qrels)...)
}

// validateSource refuses flags that name no source of rankings and judgments, or two.
func (o EvalOptions) validateSource() error {
	if err := o.validateData(); err != nil {
		return err
	}
	if o.Run != "" {
		return o.validateRun()
	}
	return o.Rank.validate()
}

// validateData refuses flags that name two sources of judgments.
func (o EvalOptions) validateData() error {
	if o.Judgments.Folder != "" {
		for flag, given := range map[string]string{"corpus": o.Rank.Data.Corpus, "queries": o.Rank.Data.Queries, "qrels": o.Judgments.Qrels, "id-field": o.Rank.Data.IDField} {
			if given != "" {
				return badInputf("--%s beside --data: the folder has its corpus, queries and judgments", flag)
			}
		}
	} else if o.Judgments.Split != "" {
		return badInputf("--split has no part without --data")
	}
	return nil
}

// conventions are those that are asked for.
func (o EvalOptions) conventions() []eval.Convention {
	if o.Convention == allConventions {
		return eval.Conventions()
	}
	return []eval.Convention{eval.Convention(o.Convention)}
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

// train reads the training queries, none where no file is named, and marks the queries whose positives they have.
func (o EvalOptions) train(h *host, e *evaluation) ([]corpus.Query, error) {
	if o.Train == "" {
		return nil, nil
	}
	queries, err := DataOptions{IDField: o.Rank.Data.IDField}.readQueries(h, "train", o.Train, e.corpus, false)
	if err != nil {
		return nil, err
	}
	seen := positivesOf(queries)
	for i, j := range e.judged {
		for _, g := range j.Grades {
			e.judged[i].Seen = e.judged[i].Seen || g.Grade > 0 && seen[g.Passage]
		}
	}
	return queries, nil
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
