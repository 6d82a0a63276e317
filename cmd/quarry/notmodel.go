package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/model/lora"
	"github.com/quarry-ml/quarry/rundir"
)

// refuseNoModel is an error for a directory that is no model but something that a model is made of or lies in: what it is,
// and what to name in its place. Of other directories whoever opens them says what is missing.
func refuseNoModel(dir string) error {
	if isModel(dir) {
		return nil
	}
	if isAdapter(dir) {
		return fmt.Errorf("%s: an adapter, not a model: merge it into its base, and name the result: quarry merge --base %s --adapter %s --output merged", dir, baseOf(dir), dir)
	}
	results, what := holds(dir)
	if what == "" {
		return nil
	}
	for _, is := range []func(string) bool{isModel, isAdapter} {
		if i := slices.IndexFunc(results, is); i >= 0 {
			return fmt.Errorf("%s: %s, not a model: meant %s?", dir, what, results[i])
		}
	}
	return fmt.Errorf("%s: %s, not a model, and without one yet", dir, what)
}

// refuseNoAdapter is an error for a directory that is no adapter but a whole model, or something that adapters lie in.
func refuseNoAdapter(dir string) error {
	if isAdapter(dir) {
		return nil
	}
	if isModel(dir) {
		return fmt.Errorf("%s: a whole model, not an adapter: name it as the model where one is wanted", dir)
	}
	results, what := holds(dir)
	if what == "" {
		return nil
	}
	if i := slices.IndexFunc(results, isAdapter); i >= 0 {
		return fmt.Errorf("%s: %s, not an adapter: meant %s?", dir, what, results[i])
	}
	return fmt.Errorf("%s: %s, not an adapter, and without one: it holds whole models", dir, what)
}

// isModel says whether a directory is meant as a model, in whatever state.
func isModel(dir string) bool { return present(dir, "config.json") || present(dir, "modules.json") }

func isAdapter(dir string) bool { return present(dir, lora.ConfigName) }

func present(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// baseOf is the base that an adapter names, BASE where it names none.
func baseOf(dir string) string {
	path := filepath.Join(dir, lora.ConfigName)
	content, err := os.ReadFile(path)
	if err != nil {
		return "BASE"
	}
	c, err := lora.ParseConfig(content, path)
	if err != nil {
		return "BASE" // the merge says what is wrong with it
	}
	return cmp.Or(c.BaseModel, "BASE")
}

// holds says what a directory is that models or adapters are made in, and where they may lie, the last first; what is
// empty for any other directory.
func holds(dir string) (results []string, what string) {
	if present(dir, filepath.Base(rundir.Layout(dir).Recipe())) {
		for _, round := range numbered(dir, "round-") {
			results = append(results, resultsOf(rundir.RoundLayout(round))...)
		}
		return results, "a run directory"
	}
	if r := rundir.RoundLayout(dir); present(dir, filepath.Base(r.Manifest())) || isModel(r.Merged()) {
		return resultsOf(r), "a round of a run"
	}
	if results = epochsIn(dir); len(results) > 0 || present(dir, epochsName) {
		return results, "the output of a fine-tuning"
	}
	return nil, ""
}

func resultsOf(r rundir.RoundLayout) []string {
	return append([]string{r.Merged()}, numbered(filepath.Dir(r.Epoch(0)), ownEpochs)...)
}

// numbered are the directories inside one whose names are a prefix and a number, the highest number first.
func numbered(dir, prefix string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // whoever opens it says why
	}
	numbers := map[string]int{}
	var found []string
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), prefix)); err == nil && strings.HasPrefix(e.Name(), prefix) {
			path := filepath.Join(dir, e.Name())
			numbers[path], found = n, append(found, path)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(numbers[b], numbers[a]) })
	return found
}
