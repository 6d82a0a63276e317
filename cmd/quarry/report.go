package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// ReportOptions are the flags of quarry report.
type ReportOptions struct {
	Format string
	JSON   bool
	Scores []string
	Folds  bool
}

func newReportCommand() *cobra.Command {
	var o ReportOptions
	cmd := &cobra.Command{
		Use:   "report RUN | report --folds RUN…",
		Short: "Show what a run has scored, round after round",
		Long: `Show what a run has scored: a table of epochs for every round, the epoch that the round went on with and why.
RUN is a run directory, or a recipe whose run directory is meant. The run may be under way meanwhile.

With --folds, runs on the folds of one data set ('quarry split') are shown together: of every epoch that all have scored, the
mean and spread over the folds, and the mean over the queries of all folds with its interval.`,
		Example: `  quarry report runs/eedi
  quarry report recipe.yaml --format markdown > results.md
  quarry report --folds eedi.fold-*.yaml
  quarry report runs/eedi --score 1/3=0.505:LB    # a leaderboard's score of round 1, epoch 3`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.Folds && len(args) > 1 {
				return nil
			}
			return one("RUN")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.JSON && cmd.Flags().Changed("format") && o.Format != string(report.JSON) {
				return badInputf("--json and --format %s contradict each other", o.Format)
			}
			if o.Folds {
				return runReportFolds(o, args, cmd.OutOrStdout())
			}
			return runReport(o, args[0], cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Format, "format", string(report.Text), "text, markdown, json, csv or latex")
	f.BoolVar(&o.JSON, "json", false, "the same as --format json")
	f.StringArrayVar(&o.Scores, "score", nil, "record a score taken elsewhere, as `ROUND/EPOCH=VALUE:LABEL`; replaces the one of the same label; may be repeated")
	f.BoolVar(&o.Folds, "folds", false, "runs on folds of one data set, shown together")
	return cmd
}

// runReportFolds writes the summary of runs on folds.
func runReportFolds(o ReportOptions, runs []string, out io.Writer) (err error) {
	if o.JSON {
		o.Format = string(report.JSON)
	}
	format, err := report.ParseFormat(o.Format)
	if err != nil {
		return badInputf("--format: %w", err)
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
		path, err := reportedDir(run)
		if err != nil {
			return badInput(err)
		}
		d, err := rundir.Open(path, rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			return badInput(err)
		}
		dirs = append(dirs, d)
	}
	summary, err := report.ReadFolds(dirs, stats.DefaultOptions())
	if err != nil {
		return badInput(err)
	}
	return summary.Write(out, format)
}

// runReport records the scores given, then writes the report.
func runReport(o ReportOptions, run string, out io.Writer) (err error) {
	if o.JSON {
		o.Format = string(report.JSON)
	}
	format, err := report.ParseFormat(o.Format)
	if err != nil {
		return badInputf("--format: %w", err)
	}
	path, err := reportedDir(run)
	if err != nil {
		return badInput(err)
	}
	d, err := rundir.Open(path, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		return badInput(err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := recordScores(d, o.Scores); err != nil {
		return fmt.Errorf("--score: %w", err)
	}
	r, err := report.Read(d)
	if err != nil {
		return badInput(err)
	}
	if err := r.AddIntervals(d, stats.DefaultOptions()); err != nil {
		return badInput(err)
	}
	return r.Write(out, format)
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

// notAbove refuses a directory that is none of a run but has one below it, as a demo's folder has.
func notAbove(dir string) error {
	if _, err := os.Stat(rundir.Layout(dir).Format()); err == nil {
		return nil
	}
	for _, below := range []string{"*", filepath.Join("runs", "*")} {
		found, err := filepath.Glob(rundir.Layout(filepath.Join(dir, below)).Format())
		if err == nil && len(found) > 0 {
			return fmt.Errorf("%s is no run directory, but %s is: name that", dir, filepath.Dir(found[0]))
		}
	}
	return nil
}

// reportedDir is the run directory that an argument names: itself, or that of a recipe.
func reportedDir(run string) (string, error) {
	info, err := os.Stat(run)
	if err != nil {
		return "", fmt.Errorf("a run directory or a recipe is wanted: %w", err)
	}
	if info.IsDir() {
		return run, notAbove(run)
	}
	r, err := recipe.Load(run)
	if err != nil {
		return "", err
	}
	return r.Dir(), nil
}
