package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/rundir"
)

// trainingRecord is finetune.json: a training of another record does not go on in its directory.
type trainingRecord struct {
	Schema   int               `json:"schema"`
	Identity string            `json:"identity"`
	Digests  map[string]string `json:"digests"` // of train, dev, corpus, model, teacher's scores, guide and the adapter that is trained on
	Options  finetune.Options  `json:"options"`
	// Contract is the model's with flags and prompts above it, as quarry.json of a checkpoint holds it.
	Contract   json.RawMessage `json:"contract"`
	Lengths    [2]int          `json:"lengths"` // of queries and passages
	FromRow    bool            `json:"prompt_from_row"`
	Examples   *ExampleOptions `json:"examples,omitempty"` // where any are shown
	Tokens     []string        `json:"additional_special_tokens,omitempty"`
	IDField    string          `json:"id_field"`
	GroupField string          `json:"group_field"`
	Metrics    []string        `json:"metrics"`
	Pairs      *pairRecord     `json:"pairs,omitempty"`    // of a cross-encoder, which has no contract
	Mix        *TrainData      `json:"datasets,omitempty"` // which rows of several files are trained on
	// Checkpoints is what names of epochs' checkpoints begin with, where it is not epoch-.
	Checkpoints string `json:"checkpoints,omitempty"`
}

func (t *training) record(ctx context.Context) (trainingRecord, error) {
	r := trainingRecord{Schema: schema, Identity: t.engine.Identity(), Digests: map[string]string{}, Options: t.options.Tune,
		Pairs: t.cross.record(), Lengths: [2]int{t.query.maxLength, t.passage.maxLength}, FromRow: t.options.Texts.PromptFromRow || t.options.Texts.rowFormat != "",
		Tokens: t.options.Model.SpecialTokens, IDField: t.options.Data.IDField, GroupField: t.options.Data.GroupField, Checkpoints: t.options.Checkpoints}
	if r.Contract = json.RawMessage("null"); t.cross == nil {
		r.Contract = t.contract().Encode()
	}
	if t.options.Tune.Examples > 0 {
		r.Examples = &t.options.Examples
	}
	for _, m := range t.measures {
		r.Metrics = append(r.Metrics, m.String())
	}
	r.Options.LoRA.BaseModel, r.Options.LoRA.BaseRevision = "", "" // a place, not a content
	modelDigest := func(ctx context.Context, dir string) (string, error) {
		if t.cross != nil {
			return t.cross.digest(ctx, dir)
		}
		return rundir.ModelDigest(ctx, rundir.OS{}, dir)
	}
	type input struct {
		role, path string
		digest     func(context.Context, string) (string, error)
	}
	train := []input{{"train", t.options.Train, t.digest}}
	if r.Mix = t.options.Mix; r.Mix != nil {
		files, err := r.Mix.files()
		if err != nil {
			return r, err
		}
		train = nil
		for i, file := range files {
			train = append(train, input{fmt.Sprintf("train %d, %s", i, filepath.Base(file)), file, t.digest})
		}
	}
	for _, in := range append(train, []input{
		{"dev", t.options.Dev, t.digest},
		{"eval_corpus", t.options.Eval.Corpus, t.digest}, {"eval_queries", t.options.Eval.Queries, t.digest}, {"eval_examples", t.options.Eval.Examples, t.digest},
		{"corpus", t.options.Data.Corpus, t.digest}, {"teacher", t.options.Teacher, t.digest},
		{"adapter", t.options.Adapter, func(ctx context.Context, dir string) (string, error) { return rundir.TreeDigest(ctx, rundir.OS{}, dir) }},
		{"guide", t.options.Guide, modelDigest}, {"model", t.options.Model.found.dir, modelDigest},
	}...) {
		if in.path == "" {
			continue
		}
		digest, err := in.digest(ctx, in.path)
		if err != nil {
			return r, err
		}
		r.Digests[in.role] = digest
	}
	return r, nil
}

// claim makes the output directory this training's, or finds that it is.
func (t *training) claim(ctx context.Context) error {
	r, err := t.record(ctx)
	if err != nil {
		return err
	}
	content, err := rundir.ReadFile(rundir.OS{}, t.file(recordName))
	switch {
	case err == nil:
		return t.compare(content, r)
	case !errors.Is(err, fs.ErrNotExist):
		return badInputf("--output: %w", err)
	}
	entries, err := rundir.OS{}.ReadDir(t.options.Output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return badInputf("--output: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tmp") && !t.options.Merges.besideTraining(e.Name()) {
			return badInputf("--output %s is not empty (%s) and holds no %s: choose another directory", t.options.Output, e.Name(), recordName)
		}
	}
	return rundir.WriteJSON(rundir.OS{}, t.file(recordName), r)
}

// compare refuses to go on in the directory of another training, and says what is other.
func (t *training) compare(content []byte, now trainingRecord) error {
	before, err := parseRecord(t.file(recordName), content)
	if err != nil {
		return badInputf("--output: %w: choose another directory", err)
	}
	was, err := rundir.CanonicalJSON(before)
	if err != nil {
		return err
	}
	is, err := rundir.CanonicalJSON(now)
	if err != nil {
		return err
	}
	changed, err := rundir.Differences(was, is)
	if err != nil || len(changed) == 0 {
		return err
	}
	return badInputf("--output %s holds a training of other data, another model or other options (%s): choose another directory\n  %s", t.options.Output, recordName, strings.Join(changed, "\n  "))
}

// parseRecord reads finetune.json.
func parseRecord(path string, content []byte) (trainingRecord, error) {
	var r trainingRecord
	if err := rundir.ParseJSON(path, content, &r); err != nil {
		return r, err
	}
	if r.Schema != schema {
		return r, fmt.Errorf("%s: schema %d; this program reads %d", path, r.Schema, schema)
	}
	return r, nil
}
