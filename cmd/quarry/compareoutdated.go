package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// outdated says in sentences why the scores of a run may not be those that its recipe would leave now: rounds that belong to
// an earlier state of the run, a recipe edited since, data files changed since.
func (r *comparedRun) outdated(ctx context.Context) (notes []string, err error) {
	d, err := openReported(r.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, round := range r.report.Rounds {
		for _, place := range r.places {
			if place[0] == round.Round {
				for _, note := range round.Outdated {
					notes = append(notes, fmt.Sprintf("%s round %d: %s", r.path, round.Round, note))
				}
				break
			}
		}
	}
	beside := filepath.Join(string(d.Layout), "..", "..") // runs/NAME beside the recipe
	if string(d.Layout) != r.path {
		beside = filepath.Dir(r.path)
		edited, err := r.edited(d)
		if err != nil {
			return nil, badInput(err)
		}
		notes = append(notes, edited...)
	}
	changed, err := changedData(ctx, d, beside)
	if err != nil {
		return nil, badInput(err)
	}
	for _, name := range changed {
		notes = append(notes, fmt.Sprintf("%s: %s is not the file that the run was made from any more", r.path, name))
	}
	return notes, nil
}

// mostEdits is how many keys a note on an edited recipe names.
const mostEdits = 3

// edited says what has changed in the recipe since the run last followed it.
func (r *comparedRun) edited(d *rundir.Dir) ([]string, error) {
	now, err := recipe.Load(r.path)
	if err != nil {
		return nil, err
	}
	resolved, err := now.Resolved()
	if err != nil {
		return nil, err
	}
	followed, err := rundir.ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it has scores of an earlier quarry, or by hand
	}
	if err != nil || string(followed) == string(resolved) {
		return nil, err
	}
	before, err := yamlOptions(followed, d.Recipe())
	if err != nil {
		return nil, err
	}
	after, err := yamlOptions(resolved, r.path)
	if err != nil {
		return nil, err
	}
	changes, err := rundir.Differences(before, after)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	told := strings.Join(changes[:min(mostEdits, len(changes))], "; ")
	if more := len(changes) - mostEdits; more > 0 {
		told += fmt.Sprintf("; and %d more", more)
	}
	return []string{fmt.Sprintf("%s has been edited since the run last followed it (%s): `quarry plan` says what a run would do anew", r.path, told)}, nil
}

// yamlOptions is a resolved recipe as the JSON that differences are told of.
func yamlOptions(content []byte, name string) ([]byte, error) {
	var values map[string]any
	if err := yaml.Unmarshal(content, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if rounds, ok := values["rounds"].([]any); ok { // a list is one value to who tells differences
		delete(values, "rounds")
		for i, round := range rounds {
			values[fmt.Sprintf("rounds[%d]", i)] = round
		}
	}
	return json.Marshal(values)
}

// changedData are the data files of a run, as its recipe writes them, that lie where they were and have another content now. A
// file that is not there tells nothing: the run may have been brought from elsewhere.
func changedData(ctx context.Context, d *rundir.Dir, beside string) ([]string, error) {
	names, err := d.DataNames()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := d.Sources()
	if err != nil {
		return nil, err
	}
	digests := map[string]string{}
	for _, source := range known {
		digests[source.Name] = source.Digest
	}
	var changed []string
	for _, name := range names.Files() {
		digest, _, err := rundir.DigestFile(ctx, rundir.RowFiles(d.FS), (&runTexts{folder: beside}).path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if was, ok := digests[name]; ok && was != digest {
			changed = append(changed, name)
		}
	}
	return changed, nil
}
