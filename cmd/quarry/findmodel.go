package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-ml/quarry/hub"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/weights"
)

// foundModel is where a model lies that a flag or a recipe names.
type foundModel struct {
	dir      string
	revision string // the commit, of a model in the Hugging Face cache
}

// findModel is a path that exists, else the model of that name in the Hugging Face cache, whole.
func (h *host) findModel(written string) (foundModel, error) { return h.find(written, written, true) }

// folder is the directory of a model that a flag names, whole or not; empty where there is none.
func (h *host) folder(written string) string {
	if written == "" {
		return ""
	}
	found, err := h.findTokenizer(written)
	if err != nil {
		return ""
	}
	return found.dir
}

// findTokenizer is findModel of one whose weights are not wanted.
func (h *host) findTokenizer(written string) (foundModel, error) {
	return h.find(written, written, false)
}

// find looks for what is written: at a path, which may be another than its words, and then in the cache.
func (h *host) find(written, path string, whole bool) (foundModel, error) {
	if _, err := os.Stat(path); err == nil {
		if whole {
			err = refuseNoModel(path)
		}
		return foundModel{dir: path}, err
	}
	n, err := hub.ParseName(written)
	if err != nil {
		return foundModel{}, fmt.Errorf("%s: no such directory, and no Hugging Face name: %w", path, err)
	}
	cache, err := h.hubCache()
	if err != nil {
		return foundModel{}, fmt.Errorf("%s: no such directory: %w", path, err)
	}
	s, err := cache.Find(n)
	if errors.Is(err, hub.ErrNotCached) {
		return foundModel{}, fmt.Errorf("%s: no such directory, and %w; if the model of that name is meant, download it: quarry pull %s", path, err, n)
	}
	if err == nil && whole {
		err = s.Check(n)
	}
	if incomplete := (*hub.IncompleteError)(nil); errors.As(err, &incomplete) {
		err = fmt.Errorf("%w; what is missing is downloaded by: quarry pull %s", err, n)
	}
	return foundModel{s.Dir, s.Commit}, err
}

// rounded is the model with its weights as they are wanted: itself, or the copy in Quarry's cache, which is made where it
// is missing.
func (h *host) rounded(ctx context.Context, dir, wanted string) (string, error) {
	if roundedTo(wanted) == "" {
		return dir, nil
	}
	cache, err := h.quarryCache()
	if err != nil {
		return "", err
	}
	return weights.BF16(ctx, cache, dir, weights.Options{
		Note: func(line string) { h.note("%s", line) },
		Progress: func(done, total int64) {
			h.progress(progress{Label: "round weights", Done: done >> 20, Total: total >> 20, Unit: "MiB"})
		},
	})
}

// roundedTo is what wanted weights are rounded to; empty is nothing.
func roundedTo(wanted string) string {
	if wanted == recipe.BF16Weights {
		return wanted
	}
	return ""
}

// quarryCache is the folder of what Quarry makes once: QUARRY_CACHE, else quarry in the user's cache.
func (h *host) quarryCache() (string, error) {
	if dir := h.env("QUARRY_CACHE"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w; set QUARRY_CACHE", err)
	}
	return filepath.Join(cache, "quarry"), nil
}

// loadRecipe reads a recipe and finds the models that it names, rounded where it says so.
func (h *host) loadRecipe(ctx context.Context, path string) (*recipe.Recipe, error) {
	r, err := recipe.Load(path)
	if err != nil {
		return nil, badInput(err)
	}
	err = r.Locate(func(p recipe.Path) (recipe.Path, error) {
		found, err := h.find(p.Written, p.File, true)
		if err == nil {
			found.dir, err = h.rounded(ctx, found.dir, r.Weights)
		}
		return recipe.Path{Written: p.Written, File: found.dir, Revision: found.revision}, err
	})
	if err != nil {
		return nil, inputUnlessWriting(err)
	}
	return r, nil
}
