package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// CompareOptions are the flags of quarry compare.
type CompareOptions struct {
	Eval      EvalOptions // where judgments, fields and training queries of given runs stand
	Split     string
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
its epoch 0.`,
		Example: `  quarry compare runs/eedi
  quarry compare runs/eedi@0/0 runs/eedi@1/3 --by seen,frequency
  quarry compare runs/small runs/large --format latex > table.tex
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
	f.StringVar(&o.Eval.By, "by", "", "`list` of what to tell the queries apart by: seen, frequency, length, or fields of their rows (--queries; of a run's dev those that its recipe names)")
	f.StringVar(&o.Split, "on", string(rundir.Dev), "dev or test queries of runs, or also-NAME for a set of the recipe's data.also; of test there are the base and the chosen epochs")
	f.IntVar(&o.Show, "show", 5, "queries shown that gained most, and that lost most, by the first measure")
	f.BoolVar(&o.PerQuery, "per-query", false, "with --json: every query")
	f.Float64Var(&o.Level, "level", standard.Level, "level of the intervals")
	f.IntVar(&o.Resamples, "resamples", standard.Resamples, "of the bootstrap and of the randomisation test")
	seedFlag(f, &o.Seed, standard.Seed, "seed of both")
	f.StringVar(&o.Format, "format", string(report.Text), "text, markdown, json, csv or latex")
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
	format, err := report.ParseFormat(o.Format)
	if err != nil {
		return badInputf("--format: %w", err)
	}
	compared := report.CompareOptions{Stats: stats.Options{Level: o.Level, Resamples: o.Resamples, Seed: o.Seed}}
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
	texts := map[string]string{}
	sides, err := o.sides(ctx, h, args, compared.By, texts)
	if err != nil {
		return err
	}
	c, err := report.Compare(sides[0], sides[1:], compared)
	if err != nil {
		return badInput(err)
	}
	return writeOutput(h, o.Output, func(w io.Writer) error {
		return c.Write(w, format, report.CompareWriteOptions{Show: o.Show, PerQuery: o.PerQuery, Texts: beginnings(texts)})
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
	switch {
	case o.Split != string(rundir.Dev) && o.Split != string(rundir.Test) && !strings.HasPrefix(o.Split, string(rundir.AlsoSplit(""))):
		return nil, badInputf("--on %q: dev, test or also-NAME", o.Split)
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

// sides are what the arguments name, the base first. It adds the texts of their queries, by key, as far as they are at hand.
func (o CompareOptions) sides(ctx context.Context, h *host, args []string, by []string, texts map[string]string) ([]report.Side, error) {
	var sides []report.Side
	for _, arg := range args {
		if path, place, ok := runPlace(arg); ok {
			found, err := o.runSides(path, place, len(args) == 1, texts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", arg, err)
			}
			if err := o.addFields(ctx, h, path, found, by, texts); err != nil {
				return nil, err
			}
			sides = append(sides, found...)
			continue
		}
		side, err := o.rankedSide(ctx, h, arg, by, texts)
		if err != nil {
			return nil, err
		}
		sides = append(sides, side)
	}
	if len(sides) < 2 {
		return nil, badInputf("%s alone has nothing to compare: name another, or a round with several epochs (RUN@0)", args[0])
	}
	return sides, nil
}

// runPlace tells a run directory or a recipe from a file of rankings, and parts the place behind @ from it.
func runPlace(arg string) (path, place string, ok bool) {
	path = arg
	if _, err := os.Stat(arg); err != nil {
		if at := strings.LastIndexByte(arg, '@'); at > 0 {
			path, place = arg[:at], arg[at+1:]
		}
	}
	info, err := os.Stat(path)
	isRun := err == nil && (info.IsDir() || slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)))
	return path, place, isRun || place != ""
}

// runSides reads one epoch of a run; where it stands alone, all that one would compare within it.
func (o CompareOptions) runSides(path, place string, alone bool, texts map[string]string) (sides []report.Side, err error) {
	d, err := openReported(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	r, err := report.Read(d)
	if err != nil {
		return nil, badInput(err)
	}
	places, err := placesOf(r, place, alone)
	if err != nil {
		return nil, badInput(err)
	}
	for _, p := range places {
		side, err := report.EpochSide(d, p[0], p[1], rundir.Split(o.Split))
		if err != nil {
			return nil, badInput(err)
		}
		side.Name = fmt.Sprintf("%s round %d epoch %d", path, p[0], p[1]) // two runs may have one name
		sides = append(sides, side)
		for _, q := range side.Queries {
			texts[q.ID] = cmp.Or(texts[q.ID], "")
		}
	}
	if o.Split == string(rundir.Dev) { // which is mined for too
		if err := minedTexts(d, places[0][0], rundir.Dev, texts); err != nil {
			return nil, badInput(err)
		}
	}
	return sides, nil
}

// placesOf are the rounds and epochs that a place means.
func placesOf(r *report.Report, place string, alone bool) ([][2]int, error) {
	if place == "" {
		round, epoch, ok := r.Result()
		if !ok {
			return nil, errors.New("no epoch is chosen yet: name one, as in RUN@0/2")
		}
		if !alone {
			return [][2]int{{round.Round, epoch.Epoch}}, nil
		}
		places := [][2]int{{0, 0}}
		for _, round := range r.Rounds {
			for _, e := range round.Epochs {
				if e.Chosen && !round.Stale && [2]int{round.Round, e.Epoch} != places[0] {
					places = append(places, [2]int{round.Round, e.Epoch})
				}
			}
		}
		return places, nil
	}
	first, second, hasEpoch := strings.Cut(place, "/")
	at, err := strconv.ParseUint(first, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("%q is no place in a run: write ROUND or ROUND/EPOCH, as in RUN@1/3", place)
	}
	if int(at) >= len(r.Rounds) {
		return nil, fmt.Errorf("there is no round %d; the run has %d, counted from 0", at, len(r.Rounds))
	}
	round := r.Rounds[at]
	if hasEpoch {
		epoch, err := strconv.ParseUint(second, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is no place in a run: write ROUND or ROUND/EPOCH, as in RUN@1/3", place)
		}
		return [][2]int{{round.Round, int(epoch)}}, nil
	}
	var places [][2]int
	for _, e := range round.Epochs {
		if alone || e.Chosen {
			places = append(places, [2]int{round.Round, e.Epoch})
		}
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("round %d has no choice yet: name an epoch, as in RUN@%d/2", at, at)
	}
	return places, nil
}

// addFields labels the queries of a run by fields of their rows: those that --queries names, else of dev those that the
// run's recipe names.
func (o CompareOptions) addFields(ctx context.Context, h *host, run string, sides []report.Side, by []string, texts map[string]string) error {
	fields := slices.DeleteFunc(slices.Clone(by), func(name string) bool {
		return slices.Contains([]string{report.BySeen, report.ByFrequency, report.ByLength}, name)
	})
	if len(fields) == 0 {
		return nil
	}
	data := o.Eval.Rank.Data
	if data.Queries == "" {
		if o.Split != string(rundir.Dev) {
			return badInputf("--by %s needs the rows of the queries: --queries FILE", fields[0])
		}
		d, files, err := ViewOptions{}.open(ctx, run)
		if err != nil {
			return badInputf("--by %s: %w; or name the rows of the queries: --queries FILE", fields[0], err)
		}
		if err := d.Close(); err != nil {
			return err
		}
		data = DataOptions{Corpus: files.Corpus, Queries: files.Dev, IDField: files.IDField, GroupField: files.GroupField}
		o.Eval.Rank.Data = data
	}
	var c *corpus.Corpus
	var err error
	if data.Corpus != "" { // keys of queries without ids are made of their positives
		if c, err = data.readCorpus(h); err != nil {
			return err
		}
	}
	queries, err := data.readQueries(h, "queries", data.Queries, c, true)
	if err != nil {
		return err
	}
	for _, q := range queries {
		texts[q.Key] = q.Text
	}
	for _, field := range fields {
		labels := map[string]string{}
		if err := o.Eval.fieldLabels(h, field, queries, labels); err != nil {
			return err
		}
		for _, side := range sides {
			for _, q := range side.Queries {
				label, ok := labels[q.ID]
				if !ok {
					return badInputf("%s has no row of query %q of %s (queries without ids need --corpus, too)", data.Queries, q.ID, side.Name)
				}
				q.Labels[field] = label
			}
		}
	}
	return nil
}

// rankedSide scores a file of rankings.
func (o CompareOptions) rankedSide(ctx context.Context, h *host, path string, by []string, texts map[string]string) (report.Side, error) {
	side := report.Side{Name: path}
	e := o.Eval
	e.Run = path
	e.Rank.Texts.set = nil // the flags are this command's, and all have a part
	if e.Metrics == "" {
		e.Metrics = defaultMetrics()
	}
	plan, err := e.validate(h)
	if err != nil {
		return side, err
	}
	if e.Convention == allConventions {
		return side, badInputf("--convention %s: a comparison follows one", allConventions)
	}
	source, err := e.source(ctx, h, plan.measures)
	if err != nil {
		return side, err
	}
	train, err := e.train(h, source)
	if err != nil {
		return side, err
	}
	scores, err := source.score(plan.measures, eval.Convention(e.Convention), eval.Missing(e.Missing))
	if err != nil {
		return side, err
	}
	for _, q := range source.queries {
		texts[q.Key] = q.Text
	}
	side.Convention = string(scores.Convention)
	for _, m := range scores.Measures {
		side.Measures = append(side.Measures, m.String())
	}
	for i, id := range scores.Queries {
		side.Queries = append(side.Queries, report.SideQuery{ID: id, Group: scores.Groups[i], Values: scores.PerQuery[i], Labels: map[string]string{}})
	}
	for _, name := range by {
		labels, err := e.labels(h, name, source, train)
		if err != nil {
			return side, err
		}
		for _, q := range side.Queries {
			if label, ok := labels[q.ID]; ok {
				q.Labels[name] = label
			}
		}
	}
	return side, nil
}
