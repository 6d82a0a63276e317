package rundir

import (
	"errors"
	"fmt"
	"io/fs"

	"go.yaml.in/yaml/v3"
)

// Rounds is the number of rounds of the recipe that the run last followed; ok is false where it has not begun to. Nothing
// else of the recipe is looked at: a finished run stays readable whatever rules recipes get later.
func (d *Dir) Rounds() (n int, ok bool, err error) {
	content, err := ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	var recipe struct {
		Rounds []yaml.Node `yaml:"rounds"` // a resolved recipe names every one
	}
	if err := yaml.Unmarshal(content, &recipe); err != nil {
		return 0, false, fmt.Errorf("%s: rounds: %w", d.Recipe(), err)
	}
	if len(recipe.Rounds) == 0 {
		return 0, false, fmt.Errorf("%s: has no rounds, so it is not what a run resolved its recipe to: run the recipe again, which writes it anew", d.Recipe())
	}
	return len(recipe.Rounds), true, nil
}

// RecipeName is the name of the recipe that the run last followed; empty where it has not begun to.
func (d *Dir) RecipeName() (string, error) {
	content, err := ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var recipe struct {
		Name string `yaml:"name"`
	}
	if err := yaml.Unmarshal(content, &recipe); err != nil {
		return "", fmt.Errorf("%s: name: %w", d.Recipe(), err)
	}
	return recipe.Name, nil
}

// AlsoNames is the names of the sets in data.also of the recipe that the run last followed, in its order; none where it has
// not begun to.
func (d *Dir) AlsoNames() ([]string, error) {
	content, err := ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var recipe struct {
		Data struct {
			Also []struct {
				Name string `yaml:"name"`
			} `yaml:"also"`
		} `yaml:"data"`
	}
	if err := yaml.Unmarshal(content, &recipe); err != nil {
		return nil, fmt.Errorf("%s: data.also: %w", d.Recipe(), err)
	}
	var names []string
	for _, a := range recipe.Data.Also {
		names = append(names, a.Name)
	}
	return names, nil
}

// SelectMetrics is what each round of the recipe that the run last followed chooses its epoch by: a measure or eval_loss,
// empty where a person or the recipe names the epoch; none where the run has not begun to follow one. Nothing else of the
// recipe is looked at, as in Rounds.
func (d *Dir) SelectMetrics() ([]string, error) {
	content, err := ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var recipe struct {
		Rounds []struct {
			Select yaml.Node `yaml:"select"` // a rule, or the word ask
		} `yaml:"rounds"`
	}
	if err := yaml.Unmarshal(content, &recipe); err != nil {
		return nil, fmt.Errorf("%s: select: %w", d.Recipe(), err)
	}
	metrics := make([]string, len(recipe.Rounds))
	for i, round := range recipe.Rounds {
		var rule struct {
			Metric string `yaml:"metric"`
		}
		if round.Select.Kind != yaml.MappingNode {
			continue
		}
		if err := round.Select.Decode(&rule); err != nil {
			return nil, fmt.Errorf("%s: select: %w", d.Recipe(), err)
		}
		metrics[i] = rule.Metric
	}
	return metrics, nil
}

// DataNames is the files of texts that a recipe names, as it writes them: relative ones start at its folder.
type DataNames struct {
	Corpus     string `yaml:"corpus"`
	Train      string `yaml:"train"`
	Dev        string `yaml:"dev"`
	IDField    string `yaml:"id_field"`
	GroupField string `yaml:"group_field"`
}

// DataNames returns the files of the recipe that the run last followed. Nothing else of the recipe is looked at, as in
// Rounds.
func (d *Dir) DataNames() (DataNames, error) {
	var recipe struct {
		Data DataNames `yaml:"data"`
	}
	content, err := ReadFile(d.FS, d.Recipe())
	if err != nil {
		return DataNames{}, fmt.Errorf("the run has not begun to follow a recipe: %w", err)
	}
	if err := yaml.Unmarshal(content, &recipe); err != nil {
		return DataNames{}, fmt.Errorf("%s: data: %w", d.Recipe(), err)
	}
	if recipe.Data.Corpus == "" || recipe.Data.Train == "" || recipe.Data.Dev == "" {
		return DataNames{}, fmt.Errorf("%s: data: corpus, train and dev are not all named", d.Recipe())
	}
	return recipe.Data, nil
}
