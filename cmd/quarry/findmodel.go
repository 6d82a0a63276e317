package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/quarry-ml/quarry/hub"
	"github.com/quarry-ml/quarry/recipe"
)

// foundModel is where a model lies that a flag or a recipe names.
type foundModel struct {
	dir      string
	revision string // the commit, of a model in the Hugging Face cache
}

// findModel is a path that exists, else the model of that name in the Hugging Face cache, whole.
func (h *host) findModel(written string) (foundModel, error) { return h.find(written, written, true) }

// findTokenizer is findModel of one whose weights are not wanted.
func (h *host) findTokenizer(written string) (foundModel, error) {
	return h.find(written, written, false)
}

// find looks for what is written: at a path, which may be another than its words, and then in the cache.
func (h *host) find(written, path string, whole bool) (foundModel, error) {
	if _, err := os.Stat(path); err == nil {
		return foundModel{dir: path}, nil
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

// loadRecipe reads a recipe and finds the models that it names.
func (h *host) loadRecipe(path string) (*recipe.Recipe, error) {
	r, err := recipe.Load(path)
	if err != nil {
		return nil, badInput(err)
	}
	err = r.Locate(func(p recipe.Path) (recipe.Path, error) {
		found, err := h.find(p.Written, p.File, true)
		return recipe.Path{Written: p.Written, File: found.dir, Revision: found.revision}, err
	})
	return r, badInput(err)
}
