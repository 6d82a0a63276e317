package main

import (
	"errors"
	"fmt"
	"io/fs"

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
		if r.Epoch <= last.Epoch || r.Steps < last.Steps || (r.Loss == nil) != (r.Epoch == 0) {
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
