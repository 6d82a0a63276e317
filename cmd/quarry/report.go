package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// ReportOptions are the flags of quarry report.
type ReportOptions struct {
	Dir    string // of the recipe that is named
	Format string
	JSON   bool
	Scores []string
	Folds  bool
	All    string // of which measures text shows the intervals
	HTML   string // file of the page with charts; empty is none
	Output string // file, or directory of event files; empty is standard output
}

// formatHTML is the page with charts.
const formatHTML = "html"

// inRun stands for the page's place in the run directory where --html names no file.
const inRun = "report.html of the run"

func newReportCommand(h *host) *cobra.Command {
	var o ReportOptions
	cmd := &cobra.Command{
		Use:   "report RUN | report --folds RUN…",
		Short: "Show what a run has scored, round after round",
		Long: `Show what a run has scored: a table of epochs for every round, the epoch that the round went on with and why.
RUN is a run directory, or a recipe whose run directory is meant. The run may be under way meanwhile. Of a recipe with folds
all runs are shown together.

With --html it writes the page with charts in place of the tables: one file that needs nothing else. A run writes it
when it ends, into its directory.

Format tensorboard writes what training and evaluation measured, step by step, as event files for TensorBoard, and format
wandb as the JSON lines in which Weights & Biases keeps a history.

With --folds, runs on the folds of one data set ('quarry split') are shown together: of every epoch that all have scored, the
mean and spread over the folds, and the mean over the queries of all folds with its interval.`,
		Example: `  quarry report runs/eedi
  quarry report recipe.yaml --format markdown > results.md
  quarry report --folds eedi.fold-*.yaml
  quarry report runs/eedi --score 1/3=0.505:LB    # a leaderboard's score of round 1, epoch 3
  quarry report runs/eedi --format tensorboard --output events && tensorboard --logdir events
  quarry report runs/eedi --html                  # runs/eedi/report.html
  quarry report runs/eedi --html results.html`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.Folds && len(args) > 1 {
				return nil
			}
			if o.HTML == inRun && len(args) == 2 { // a flag whose value may be absent takes it only behind "="
				args = args[:1]
			}
			return one("RUN")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if i := slices.IndexFunc(args, isPage); o.Folds && o.HTML == inRun && i >= 0 { // --html out.html among the runs
				o.HTML, args = args[i], slices.Delete(slices.Clone(args), i, i+1)
			}
			if o.HTML == inRun && len(args) == 2 && !o.Folds {
				if isPage(args[0]) && !isPage(args[1]) { // --html out.html RUN
					args[0], args[1] = args[1], args[0]
				}
				if ext := filepath.Ext(args[1]); ext == ".yaml" || ext == ".yml" { // a second recipe, which the page would replace
					return badInputf("one RUN is wanted, got 2 words: %s; a page is named as in --html=results.html", strings.Join(args, " "))
				}
				o.HTML = args[1]
			}
			if o.Format == formatHTML && !o.JSON && o.HTML == "" { // as --html FILE
				o.HTML, o.Output, o.Format = cmp.Or(o.Output, standard), "", string(report.Text)
			} else if o.HTML != "" && (o.JSON || cmd.Flags().Changed("format")) {
				return badInputf("--html and --format contradict each other")
			}
			if o.HTML != "" && o.Output != "" {
				return badInputf("--html names its own file: --output has no part beside it")
			}
			if o.JSON && cmd.Flags().Changed("format") && o.Format != string(report.JSON) {
				return badInputf("--json and --format %s contradict each other", o.Format)
			}
			if o.Folds {
				if o.Dir != "" {
					return badInputf("--dir is for one run: it has no part beside --folds")
				}
				return runReportFolds(h, o, args)
			}
			run, err := inDir(args[0], o.Dir)
			if err != nil {
				return err
			}
			return runReport(h, o, run)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Format, "format", string(report.Text), "text, markdown, json, csv or latex; html, the page with charts; tensorboard, event files; or wandb, a JSON line a step")
	f.StringVar(&o.Output, "output", "", "`file` to write (standard output); of format tensorboard the directory, which is to be new")
	f.BoolVar(&o.JSON, "json", false, "the same as --format json")
	f.StringVar(&o.HTML, "html", "", "write the page with charts to this `file`, - for standard output; report.html in the run directory where none is named")
	f.Lookup("html").NoOptDefVal = inRun
	f.StringArrayVar(&o.Scores, "score", nil, "record a score taken elsewhere, as `ROUND/EPOCH=VALUE:LABEL`; replaces the one of the same label; may be repeated")
	f.StringVar(&o.All, "intervals", intervalsOfFirst, "`measures` whose intervals text shows: first, or all, in a table of their own; the other formats have them all")
	f.BoolVar(&o.Folds, "folds", false, "runs on folds of one data set, shown together")
	addRecipeDir(f, &o.Dir)
	return cmd
}

// The values of --intervals.
const (
	intervalsOfFirst = "first"
	intervalsOfAll   = "all"
)

// checkIntervals refuses a value of --intervals that is none, and one that would be passed over.
func (o ReportOptions) checkIntervals(format report.Format) error {
	switch {
	case o.All != intervalsOfFirst && o.All != intervalsOfAll:
		return badInputf("--intervals %q: there are %s and %s", o.All, intervalsOfFirst, intervalsOfAll)
	case o.All == intervalsOfAll && (format != report.Text || o.HTML != "" || o.Folds):
		return badInputf("--intervals is for the text of one run: everything else has the intervals of all measures")
	}
	return nil
}

// runReportFolds writes the summary of runs on folds.
func runReportFolds(h *host, o ReportOptions, runs []string) (err error) {
	if o.exports() {
		return badInputf("--format %s is for one run: it has no part beside --folds", o.Format)
	}
	format, err := o.format()
	if err != nil {
		return err
	}
	if err := errors.Join(o.checkIntervals(format), o.mayWrite(runs...)); err != nil {
		return err
	}
	if o.HTML == inRun {
		return badInputf("--html: the folds' page has no place of its own: name a file, as in --html=folds.html")
	}
	if len(o.Scores) > 0 {
		return badInputf("--score is for one run: it has no part beside --folds")
	}
	var dirs []*rundir.Dir
	defer func() {
		for _, d := range dirs {
			err = errors.Join(err, d.Close())
		}
	}()
	for _, run := range runs {
		d, err := openReported(run)
		if err != nil {
			return err
		}
		dirs = append(dirs, d)
	}
	summary, err := report.ReadFolds(dirs, stats.DefaultOptions())
	if err != nil {
		return badInput(err)
	}
	if o.HTML != "" {
		return writeNamedPage(h, page.OfFolds(summary), o.HTML)
	}
	return o.write(h, func(w io.Writer) error { return summary.Write(w, format) })
}

// format is that of tables.
func (o ReportOptions) format() (report.Format, error) {
	if o.JSON {
		return report.JSON, nil
	}
	format, err := report.ParseFormat(o.Format)
	if err != nil {
		return "", badInputf("--format: %w, html for a page, and %v for programs that draw curves", err, []string{formatTensorBoard, formatWandB})
	}
	return format, nil
}

// mayWrite refuses outputs that would be the end of what the runs are.
func (o ReportOptions) mayWrite(runs ...string) error {
	html := o.HTML
	if html == inRun {
		html = ""
	}
	return errors.Join(
		mayWrite("output", o.Output), mayWriteBesideRuns("output", o.Output, runs...),
		mayWrite("html", html), mayWriteBesideRuns("html", html, runs...))
}

// write writes to the file that --output names, else to standard output.
func (o ReportOptions) write(h *host, write func(io.Writer) error) error {
	return writeOutput(h, o.Output, write)
}

// runReport records the scores given, then writes the report.
func runReport(h *host, o ReportOptions, run string) (err error) {
	if err := mayWriteBesideRuns("output", o.Output, run); err != nil {
		return err
	}
	if o.exports() {
		return exportHistory(h, o, run)
	}
	format, err := o.format()
	if err != nil {
		return err
	}
	if err := errors.Join(o.checkIntervals(format), o.mayWrite(run)); err != nil {
		return err
	}
	if r, err := withFolds(run); err != nil {
		return err
	} else if r != nil {
		if o.HTML == inRun || len(o.Scores) > 0 {
			return badInputf("--score, and --html without a file, are for one run: name the directory of a fold, such as %s.fold-0", r.Dir())
		}
		c, err := readCrossValidation(r)
		if err != nil {
			return err
		}
		if o.HTML != "" {
			return writeNamedPage(h, page.OfCrossValidation(c), o.HTML)
		}
		return o.write(h, func(w io.Writer) error { return c.Write(w, format) })
	}
	d, err := openReported(run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := recordScores(d, o.Scores); err != nil {
		return fmt.Errorf("--score: %w", err)
	}
	if o.HTML != "" {
		return writePage(h, d, o.HTML)
	}
	r, err := report.Read(d)
	if err != nil {
		return badInput(err)
	}
	if err := r.AddIntervals(d, stats.DefaultOptions()); err != nil {
		return badInput(err)
	}
	return o.write(h, func(w io.Writer) error {
		return r.WriteWith(w, format, report.WriteOptions{Intervals: o.All == intervalsOfAll})
	})
}

// recordScores records scores as the user wrote them: all, or none where one is wrong.
func recordScores(d *rundir.Dir, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	var scores []rundir.OutsideScore
	for _, text := range texts {
		s, err := report.ParseScore(text)
		if err != nil {
			return badInput(err)
		}
		scores = append(scores, s)
	}
	err := report.Record(d, scores...)
	if errors.Is(err, report.ErrNoEpoch) {
		return badInput(err)
	}
	return err
}
