package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/recipe"
)

// leftovers are what a split into more folds left where this one goes: without them gone, a glob over the folds would take
// queries of two splits.
type leftovers struct {
	folds   []string // directories
	recipes []string
}

// leftovers finds them. base is the recipe that each fold gets one of, if any.
func (o SplitOptions) leftovers(base *recipe.Recipe) (left leftovers, err error) {
	if left.folds, err = o.beyond(o.Out, "fold-", ""); err != nil || base == nil {
		return left, err
	}
	extension := filepath.Ext(o.Recipe)
	left.recipes, err = o.beyond(filepath.Dir(o.Recipe), strings.TrimSuffix(filepath.Base(o.Recipe), extension)+".fold-", extension)
	return left, err
}

// beyond are the paths in a folder whose names have, between two parts, the number of a fold beyond those that are made, in
// the order of the folds.
func (o SplitOptions) beyond(folder, before, after string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, badInput(err)
	}
	var found []int
	for _, e := range entries {
		name, begins := strings.CutPrefix(e.Name(), before)
		name, ends := strings.CutSuffix(name, after)
		if i, err := strconv.Atoi(name); err == nil && begins && ends && i >= o.Folds && name == strconv.Itoa(i) {
			found = append(found, i)
		}
	}
	slices.Sort(found)
	var paths []string
	for _, i := range found {
		paths = append(paths, filepath.Join(folder, before+strconv.Itoa(i)+after))
	}
	return paths, nil
}

// files are those that a split wrote.
func (left leftovers) files() []string {
	files := slices.Clone(left.recipes)
	for _, dir := range left.folds {
		files = append(files, filepath.Join(dir, "train.jsonl"), filepath.Join(dir, "dev.jsonl"))
	}
	return files
}

// remove removes what a split wrote, and directories that are empty then. What else is in them stays.
func (left leftovers) remove(h *host) error {
	for _, file := range left.files() {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, dir := range left.folds {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) == 0 {
			if err := os.Remove(dir); err != nil {
				return err
			}
		}
	}
	if all := slices.Concat(left.folds, left.recipes); len(all) > 0 {
		h.note("removed of the split before, which had more folds: %s", strings.Join(all, ", "))
	}
	return nil
}
