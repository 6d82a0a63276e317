package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prepare"
	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
)

// runFolds cuts the queries into folds, trains a cross-encoder without each, and lists them. What is trained stays.
func (t *training) runFolds(ctx context.Context) error {
	o := t.options
	if err := t.knowsNoFold(); err != nil {
		return err
	}
	if err := t.claimFolds(); err != nil {
		return err
	}
	options := prepare.FoldOptions{Folds: o.Pairs.Folds, Seed: o.Tune.Seed}
	folds, err := prepare.Cut(ctx, t.set.train, options)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		return badInputf("--folds: %s: %w", o.Train, err)
	}
	all, err := t.pairExamples(t.set.train, o.Train)
	if err != nil {
		return err
	}
	list := rundir.FoldModels{Schema: rundir.FoldModelsSchema}
	for i, held := range folds.Dev {
		trained := rowsBut(len(t.set.train), held)
		fold := t.ofFold(i)
		fold.train, fold.dev = all.Part(trained), all.Part(held)
		queries := make([]corpus.Query, len(trained))
		for k, row := range trained {
			queries[k] = t.set.train[row]
		}
		fold.cross.learns(queries)
		if err := fold.run(ctx); err != nil {
			return fmt.Errorf("fold %d: %w", i, err)
		}
		last := fold.epochs[len(fold.epochs)-1]
		m := rundir.FoldModel{Model: fmt.Sprintf("fold-%d/epoch-%d", i, last.Epoch), Trained: len(trained), HeldOut: len(held), Loss: last.Loss, EvalLoss: last.EvalLoss}
		if m.Digest, err = rundir.CrossEncoderDigest(ctx, rundir.OS{}, filepath.Join(o.Output, filepath.FromSlash(m.Model))); err != nil {
			return err
		}
		list.Folds = append(list.Folds, m)
	}
	if err := rundir.WriteJSON(rundir.OS{}, filepath.Join(o.Output, model.FoldsName), list); err != nil {
		return err
	}
	if o.JSON {
		return printJSON(t.host, list)
	}
	return nil
}

// knowsNoFold refuses to train from a cross-encoder that was trained on any of the queries: those of every fold would know it too.
func (t *training) knowsNoFold() error {
	known, first := 0, ""
	for _, q := range t.set.train {
		if t.cross.model.Trained.Has(q.Text) {
			if known++; known == 1 {
				first = q.Text
			}
		}
	}
	if known == 0 {
		return nil
	}
	return badInputf("--folds: --model %s was trained on %d of the %d queries of %s, the first %q, so that the cross-encoder of no fold may judge them: start from one that does not know them, such as the model that it was trained from",
		t.options.Model.Model, known, len(t.set.train), t.options.Train, first)
}

// claimFolds refuses a directory that holds anything but the trainings of folds, each of which finds out whether it is its own.
func (t *training) claimFolds() error {
	entries, err := rundir.OS{}.ReadDir(t.options.Output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return badInputf("--output: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case name == recordName:
			return badInputf("--output %s holds a training without --folds (%s): choose another directory", t.options.Output, recordName)
		case name != model.FoldsName && !foldName.MatchString(name) && !strings.HasSuffix(name, ".tmp"):
			return badInputf("--output %s is not empty (%s) and holds no folds alone: choose another directory", t.options.Output, name)
		}
	}
	return nil
}

// foldName is the name of a fold's directory.
var foldName = regexp.MustCompile(`^fold-\d+$`)

// ofFold is the training that leaves out a fold, in a directory of its own.
func (t *training) ofFold(i int) *training {
	fold, cross := *t, *t.cross
	fold.cross = &cross
	cross.fold = &foldOf{Fold: i, Folds: t.options.Pairs.Folds}
	fold.options.Output = filepath.Join(t.options.Output, fmt.Sprintf("fold-%d", i))
	fold.options.Dev = t.options.Train // the fold of it
	return &fold
}

// scoreOutOfFold has each query's pairs scored by the first cross-encoder of a directory that was not trained on the query:
// that of the query's fold, and of queries that none was trained on the first one.
func (o TeacherOptions) scoreOutOfFold(ctx context.Context, h *host, dir string, list *rundir.FoldModels, asked rerank.Asked, pairs int) (said, error) {
	if err := o.checkOutOfFold(dir); err != nil {
		return said{}, err
	}
	trained, err := list.Trained(ctx, rundir.OS{}, dir)
	if err != nil && ctx.Err() != nil {
		return said{}, err
	}
	if err != nil {
		return said{}, badInputf("--%s: %w", o.named(), err)
	}
	by, err := rerank.OutOfFold(asked, trained)
	if err != nil {
		return said{}, badInputf("--%s %s: %w", o.named(), dir, err)
	}
	result := said{by: by}
	for _, f := range list.Folds {
		result.models = append(result.models, f.Model)
	}
	result.scores, err = rerank.ScoresByFold(asked, by, len(list.Folds), func(fold int, asked rerank.Asked, sink func([]float32) error) error {
		f, one := list.Folds[fold], o
		one.Model.Model, one.digest = filepath.Join(dir, filepath.FromSlash(f.Model)), f.Digest
		header, counts, err := one.scoreByOne(ctx, h, asked, pairs, sink)
		result.header = header
		result.counts.Add(counts)
		return err
	})
	if err != nil {
		return said{}, err
	}
	result.header.Model = list.Digest()
	return result, nil
}

// checkOutOfFold refuses flags that mean one model.
func (o TeacherOptions) checkOutOfFold(dir string) error {
	if o.Kind != crossEncoderKind {
		return badInputf("--%skind %s: %s holds cross-encoders, one for each fold (%s)", o.prefix, o.Kind, dir, model.FoldsName)
	}
	if o.Cache != "" {
		return badInputf("--cache has no part with the cross-encoders of folds (%s): each has a file of scores of its own in Quarry's cache", filepath.Join(dir, model.FoldsName))
	}
	return nil
}
