package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/rundir"
)

// checkBase holds the base that an adapter is put on against the one that it was trained on. Of an adapter that lies where Quarry
// trained it the base's digest is known, and another base is an error: its shapes may fit, and its vectors would only be wrong.
// Of any other adapter its configuration may name the base; another name is a warning, as names change and files are moved.
func checkBase(ctx context.Context, h *host, adapter, flag, base string, found foundModel) error {
	digest, record, err := trainedBase(adapter)
	if err != nil {
		return badInput(err)
	}
	if digest != "" {
		// Weights that cannot be read have another digest, or none: that they cannot be is what has to be said.
		if err := readable(found.dir); err != nil {
			return badInputf("--%s: %w", flag, err)
		}
		is, err := rundir.ModelDigest(ctx, rundir.OS{}, found.dir)
		if err != nil {
			return badInputf("--%s: %w", flag, err)
		}
		if is != digest {
			return badInputf("%s: was trained on another base than --%s %s: by %s on that of digest %.12s (%s), and this one has %.12s: name the one that it was trained on, with the --weights of the training; if this is the same in other files, a copy of the adapter elsewhere is taken with a warning",
				adapter, flag, base, record, digest, baseOf(adapter), is)
		}
		return nil
	}
	file := filepath.Join(adapter, lora.ConfigName)
	content, err := os.ReadFile(file)
	if err != nil {
		return nil // whoever opens the adapter says so
	}
	c, err := lora.ParseConfig(content, file)
	if err != nil {
		return nil // as above
	}
	if c.BaseModel != "" && modelName(c.BaseModel) != modelName(base) {
		h.note("warning: %s names %s as its base (base_model_name_or_path), and --%s is %s: on another one than it was trained on, an adapter makes vectors that mean nothing", adapter, c.BaseModel, flag, base)
	} else if c.Revision != "" && found.revision != "" && c.Revision != found.revision {
		h.note("warning: %s names revision %s of %s as its base, and --%s is revision %s", adapter, c.Revision, c.BaseModel, flag, found.revision)
	}
	return nil
}

// readable says what is wrong with the weights of a model directory, of whichever format and in whichever folder of it.
func readable(dir string) error {
	d, err := model.ReadDirectory(dir, model.Options{})
	if err != nil {
		return err
	}
	weights, err := d.OpenWeights()
	if err != nil {
		return err
	}
	return weights.Close()
}

// modelName is what tells two models apart by their names: the last part, for the same model is called by its name on the hub
// here and by a path there, without a revision.
func modelName(written string) string {
	written, _, _ = strings.Cut(written, "@")
	if last := path.Base(written); last == "." || last == ".." { // which have no name of their own
		if absolute, err := filepath.Abs(written); err == nil {
			written = absolute
		}
	}
	return strings.ToLower(path.Base(strings.ReplaceAll(written, `\`, "/")))
}

// trainedBase is the digest of the base that an adapter was trained on, and the file that says so: what a fine-tuning or a run
// has left around it. Both are empty where there is none.
func trainedBase(adapter string) (digest, record string, err error) {
	absolute, err := filepath.Abs(adapter)
	if err != nil || !ofEpoch(absolute) {
		return "", "", err
	}
	parent := filepath.Dir(absolute)
	record = filepath.Join(parent, recordName)
	switch content, err := os.ReadFile(record); {
	case err == nil:
		training, err := parseRecord(record, content)
		return training.Digests["model"], record, err
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", err
	}
	round := filepath.Dir(parent)
	number, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(round), "round-"))
	run := rundir.Layout(filepath.Dir(round))
	if err != nil || run.Round(number).Epoch(0) != filepath.Join(parent, "epoch-0") {
		return "", "", nil
	}
	d := &rundir.Dir{Layout: run, FS: rundir.OS{}}
	stamp, err := d.ReadStamp(number, pipeline.StageFinetune)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	for _, input := range stamp.Inputs {
		if input.Name == "base" {
			return input.Digest, d.Stamp(number, pipeline.StageFinetune), nil
		}
	}
	return "", "", nil
}
