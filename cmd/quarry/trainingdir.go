package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/rundir"
)

// The files of a finetune's output directory.
const (
	recordName = "finetune.json" // what is trained from which files
	stepsName  = "steps.jsonl"
	epochsName = "epochs.json"
	stateName  = "training.state"
)

func (t *training) file(name string) string { return filepath.Join(t.options.Output, name) }

func (t *training) epochDir(epoch int) string { return t.file(fmt.Sprintf("epoch-%d", epoch)) }

// trainingRecord is finetune.json: a training of another record does not go on in its directory.
type trainingRecord struct {
	Schema   int               `json:"schema"`
	Identity string            `json:"identity"`
	Digests  map[string]string `json:"digests"` // of train, dev, corpus and model
	Options  finetune.Options  `json:"options"`
	Query    model.Prompt      `json:"query"`
	Passage  model.Prompt      `json:"passage"`
	Lengths  [2]int            `json:"lengths"` // of queries and passages
	FromRow  bool              `json:"prompt_from_row"`
}

func (t *training) record(ctx context.Context) (trainingRecord, error) {
	r := trainingRecord{Schema: schema, Identity: t.engine.Identity(), Digests: map[string]string{}, Options: t.options.Tune,
		Query: t.query.prompt, Passage: t.passage.prompt, Lengths: [2]int{t.query.maxLength, t.passage.maxLength}, FromRow: t.options.Texts.PromptFromRow}
	r.Options.LoRA.BaseModel = "" // a place, not a content
	for _, in := range []struct{ role, path string }{
		{"train", t.options.Train}, {"dev", t.options.Dev}, {"corpus", t.options.Data.Corpus}, {"model", t.options.Model.Model},
	} {
		if in.path == "" {
			continue
		}
		digest, err := t.digest(ctx, in.path)
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
	want, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	got, err := rundir.ReadFile(rundir.OS{}, t.file(recordName))
	switch {
	case err == nil && bytes.Equal(bytes.TrimSpace(got), want):
		return nil
	case err == nil:
		return badInputf("--output %s holds a training of other data, another model or other options (%s): choose another directory", t.options.Output, recordName)
	case !errors.Is(err, fs.ErrNotExist):
		return badInputf("--output: %w", err)
	}
	entries, err := rundir.OS{}.ReadDir(t.options.Output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return badInputf("--output: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tmp") {
			return badInputf("--output %s is not empty (%s) and holds no %s: choose another directory", t.options.Output, e.Name(), recordName)
		}
	}
	return rundir.WriteJSON(rundir.OS{}, t.file(recordName), r)
}

// resume loads the state where there is one, and the results of the epochs that it covers.
func (t *training) resume() error {
	f, err := rundir.OS{}.Open(t.file(stateName))
	if err == nil {
		err = errors.Join(t.trainer.LoadState(f, t.file(stateName)), f.Close())
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return badInput(err)
	}
	t.saved = t.trainer.Done()
	if t.saved > 0 {
		t.note("%s: steps 1 to %d of %d are done", t.options.Output, t.saved, t.trainer.Steps())
	}
	if err := t.readEpochs(); err != nil {
		return err
	}
	for _, r := range t.epochs {
		if err := t.show(r); err != nil {
			return err
		}
	}
	t.steps, err = rundir.OpenSteps(rundir.OS{}, t.file(stepsName), t.saved)
	return err
}

// readEpochs reads the results of epochs; those behind the state are made again.
func (t *training) readEpochs() error {
	var file epochsFile
	err := rundir.ReadJSON(rundir.OS{}, t.file(epochsName), &file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return badInput(err)
	}
	for _, r := range file.Epochs {
		if r.Steps <= t.saved {
			t.epochs = append(t.epochs, r)
		}
	}
	return nil
}

// openEpoch opens the model of an epoch: the base, a full checkpoint, or the base with an adapter.
func (t *training) openEpoch(epoch int) (*model.Model, error) {
	above, err := t.options.Model.options()
	if err != nil {
		return nil, err
	}
	if epoch > 0 && t.options.Tune.Method == finetune.Full {
		return model.Open(t.epochDir(epoch), above)
	}
	m, err := model.Open(t.options.Model.Model, above)
	if err != nil || epoch == 0 {
		return m, err
	}
	a, err := lora.Open(t.epochDir(epoch), m.Base())
	if err == nil {
		err = m.Attach(a)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// epochsFile is epochs.json, and what finetune --json prints.
type epochsFile struct {
	Schema int           `json:"schema"`
	Epochs []epochResult `json:"epochs"`
}

// epochResult is what is known of an epoch.
type epochResult struct {
	Epoch    int                `json:"epoch"`
	Steps    int                `json:"steps"`
	Loss     *float64           `json:"loss"` // mean of its steps; null for the base
	EvalLoss *float64           `json:"eval_loss,omitempty"`
	Metrics  map[string]float64 `json:"metrics,omitempty"`
}

// line is the epoch in words.
func (r epochResult) line(measures []eval.Measure) string {
	text := fmt.Sprintf("epoch %d", r.Epoch)
	if r.Loss != nil {
		text += fmt.Sprintf("  step %d  loss %.4f", r.Steps, *r.Loss)
	}
	if r.EvalLoss != nil {
		text += fmt.Sprintf("  eval_loss %.4f", *r.EvalLoss)
	}
	for _, m := range measures {
		if v, ok := r.Metrics[m.String()]; ok {
			text += fmt.Sprintf("  %s %.4f", m, v)
		}
	}
	return text
}
