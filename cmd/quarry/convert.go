package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/convert"
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/trainingset"
)

// ConvertOptions are the flags of quarry convert.
type ConvertOptions struct {
	Source    EvalOptions // where corpus, queries and judgments stand, if not in one input
	Input     string
	From      string
	Ranker    string // the source of stored candidates whose ranking is written
	To        string
	Name      string
	Negatives int
	Scores    bool
	Lossless  bool
	Out       string
	Force     bool
}

func newConvertCommand(h *host) *cobra.Command {
	var o ConvertOptions
	cmd := &cobra.Command{
		Use:   "convert --input PATH --to FORMAT --out PATH",
		Short: "Write training rows, data sets or rankings in another format, and say what is lost",
		Long:  convertHelp(),
		Example: `  quarry convert --input mined.jsonl --to triplet --out train.parquet
  quarry convert --input train.csv.gz --from n-tuple --to flagembedding --out train.jsonl --lossless
  quarry convert --data mteb/scifact --to quarry --out scifact
  quarry convert --corpus corpus.jsonl --queries test.jsonl --to mteb --out task
  quarry convert --input run.json --from beir-run --to trec-run --out run.trec`,
		Args: noWords,
		RunE: func(cmd *cobra.Command, _ []string) error { return runConvert(cmd.Context(), o, h) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Input, "input", "", "`file` or folder to read, in place of --corpus and --queries, or --data")
	f.StringVar(&o.From, "from", "", "`format` of --input (told by its content)")
	f.StringVar(&o.Ranker, "source", "", "of stored candidates: `name` of the source whose own ranking is written (the ranking that they are in)")
	o.Source.Rank.Data.AddFlags(f)
	f.StringVar(&o.Source.Judgments.Qrels, "qrels", "", "judgments: a TREC qrels `file`, BEIR's columns (.tsv) or MTEB's objects (.jsonl)")
	f.StringVar(&o.Source.Judgments.Folder, "data", "", "`folder` in BEIR's or MTEB's layout, in place of --corpus, --queries and --qrels")
	f.StringVar(&o.Source.Judgments.Split, "split", "", "`name` of the judgments in --data or --input, or of the rows in --input (the only ones)")
	f.StringVar(&o.To, "to", "", "`format` to write")
	f.StringVar(&o.Name, "name", "test", "name of the judgments that are written, or of the system in a run")
	f.IntVar(&o.Negatives, "negatives", 0, "n-tuple: `number` of negatives a row (as many as all rows with negatives have)")
	f.BoolVar(&o.Scores, "scores", false, "labeled-list: write scores in place of labels; the first document is the positive")
	f.BoolVar(&o.Lossless, "lossless", false, "write nothing if the format does not hold all")
	f.StringVar(&o.Out, "out", "", "`path` to write: a file, whose name tells its kind, or a directory")
	f.BoolVar(&o.Force, "force", false, "replace files that are there")
	return cmd
}

// convertHelp lists the formats as they are registered.
func convertHelp() string {
	var b strings.Builder
	b.WriteString("Write training rows, data sets or rankings in another format, and say what is lost. Formats:\n\n")
	for _, f := range convert.Formats() {
		fmt.Fprintf(&b, "  %-14s%s\n", f.Name, f.About)
	}
	fmt.Fprintf(&b, "  %-14s%s\n", convert.TRECRun, "rankings: query Q0 document rank score tag")
	fmt.Fprintf(&b, "  %-14s%s\n", convert.BEIRRun, "rankings: {\"query\": {\"document\": score}}")
	fmt.Fprintf(&b, "  %-14s%s\n", convert.Candidates, "stored candidates (quarry mine --save-candidates, or a run's): read alone, with --corpus")
	b.WriteString(`
The first four and nemo are folders, the rest one file: .jsonl or .parquet, triplet, n-tuple and labeled-pair also .csv or
.tsv, each but .parquet perhaps with .gz or .zst behind, as rankings too. Rows of --input may be a data set's folder of
Parquet shards, as the Hugging Face hub keeps it: FOLDER, or FOLDER/SPLIT where it has several. Judged data may stand apart,
as quarry eval reads it: --corpus and --queries with positives, or with --qrels; or --data. What the format does not hold is
told, with the number of rows.
docs/formats/training-rows.md has the tables.`)
	return b.String()
}

// runConvert reads the data set and writes it. It ends between two rows with the context's error.
func runConvert(ctx context.Context, o ConvertOptions, h *host) error {
	if err := need("to", o.To, "out", o.Out); err != nil {
		return err
	}
	if o.Negatives < 0 {
		return badInputf("--negatives is %d: want 0 or more", o.Negatives)
	}
	stored, err := o.fromStored(h)
	if err != nil {
		return err
	}
	if stored {
		return o.convertStored(ctx, h)
	}
	if slices.Contains(convert.Runs(), o.To) || slices.Contains(convert.Runs(), o.From) {
		return o.convertRun(h)
	}
	to, err := convert.ByName(o.To)
	if err != nil {
		return badInputf("--to: %w", err)
	}
	written, err := o.written(to)
	if err != nil {
		return err
	}
	set, err := o.read(h)
	if err != nil {
		return err
	}
	rows := set.Rows
	set.Rows = func(visit func(*trainingset.Row) error) error {
		return rows(func(row *trainingset.Row) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return visit(row)
		})
	}
	warn(h, set.Warnings)
	survey, err := set.Look()
	if err != nil {
		return badInput(err)
	}
	losses := to.Losses(survey, written)
	for _, what := range set.Unread {
		losses = append([]convert.Loss{{What: what + ": not read", Rows: 0}}, losses...)
	}
	if err := o.tell(h, losses); err != nil {
		return err
	}
	if err := badInput(to.Write(set, survey, written, o.sink)); err != nil {
		return err
	}
	if set.Corpus != nil {
		h.note("%d rows, %d passages in %s", survey.Rows, set.Corpus.Len(), o.Out)
		return nil
	}
	h.note("%d rows in %s", survey.Rows, o.Out)
	return nil
}

// written are the options of what is written: the name of the file tells its kind and packing.
func (o ConvertOptions) written(to convert.Format) (convert.Options, error) {
	written := convert.Options{Split: o.Name, Negatives: o.Negatives, Scores: o.Scores}
	if to.Folder() {
		return written, nil
	}
	var err error
	if written.Kind, err = table.KindOf(o.Out); err != nil {
		return written, badInputf("--out: %w", err)
	}
	written.Packing = corpus.PackingOf(o.Out)
	return written, nil
}

// read reads one input, or the parts of a judged data set.
func (o ConvertOptions) read(h *host) (*convert.Set, error) {
	if o.Input == "" {
		return o.readParts(h)
	}
	apart := o.Source.Rank.Data
	if apart.Corpus != "" || apart.Queries != "" || o.Source.Judgments.Qrels != "" || o.Source.Judgments.Folder != "" {
		return nil, badInputf("--corpus, --queries, --qrels or --data beside --input: name the data once")
	}
	if o.Input == standard {
		return nil, badInputf("--input: what is converted is read more than once: name a file")
	}
	read := convert.ReadOptions{Split: o.Source.Judgments.Split}
	var from convert.Format
	var err error
	if o.From == "" {
		if from, err = convert.Detect(o.Input, read); errors.Is(err, fs.ErrNotExist) || errors.Is(err, corpus.ErrNoSplits) {
			return nil, badInputf("--input: %w", err)
		} else if err != nil {
			return nil, badInputf("--input: %w (--from says the format)", err)
		}
		h.note("%s is read as %s", o.Input, from.Name)
	} else if from, err = convert.ByName(o.From); err != nil {
		return nil, badInputf("--from: %w", err)
	}
	set, err := from.Read(o.Input, read)
	if err != nil {
		return nil, badInputf("--input: %w", err)
	}
	return set, nil
}

// readParts reads corpus, queries and judgments as quarry eval does.
func (o ConvertOptions) readParts(h *host) (*convert.Set, error) {
	if o.From != "" {
		return nil, badInputf("--from is the format of --input, which is not named")
	}
	if err := o.Source.validateData(); err != nil {
		return nil, err
	}
	if o.Source.Judgments.Folder != "" {
		d, err := beir.Open(o.Source.Judgments.Folder, beir.Options{Split: o.Source.Judgments.Split, KeepUnanswered: true})
		if err != nil {
			return nil, badInputf("--data: %w", err)
		}
		return convert.OfJudgments(d), nil
	}
	e, err := o.Source.judge(h)
	if err != nil {
		return nil, err
	}
	d := &beir.Dataset{Corpus: e.corpus, Queries: e.queries, Split: o.Name}
	for _, j := range e.judged {
		for _, g := range j.Grades {
			d.Judgments = append(d.Judgments, beir.Judgment{Query: j.Query, Passage: e.corpus.ID(g.Passage), Grade: int(g.Grade)})
		}
	}
	return convert.OfJudgments(d), nil
}

// tell says what will be lost, and refuses it where nothing may be.
func (o ConvertOptions) tell(h *host, losses []convert.Loss) error {
	var told []string
	for _, loss := range losses {
		line := loss.String()
		if loss.Rows == 0 {
			line = loss.What
		}
		told = append(told, line)
		h.note("lost: %s", line)
	}
	if o.Lossless && len(told) > 0 {
		return badInputf("--lossless: %s does not hold all of it: %s", o.To, strings.Join(told, "; "))
	}
	return nil
}

// sink makes a file of the output.
func (o ConvertOptions) sink(name string, write func(io.Writer) error) error {
	path := o.Out
	if name != "" {
		path = filepath.Join(o.Out, filepath.FromSlash(name))
	}
	if _, err := os.Stat(path); !o.Force && !errors.Is(err, fs.ErrNotExist) {
		return badInputf("--out: %s is there already: name another path, or replace it with --force", path)
	}
	return rundir.WriteFile(rundir.OS{}, path, write)
}

// convertRun turns rankings of one format into the other.
func (o ConvertOptions) convertRun(h *host) error {
	if err := need("input", o.Input, "from", o.From); err != nil {
		return err
	}
	if !slices.Contains(convert.Runs(), o.To) || !slices.Contains(convert.Runs(), o.From) {
		return badInputf("rankings of %s cannot become %s: they go between %s", o.From, o.To, strings.Join(convert.Runs(), " and "))
	}
	if o.Source.Judgments.Split != "" {
		return badInputf("--split has no part with rankings: leave it out")
	}
	var run *convert.Run
	err := readInput(h, "input", o.Input, func(r io.Reader) error {
		var err error
		run, err = convert.ReadRun(r, o.Input, o.From)
		return err
	})
	if err != nil {
		return err
	}
	if err := o.tell(h, run.Losses()); err != nil {
		return err
	}
	err = badInput(o.sink("", func(w io.Writer) error { return run.Write(w, o.To, o.Name, corpus.PackingOf(o.Out)) }))
	if err != nil {
		return err
	}
	h.note("%d rankings in %s", run.Queries(), o.Out)
	return nil
}
