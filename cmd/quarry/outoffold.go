package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prepare"
	"github.com/quarry-ml/quarry/rerank"
	"github.com/quarry-ml/quarry/rundir"
)

// foldModels is folds.json, and what finetune --folds --json prints.
type foldModels struct {
	Schema int         `json:"schema"`
	Folds  []foldModel `json:"folds"`
}

// foldModel is the cross-encoder that is left of a fold's training.
type foldModel struct {
	Model    string   `json:"model"`  // its directory, below that of folds.json, with slashes
	Digest   string   `json:"digest"` // of the cross-encoder
	Trained  int      `json:"trained"`
	HeldOut  int      `json:"held_out"` // queries that it was not trained on
	Loss     *float64 `json:"loss"`     // of the last epoch, the mean of its steps
	EvalLoss *float64 `json:"eval_loss"`
}

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
	list := foldModels{Schema: schema}
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
		m := foldModel{Model: fmt.Sprintf("fold-%d/epoch-%d", i, last.Epoch), Trained: len(trained), HeldOut: len(held), Loss: last.Loss, EvalLoss: last.EvalLoss}
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

// readFolds reads folds.json of a directory; nil where there is none.
func readFolds(dir string) (*foldModels, error) {
	file := filepath.Join(dir, model.FoldsName)
	content, err := rundir.ReadFile(rundir.OS{}, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseFolds(file, content)
}

// parseFolds reads folds.json, each of whose models is another directory below its own.
func parseFolds(file string, content []byte) (*foldModels, error) {
	var list foldModels
	if err := rundir.ParseJSON(file, content, &list); err != nil {
		return nil, err
	}
	if list.Schema != schema {
		return nil, fmt.Errorf("%s: schema %d; this program reads %d", file, list.Schema, schema)
	}
	if len(list.Folds) < 2 {
		return nil, fmt.Errorf("%s: %d folds, want 2 or more", file, len(list.Folds))
	}
	of := map[string]int{}
	for i, f := range list.Folds {
		place := path.Clean(f.Model)
		before, known := of[place]
		switch {
		case !filepath.IsLocal(filepath.FromSlash(f.Model)) || place == ".":
			return nil, fmt.Errorf("%s: fold %d: model %q is not below the directory", file, i, f.Model)
		case known:
			return nil, fmt.Errorf("%s: folds %d and %d have one model, %q", file, before, i, f.Model)
		case f.Digest == "":
			return nil, fmt.Errorf("%s: fold %d: no digest: nothing tells whether %s is as it was trained", file, i, f.Model)
		case f.Trained < 0 || f.HeldOut < 0:
			return nil, fmt.Errorf("%s: fold %d: trained %d, held_out %d: counts are 0 or more", file, i, f.Trained, f.HeldOut)
		}
		of[place] = i
	}
	return &list, nil
}

// scoreOutOfFold has each query's pairs scored by the first cross-encoder of a directory that was not trained on the query:
// that of the query's fold, and of queries that none was trained on the first one.
func (o TeacherOptions) scoreOutOfFold(ctx context.Context, h *host, dir string, list *foldModels, pairs []rerank.Pair) (said, error) {
	if err := o.checkOutOfFold(dir); err != nil {
		return said{}, err
	}
	result := said{scores: make([]float32, len(pairs)), by: make([]int, len(pairs))}
	var digests []string
	trained := make([]model.TrainedQueries, len(list.Folds))
	for i, f := range list.Folds {
		var err error
		place := filepath.Join(dir, filepath.FromSlash(f.Model))
		if trained[i], err = model.ReadTrainedQueries(place); err != nil {
			return said{}, badInputf("--teacher: %w", err)
		}
		digest, err := rundir.CrossEncoderDigest(ctx, rundir.OS{}, place)
		if err != nil {
			if ctx.Err() != nil {
				return said{}, err
			}
			return said{}, badInputf("--teacher: %w", err)
		}
		if digest != f.Digest {
			return said{}, badInputf("--teacher: %s is not as the training wrote it, by %s: train anew", place, filepath.Join(dir, model.FoldsName))
		}
		result.models, digests = append(result.models, f.Model), append(digests, f.Digest)
	}
	if err := assignFolds(result.by, pairs, trained); err != nil {
		return said{}, badInputf("--teacher %s: %w", dir, err)
	}
	for fold, f := range list.Folds {
		var places []int
		var asked []rerank.Pair
		for i, p := range pairs {
			if result.by[i] == fold {
				places, asked = append(places, i), append(asked, p)
			}
		}
		if len(asked) == 0 {
			continue
		}
		one := o
		one.Model.Model = filepath.Join(dir, filepath.FromSlash(f.Model))
		answer, err := one.scoreByOne(ctx, h, asked)
		if err != nil {
			return said{}, err
		}
		for k, i := range places {
			result.scores[i] = answer.scores[k]
		}
		result.header = answer.header
		result.counts.Pairs += answer.counts.Pairs
		result.counts.Asked += answer.counts.Asked
		result.counts.Stored += answer.counts.Stored
		result.counts.Truncated += answer.counts.Truncated
	}
	result.header.Model = rundir.DigestBytes([]byte(strings.Join(digests, "\n")))
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

// assignFolds gives each pair the first fold whose model was not trained on its query.
func assignFolds(by []int, pairs []rerank.Pair, trained []model.TrainedQueries) error {
	known := map[string]int{}
	for i, p := range pairs {
		fold, ok := known[p.Query]
		if !ok {
			for fold < len(trained) && trained[fold].Has(p.Query) {
				fold++
			}
			known[p.Query] = fold
		}
		if fold == len(trained) {
			return fmt.Errorf("the cross-encoder of every fold was trained on the query %q, so that none may judge it: were they trained from one that knew it?", p.Query)
		}
		by[i] = fold
	}
	return nil
}
