package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// What the names of epochs' checkpoints begin with, the number following: Quarry's own, and that of the reference pipeline's
// --save_lora_every_epoch.
const (
	ownEpochs  = "epoch-"
	loraEpochs = "lora_epoch_"
)

// epochPrefix is what the training's checkpoints are called, but for their number.
func (o *FinetuneOptions) epochPrefix() string { return cmp.Or(o.Checkpoints, ownEpochs) }

// ofEpoch says whether a directory has the name of an epoch's checkpoint.
func ofEpoch(dir string) bool {
	name := filepath.Base(dir)
	return strings.HasPrefix(name, ownEpochs) || strings.HasPrefix(name, loraEpochs)
}

// epochsIn are the checkpoints of epochs in a directory, the last first.
func epochsIn(dir string) []string {
	if own := numbered(dir, ownEpochs); len(own) > 0 {
		return own
	}
	return numbered(dir, loraEpochs)
}

// The files of a finetune's output directory.
const (
	recordName = "finetune.json" // what is trained from which files
	stepsName  = "steps.jsonl"
	epochsName = "epochs.json"
	stateName  = "training.state"
)

func (t *training) file(name string) string { return filepath.Join(t.options.Output, name) }

func (t *training) epochDir(epoch int) string {
	return t.file(fmt.Sprintf("%s%d", t.options.epochPrefix(), epoch))
}

// resume loads the state where there is one, and the results of the epochs that it covers.
func (t *training) resume(ctx context.Context) error {
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
	if err := t.readEpochs(); err != nil {
		return err
	}
	if err := t.checkEpochs(ctx); err != nil {
		return err
	}
	if t.saved > 0 {
		t.note("%s: steps 1 to %d of %d are done", t.options.Output, t.saved, t.trainer.Steps())
	}
	for _, r := range t.epochs {
		if err := t.show(r); err != nil {
			return err
		}
	}
	t.steps, err = rundir.OpenSteps(rundir.OS{}, t.file(stepsName), t.saved)
	return err
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
	if epoch == 0 && t.options.Adapter != "" {
		return model.OpenAdapted(t.options.Model.found.dir, t.options.Adapter, above)
	}
	if epoch == 0 {
		return model.Open(t.options.Model.found.dir, above)
	}
	return model.OpenAdapted(t.options.Model.found.dir, t.epochDir(epoch), above)
}
