package recipe

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/eval"
)

// Folds says how a recipe is cross-validated. The queries of data.train and data.dev together are cut into folds, and each
// fold is a run of its own, which trains on the other folds' queries and has its own for dev.
type Folds struct {
	// How many folds the queries of data.train and data.dev are cut into, rows of one text or group together. Each is dev
	// of a run that trains on the others.
	Count int `yaml:"count" in:"[2,)" unset:"none: the recipe is run once"`
	// Share of every dev's queries whose positives its train lacks.
	UnseenShare *float64 `yaml:"unseen_share" in:"[0,1]" unset:"as the data has it"`
	// Measure that settings are chosen by: its mean over the folds, of what each chose in the last round.
	Metric string `yaml:"metric" unset:"the first of eval.metrics"`
	// Settings to choose between: a list, one entry each, of a name and what it does differently in every round, such as
	// {name: slow, finetune: {learning_rate: 2e-5}}.
	Settings []Setting `yaml:"settings" unset:"those of the recipe"`
}

// Setting is one entry of folds.settings: the rounds of the recipe with what it does differently.
type Setting struct {
	Name   string
	Rounds []Stages

	given *yaml.Node
}

// settingKeys is what an entry of folds.settings may hold.
type settingKeys struct {
	Name   string `yaml:"name" need:"true"`
	Stages `yaml:",inline"`
}

// decodeSettings decodes the settings over the rounds, which are whole by now.
func (d *decoder) decodeSettings(r *Recipe) {
	if d.settings == nil {
		return
	}
	if d.settings.Kind != yaml.SequenceNode || len(d.settings.Content) == 0 {
		d.fail(d.settings.Line, "folds.settings: want a list with one entry a setting, not %s", describe(d.settings))
		return
	}
	for i, node := range d.settings.Content {
		node = resolveAlias(node)
		path := fmt.Sprintf("folds.settings[%d]", i)
		d.lines[path] = node.Line
		if node.Kind != yaml.MappingNode {
			d.fail(node.Line, "%s: want a name and what the setting does differently, not %s", path, describe(node))
			continue
		}
		s := Setting{given: node}
		for k, round := range r.Rounds {
			keys, before := settingKeys{Stages: round.clone()}, len(d.problems)
			d.section(node, reflect.ValueOf(&keys).Elem(), path)
			s.Name = keys.Name
			s.Rounds = append(s.Rounds, keys.Stages)
			if k > 0 { // what is wrong with the entry itself was told for the first round
				d.problems = d.problems[:before]
			}
		}
		r.Folds.Settings = append(r.Folds.Settings, s)
	}
}

// check finds contradictions within the section.
func (f Folds) check(d *decoder, r *Recipe) {
	if f.Count == 0 {
		for _, one := range []struct {
			key   string
			given bool
		}{{"folds.unseen_share", f.UnseenShare != nil}, {"folds.metric", f.Metric != ""}, {"folds.settings", len(f.Settings) > 0}} {
			if one.given {
				d.failAt(one.key, "%s is of no use without folds.count", one.key)
			}
		}
		return
	}
	if m, err := eval.ParseMeasure(f.Metric); err != nil {
		d.failAt("folds.metric", "folds.metric: %v", err)
	} else if !slices.Contains(r.Eval.Metrics, m) {
		d.failAt("folds.metric", "folds.metric %s is not among eval.metrics %v: add it there", m, r.Eval.Metrics)
	}
	var names []string
	for i, s := range f.Settings {
		at := fmt.Sprintf("folds.settings[%d]", i)
		switch {
		case !nameForm.MatchString(s.Name):
			d.failAt(at, "%s.name %q: want letters, digits, dots, dashes and underscores: it is part of the names of run directories", at, s.Name)
		case slices.Contains(names, s.Name):
			d.failAt(at+".name", "%s.name %q is taken", at, s.Name)
		}
		names = append(names, s.Name)
		for k := range s.Rounds {
			found := &decoder{file: d.file, lines: map[string]int{}}
			r.checkRound(found, k, s.Rounds[k])
			for _, p := range found.problems {
				d.failAt(at, "setting %s, round %d: %s", s.Name, k, p.text)
			}
		}
	}
}

// Variants returns the recipes that cross-validation compares, without folds: one for each of folds.settings, else the
// recipe's own.
func (r *Recipe) Variants() []*Recipe {
	if len(r.Folds.Settings) == 0 {
		one := *r
		one.Folds = Folds{}
		return []*Recipe{&one}
	}
	var all []*Recipe
	for _, s := range r.Folds.Settings {
		one := *r
		one.Folds, one.Rounds, one.Name = Folds{}, s.Rounds, r.Name+"."+s.Name
		all = append(all, &one)
	}
	return all
}

// Fold returns the recipe of a fold, counted from 0: under a name of its own, with other queries. The paths are as the
// recipe would write them. Nothing is run when it ends.
func (r *Recipe) Fold(i int, train, dev string) *Recipe {
	one := *r
	one.Name, one.OnFinish = fmt.Sprintf("%s.fold-%d", r.Name, i), nil
	one.Data.Train, one.Data.Dev = Path{Written: train}, Path{Written: dev}
	one.Data.Train.beside(filepath.Dir(r.file))
	one.Data.Dev.beside(filepath.Dir(r.file))
	return &one
}

// FoldsDir is where the queries of the folds lie, and what they came to: runs/NAME.folds beside the recipe.
func (r *Recipe) FoldsDir() string { return r.Dir() + ".folds" }
