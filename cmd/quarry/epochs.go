package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/rundir"
)

// readEpochs reads the results of epochs; those behind the state are made again.
func (t *training) readEpochs() error {
	content, err := rundir.ReadFile(rundir.OS{}, t.file(epochsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return badInput(err)
	}
	file, err := parseEpochs(t.file(epochsName), content)
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

// checkEpochs refuses to go on where a finished epoch has lost its result or its checkpoint: the state goes on behind them,
// so that they would never come again.
func (t *training) checkEpochs(ctx context.Context) error {
	if t.saved == 0 {
		return nil
	}
	first := 1
	if t.judges() { // the base is judged too
		first = 0
	}
	advice := fmt.Sprintf("put back what the training wrote, or remove %s to train anew", t.file(stateName))
	for epoch := first; epoch <= t.trainer.Finished(); epoch++ {
		i := slices.IndexFunc(t.epochs, func(r epochResult) bool { return r.Epoch == epoch })
		if i < 0 {
			return badInputf("%s lacks epoch %d, which the training is behind: %s", t.file(epochsName), epoch, advice)
		}
		if epoch == 0 {
			continue
		}
		digest, err := rundir.TreeDigest(ctx, rundir.OS{}, t.epochDir(epoch))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return badInputf("%s is missing: %s", t.epochDir(epoch), advice)
		case err != nil:
			return err
		case digest != t.epochs[i].Checkpoint:
			return badInputf("%s is not as the training wrote it (by its digest in %s): %s", t.epochDir(epoch), epochsName, advice)
		}
	}
	return nil
}

// parseEpochs reads epochs.json. What training would not have written is an error: it would be printed as a result.
func parseEpochs(path string, content []byte) (epochsFile, error) {
	var file epochsFile
	if err := rundir.ParseJSON(path, content, &file); err != nil {
		return file, err
	}
	if file.Schema != schema {
		return file, fmt.Errorf("%s: schema %d; this program reads %d: choose another --output", path, file.Schema, schema)
	}
	for i, r := range file.Epochs {
		last := epochResult{Epoch: -1}
		if i > 0 {
			last = file.Epochs[i-1]
		}
		if r.Epoch <= last.Epoch || r.Steps < last.Steps || (r.Loss == nil) != (r.Epoch == 0) || (r.Checkpoint == "") != (r.Epoch == 0) {
			return file, fmt.Errorf("%s: epoch %d at step %d is not what a training writes: choose another --output", path, r.Epoch, r.Steps)
		}
	}
	return file, nil
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
	// Checkpoint is the digest of epoch-N/; the base has none.
	Checkpoint string `json:"checkpoint,omitempty"`
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
