package rundir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/model"
)

// FoldModelsSchema is the version of folds.json.
const FoldModelsSchema = 1

// FoldModels is folds.json (model.FoldsName): the cross-encoders of a directory that holds one for each fold of the queries.
type FoldModels struct {
	Schema int         `json:"schema"`
	Folds  []FoldModel `json:"folds"`
}

// FoldModel is the cross-encoder that is left of a fold's training.
type FoldModel struct {
	Model    string   `json:"model"`  // its directory, below that of folds.json, with slashes
	Digest   string   `json:"digest"` // of the cross-encoder
	Trained  int      `json:"trained"`
	HeldOut  int      `json:"held_out"` // queries that it was not trained on
	Loss     *float64 `json:"loss"`     // of the last epoch, the mean of its steps
	EvalLoss *float64 `json:"eval_loss"`
}

// ReadFoldModels reads folds.json of a directory; nil where there is none.
func ReadFoldModels(fsys FS, dir string) (*FoldModels, error) {
	file := filepath.Join(dir, model.FoldsName)
	content, err := ReadFile(fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseFoldModels(file, content)
}

// ParseFoldModels reads folds.json, each of whose models is another directory below its own.
func ParseFoldModels(file string, content []byte) (*FoldModels, error) {
	var list FoldModels
	if err := ParseJSON(file, content, &list); err != nil {
		return nil, err
	}
	if list.Schema != FoldModelsSchema {
		return nil, fmt.Errorf("%s: schema %d; this program reads %d", file, list.Schema, FoldModelsSchema)
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

// Trained reads which queries each cross-encoder below dir was trained on, and refuses one that is not as the training wrote it.
func (l *FoldModels) Trained(ctx context.Context, fsys FS, dir string) ([]model.TrainedQueries, error) {
	trained := make([]model.TrainedQueries, len(l.Folds))
	for i, f := range l.Folds {
		place := filepath.Join(dir, filepath.FromSlash(f.Model))
		var err error
		if trained[i], err = model.ReadTrainedQueries(place); err != nil {
			return nil, err
		}
		c, err := model.OpenCrossEncoder(place) // which holds the list against what the model was written with
		if err != nil {
			return nil, err
		}
		if err := c.Close(); err != nil {
			return nil, err
		}
		digest, err := CrossEncoderDigest(ctx, fsys, place)
		if err != nil {
			return nil, err
		}
		if digest != f.Digest {
			return nil, fmt.Errorf("%s is not as the training wrote it, by %s: train anew", place, filepath.Join(dir, model.FoldsName))
		}
	}
	return trained, nil
}

// Digest is one digest of all cross-encoders, in the order of the folds.
func (l *FoldModels) Digest() string {
	digests := make([]string, len(l.Folds))
	for i, f := range l.Folds {
		digests[i] = f.Digest
	}
	return DigestBytes([]byte(strings.Join(digests, "\n")))
}
