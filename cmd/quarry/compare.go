package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// CompareOptions are the flags of quarry compare.
type CompareOptions struct {
	Eval      EvalOptions // where judgments, fields and training queries of given runs stand
	On        string      // sets of runs' queries
	Level     float64
	Resamples int
	Seed      uint64
	Show      int
	PerQuery  bool
	Format    string
	Output    string
}

func newCompareCommand(h *host) *cobra.Command {
	var o CompareOptions
	cmd := &cobra.Command{
		Use:   "compare BASE [OTHER…]",
		Short: "Say whether a gain is real: paired tests of runs, rounds and epochs",
		Long: `Set runs, rounds and epochs against a base, query by query: the difference of each measure with its bootstrap interval,
paired tests (randomisation, t, sign) corrected for their number by Holm and by Benjamini and Hochberg, how many got better
and worse, and the queries that gained and lost most. Rows of one group count as one. The variance between training seeds
is in none of it.

BASE and OTHER are run directories or recipes, or files of rankings with judgments (--qrels, --data, or --corpus and
--queries). A run stands for the chosen epoch of its last round; RUN@1 for that of round 1, RUN@1/3 for epoch 3 of round 1. A
single RUN is compared with itself: its base with the choice of each round; a single RUN@1: every epoch of round 1 with
its epoch 0.

Runs are compared on dev, and apart on test and every set of the recipe's data.also on which all sides are scored; --on
chooses among them. --by reads fields of queries from the files that a run's recipe names, which must be unchanged.`,
		Example: `  quarry compare runs/eedi
  quarry compare runs/eedi@0/0 runs/eedi@1/3 --by seen,frequency
  quarry compare runs/eedi --on also-general --by language
  quarry compare runs/small runs/large --format latex > table.tex
  quarry compare runs/small runs/large --format html --output compare.html
  quarry compare a.trec b.trec --qrels qrels.txt --metrics map,ndcg@10 --convention trec_eval --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("BASE is needed: a run directory, a recipe or a file of rankings")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			asJSON, _ := cmd.Flags().GetBool("json")
			if asJSON && cmd.Flags().Changed("format") && o.Format != string(report.JSON) {
				return badInputf("--json and --format %s contradict each other", o.Format)
			}
			if asJSON {
				o.Format = string(report.JSON)
			}
			o.Eval.Rank.Texts.set = setFlags(cmd.Flags())
			return runCompare(cmd.Context(), o, args, h)
		},
	}
	standard := stats.DefaultOptions()
	f := cmd.Flags()
	f.StringVar(&o.Eval.Metrics, "metrics", "", "`list` of measures (those of the run; of given rankings "+defaultMetrics()+")")
	f.StringVar(&o.Eval.By, "by", "", "`list` of what to tell the queries apart by: seen, frequency, length, or fields of their rows (--queries; of runs the files that their recipes name)")
	f.StringVar(&o.On, "on", everySet, "`list` of sets of runs' queries: dev, test, also-NAME for a set of the recipe's data.also, or all that all sides are scored on; of test there are the base and the chosen epochs")
	f.IntVar(&o.Show, "show", 5, "queries shown that gained most, and that lost most, by the first measure")
	f.BoolVar(&o.PerQuery, "per-query", false, "with --json: every query")
	f.Float64Var(&o.Level, "level", standard.Level, "level of the intervals")
	f.IntVar(&o.Resamples, "resamples", standard.Resamples, "of the bootstrap and of the randomisation test")
	seedFlag(f, &o.Seed, standard.Seed, "seed of both")
	f.StringVar(&o.Format, "format", string(report.Text), "text, markdown, json, csv, latex, or html, one file with charts that needs nothing else")
	f.Bool("json", false, "the same as --format json")
	f.StringVar(&o.Output, "output", "", "`file` to write (standard output)")
	f.StringVar(&o.Eval.Judgments.Qrels, "qrels", "", "judgments of given rankings: a TREC qrels `file`, BEIR's columns (.tsv) or MTEB's objects (.jsonl)")
	f.StringVar(&o.Eval.Judgments.Folder, "data", "", "`folder` in BEIR's or MTEB's layout that judges given rankings")
	f.StringVar(&o.Eval.Judgments.Split, "split", "", "`name` of the judgments in --data (the only ones)")
	o.Eval.Rank.Data.AddFlags(f)
	f.StringVar(&o.Eval.Train, "train", "", "`file` of training queries, for --by seen and frequency of given rankings")
	f.StringVar(&o.Eval.Convention, "convention", string(eval.SentenceTransformers), "whose definitions, of given rankings: "+conventions())
	f.StringVar(&o.Eval.Missing, "missing-queries", "", "`rule` for a judged query without a given ranking: error, skip or zero (as the convention has it)")
	return cmd
}

// runCompare reads all sides, compares them and writes what it finds.
func runCompare(ctx context.Context, o CompareOptions, args []string, h *host) error {
	var format report.Format
	var err error
	if o.Format != formatHTML {
		if format, err = report.ParseFormat(o.Format); err != nil {
			return badInputf("--format: %w, and %s for a page with charts", err, formatHTML)
		}
	}
	if err := mayWriteBesideRuns("output", o.Output, args...); err != nil {
		return err
	}
	compared := comparing{CompareOptions: report.CompareOptions{Stats: stats.Options{Level: o.Level, Resamples: o.Resamples, Seed: o.Seed}}}
	if compared.By, err = o.validate(h); err != nil {
		return err
	}
	if o.Eval.Metrics != "" {
		measures, err := parseMetrics(o.Eval.Metrics)
		if err != nil {
			return err
		}
		for _, m := range measures {
			compared.Measures = append(compared.Measures, m.String())
		}
	}
	compared.Texts = map[rundir.Split]map[string]string{}
	if err := compared.read(ctx, h, o, args); err != nil {
		return err
	}
	all, err := compared.compare()
	if err != nil {
		return badInput(err)
	}
	if format == report.CSV { // which has no place for them
		for _, note := range compared.Notes {
			h.note("%s", note)
		}
	}
	shown := report.CompareWriteOptions{Show: o.Show, PerQuery: o.PerQuery, Texts: compared.Texts}
	return writeOutput(h, o.Output, func(w io.Writer) error {
		if o.Format == formatHTML {
			return page.OfComparisons(all, shown).Write(w)
		}
		return all.Write(w, format, shown)
	})
}

// beginnings cuts every text to what a line has room for.
func beginnings(texts map[string]string) map[string]string {
	cut := make(map[string]string, len(texts))
	for key, text := range texts {
		cut[key] = beginning(text)
	}
	return cut
}

// validate checks the flags and returns what queries are told apart by.
func (o CompareOptions) validate(h *host) ([]string, error) {
	on, err := o.sets()
	switch {
	case err != nil:
		return nil, err
	case len(on) > 1 && o.Eval.Rank.Data.Queries != "":
		return nil, badInputf("--queries names the rows of one set: name one by --on, too")
	case !(o.Level > 0 && o.Level < 1):
		return nil, badInputf("--level %v is not between 0 and 1", o.Level)
	case o.Resamples < 1:
		return nil, badInputf("--resamples %d: at least 1", o.Resamples)
	case o.Show < 0:
		return nil, badInputf("--show %d is negative", o.Show)
	case o.PerQuery && o.Format != string(report.JSON):
		return nil, badInputf("--per-query has no part without --json; --show tells how many queries other formats have")
	}
	if err := mayWrite("output", o.Output, "qrels", o.Eval.Judgments.Qrels, "corpus", o.Eval.Rank.Data.Corpus, "queries", o.Eval.Rank.Data.Queries, "train", o.Eval.Train, "model", h.folder(o.Eval.Rank.Model.Model)); err != nil {
		return nil, err
	}
	if o.Eval.By == "" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(o.Eval.By, ",") {
		name = strings.TrimSpace(name)
		if name == "" || slices.Contains(names, name) {
			return nil, badInputf("--by %q: a name is empty or given twice", o.Eval.By)
		}
		names = append(names, name)
	}
	return names, nil
}
