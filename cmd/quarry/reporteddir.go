package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/spf13/pflag"
)

// withFolds is the recipe that an argument names, if it is one with folds, else nil.
func withFolds(run string) (*recipe.Recipe, error) {
	info, err := os.Stat(run)
	if err != nil || info.IsDir() {
		return nil, nil // which reading the run tells of
	}
	r, err := recipe.Load(run)
	if err != nil || r.Folds.Count == 0 {
		return nil, badInput(err)
	}
	return r, nil
}

// notAbove refuses a directory that is none of a run but has one below it, as a demo's folder has.
func notAbove(dir string) error {
	if _, err := os.Stat(rundir.Layout(dir).Format()); err == nil {
		return nil
	}
	for _, below := range []string{"*", filepath.Join("runs", "*")} {
		found, err := filepath.Glob(rundir.Layout(filepath.Join(dir, below)).Format())
		if err == nil && len(found) > 0 {
			return fmt.Errorf("%s is no run directory, but %s is: name that", dir, filepath.Dir(found[0]))
		}
	}
	return nil
}

// openReported opens the run directory that an argument means, to read.
func openReported(run string) (*rundir.Dir, error) {
	path, err := reportedDir(run)
	if err != nil {
		return nil, badInput(err)
	}
	d, err := rundir.Open(path, rundir.OpenOptions{ReadOnly: true})
	return d, badInput(err)
}

// addRecipeDir is --dir of commands that look at a run.
func addRecipeDir(f *pflag.FlagSet, dir *string) {
	f.StringVar(dir, "dir", "", "with a recipe: run `directory` (runs/NAME beside the recipe)")
}

// inDir is the run that an argument means where --dir names the directory of its recipe's run.
func inDir(run, dir string) (string, error) {
	if dir == "" {
		return run, nil
	}
	info, err := os.Stat(run)
	if err != nil {
		return "", badInputf("a recipe is wanted beside --dir: %w", err)
	}
	if info.IsDir() {
		return "", badInputf("--dir goes with a recipe, and %s is a run directory itself: leave one out", run)
	}
	r, err := recipe.Load(run)
	if err != nil {
		return "", badInput(err)
	}
	if r.Folds.Count > 0 {
		return "", badInputf("%s: --dir is for one run, and a recipe with folds is many", r.At("folds"))
	}
	return dir, nil
}

// reportedDir is the run directory that an argument names: itself, or that of a recipe.
func reportedDir(run string) (string, error) {
	info, err := os.Stat(run)
	if err != nil {
		return "", fmt.Errorf("a run directory or a recipe is wanted: %w", err)
	}
	if info.IsDir() {
		return run, notAbove(run)
	}
	r, err := recipe.Load(run)
	if err != nil {
		return "", err
	}
	if r.Folds.Count > 0 {
		return "", fmt.Errorf("%s: a recipe with folds is many runs: name the directory of one, such as %s, or see them together in quarry report %s", r.At("folds"), dirsOfRecipe(r)[1], run)
	}
	return r.Dir(), nil
}
