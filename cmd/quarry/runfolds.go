package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// summaryName is the file, beside the folds' queries, of what they came to.
const summaryName = "summary.json"

// runFolds drives a recipe's cross-validation: each setting on each fold, then the summary.
func runFolds(ctx context.Context, h *host, r *recipe.Recipe, o RunOptions) error {
	err := runEachFold(ctx, h, r, o)
	// Once, when all folds have ended or one has failed.
	ended := pipeline.FinishFolds(context.WithoutCancel(ctx), r, pipelineOptions(h, r, o), err)
	if errors.Is(err, pipeline.ErrChoiceWanted) { // a good end, as for one run
		h.note("%v", err)
		return ended
	}
	return errors.Join(err, ended)
}

func runEachFold(ctx context.Context, h *host, r *recipe.Recipe, o RunOptions) error {
	folds, err := cutFolds(ctx, h, r, o)
	if err != nil {
		return err
	}
	if err := folds.Write(rundir.OS{}); err != nil {
		return err
	}
	for i, runs := range folds.Runs {
		for k, fold := range runs {
			h.note("%sfold %d of %d: %s", settingLabel(r, i), k, len(runs), filepath.Base(fold.Dir()))
			if err := drive(ctx, h, fold, o, showcase{}); err != nil {
				return err // which names the run, or says how to go on
			}
		}
	}
	if o.Until != "" { // there may be nothing to sum up yet
		return nil
	}
	s, err := readCrossValidation(r)
	if errors.Is(err, report.ErrNoChoice) { // the rounds' rule asks a person
		return fmt.Errorf("%w: %w", pipeline.ErrChoiceWanted, err)
	}
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := s.Write(&content, report.JSON); err != nil {
		return err
	}
	err = rundir.WriteFile(rundir.OS{}, filepath.Join(folds.Dir, summaryName), func(w io.Writer) error {
		_, err := content.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	if err := h.printf("\n"); err != nil {
		return err
	}
	return s.Write(h.out, report.Text)
}

// cutFolds cuts the queries of a recipe, whose directories follow from its name.
func cutFolds(ctx context.Context, h *host, r *recipe.Recipe, o RunOptions) (*pipeline.Folds, error) {
	if o.Dir != "" {
		return nil, badInputf("--dir has no part in a recipe with folds: the run of each lies in a directory of its own, %s.fold-0 and on", r.Dir())
	}
	folds, err := pipeline.CutFolds(ctx, r, rundir.OS{})
	if err == nil {
		err = folds.CheckCut(r, rundir.OS{})
	}
	if err == nil && folds.Miss != "" {
		h.note("warning: folds.unseen_share: %s", folds.Miss)
	}
	return folds, badInput(err)
}

func settingLabel(r *recipe.Recipe, i int) string {
	if len(r.Folds.Settings) == 0 {
		return ""
	}
	return fmt.Sprintf("setting %s, ", r.Folds.Settings[i].Name)
}

// readCrossValidation reads what the runs of a recipe with folds have come to.
func readCrossValidation(r *recipe.Recipe) (_ *report.CrossValidation, err error) {
	var settings []report.FoldsOf
	var all []*rundir.Dir
	defer func() {
		for _, d := range all {
			err = errors.Join(err, d.Close())
		}
	}()
	for _, variant := range r.Variants() {
		one := report.FoldsOf{Name: variant.Name}
		for k := range r.Folds.Count {
			d, err := rundir.Open(variant.Fold(k, "train.jsonl", "dev.jsonl").Dir(), rundir.OpenOptions{ReadOnly: true})
			if err != nil {
				return nil, badInput(err)
			}
			all, one.Dirs = append(all, d), append(one.Dirs, d)
		}
		settings = append(settings, one)
	}
	for i, s := range r.Folds.Settings {
		settings[i].Name = s.Name
	}
	s, err := report.CrossValidate(settings, r.Folds.Metric, stats.DefaultOptions())
	return s, badInput(err)
}

// planFolds prints what each fold's run would do.
func planFolds(ctx context.Context, h *host, r *recipe.Recipe, o RunOptions) error {
	folds, err := cutFolds(ctx, h, r, o)
	if err != nil {
		return err
	}
	type foldPlan struct {
		Setting string `json:"setting,omitempty"`
		Fold    int    `json:"fold"`
		*pipeline.Plan
	}
	out := struct {
		Schema  int        `json:"schema"`
		Folds   []foldPlan `json:"folds"`
		Seconds float64    `json:"seconds"`
	}{Schema: schema}
	for i, runs := range folds.Runs {
		for k, fold := range runs {
			options := pipelineOptions(h, fold, o)
			options.FS = folds.Unwritten(rundir.OS{})
			plan, err := pipeline.MakePlan(ctx, fold, options)
			if err != nil {
				return inputUnlessWriting(err)
			}
			if k == 0 { // the corpus is that of all folds
				for _, warning := range plan.Warnings {
					h.note("warning: %s", warning)
				}
			}
			one := foldPlan{Fold: k, Plan: plan}
			if len(r.Folds.Settings) > 0 {
				one.Setting = r.Folds.Settings[i].Name
			}
			out.Folds = append(out.Folds, one)
			out.Seconds += plan.Seconds
		}
	}
	if o.JSON {
		return printJSON(h, out)
	}
	resolved, err := r.Brief()
	if err != nil {
		return err
	}
	if err := h.printf("%s", resolved); err != nil {
		return err
	}
	for i, one := range out.Folds {
		part := folds.Cut.Parts[one.Fold]
		err := h.printf("\n%sfold %d of %d: %d queries train, %d are dev, %d of them unseen\n%s", settingLabel(r, i/r.Folds.Count), one.Fold, r.Folds.Count, part.Train, part.Dev, part.Unseen, planText(one.Plan))
		if err != nil {
			return err
		}
	}
	return h.printf("\nall folds together take about %s\n", secondsText(out.Seconds))
}
