package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Rounds is the number of rounds of the recipe that the run last followed; ok is false where it has not begun to. Nothing
// else of the recipe is looked at: a finished run stays readable whatever rules recipes get later.
func (d *Dir) Rounds() (n int, ok bool, err error) {
	var recipe struct {
		Rounds []yaml.Node `yaml:"rounds"` // a resolved recipe names every one
	}
	if ok, err := d.readRecipe("rounds", &recipe); err != nil || !ok {
		return 0, false, err
	}
	if len(recipe.Rounds) == 0 {
		return 0, false, fmt.Errorf("%s: has no rounds, so it is not what a run resolved its recipe to: run the recipe again, which writes it anew", d.Recipe())
	}
	return len(recipe.Rounds), true, nil
}

// RecipeName is the name of the recipe that the run last followed; empty where it has not begun to.
func (d *Dir) RecipeName() (string, error) {
	var recipe struct {
		Name string `yaml:"name"`
	}
	_, err := d.readRecipe("name", &recipe)
	return recipe.Name, err
}

// AlsoNames is the names of the sets in data.also of the recipe that the run last followed, and of those in data.sets that hold
// queries out, which are scored like these, in its order; none where it has not begun to.
func (d *Dir) AlsoNames() ([]string, error) {
	var recipe struct {
		Data struct {
			Also []struct {
				Name string `yaml:"name"`
			} `yaml:"also"`
			Sets []TrainingSetName `yaml:"sets"`
		} `yaml:"data"`
	}
	if ok, err := d.readRecipe("data.also", &recipe); err != nil || !ok {
		return nil, err
	}
	var names []string
	for _, a := range recipe.Data.Also {
		names = append(names, a.Name)
	}
	for _, s := range recipe.Data.Sets {
		if s.Dev != "" {
			names = append(names, s.Name)
		}
	}
	return names, nil
}

// TrainingSets is the names of the sets in data.sets of the recipe that the run last followed, in its order; none where it has not begun
// to.
func (d *Dir) TrainingSets() ([]string, error) {
	var recipe struct {
		Data struct {
			Sets []TrainingSetName `yaml:"sets"`
		} `yaml:"data"`
	}
	if ok, err := d.readRecipe("data.sets", &recipe); err != nil || !ok {
		return nil, err
	}
	var names []string
	for _, s := range recipe.Data.Sets {
		names = append(names, s.Name)
	}
	return names, nil
}

// SelectMetrics is what each round of the recipe that the run last followed chooses its epoch by: a measure or eval_loss,
// empty where a person or the recipe names the epoch; none where the run has not begun to follow one. Nothing else of the
// recipe is looked at, as in Rounds.
func (d *Dir) SelectMetrics() ([]string, error) {
	var recipe struct {
		Rounds []struct {
			Select yaml.Node `yaml:"select"` // a rule, or the word ask
		} `yaml:"rounds"`
	}
	if ok, err := d.readRecipe("select", &recipe); err != nil || !ok {
		return nil, err
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

// Window is the ranks that a round mines, as the recipe writes them.
type Window struct {
	Ranks     string `yaml:"window"`
	Survivors bool   `yaml:"survivors"` // they count what the other rules leave, not raw ranks
}

// Windows is the windows of each round of the recipe that the run last followed; none where
// the run has not begun to follow one. Nothing else of the recipe is looked at, as in Rounds.
func (d *Dir) Windows() ([]Window, error) {
	var recipe struct {
		Rounds []struct {
			Mine Window `yaml:"mine"`
		} `yaml:"rounds"`
	}
	if ok, err := d.readRecipe("mine.window", &recipe); err != nil || !ok {
		return nil, err
	}
	windows := make([]Window, len(recipe.Rounds))
	for i, round := range recipe.Rounds {
		windows[i] = round.Mine
	}
	return windows, nil
}

// VerdictsFiles is what people said of negatives as each round of the recipe that the run last followed goes by it: a file as the
// recipe writes it, empty where a round goes by none; none where the run has not begun to follow one. Nothing else of the recipe is
// looked at, as in Rounds.
func (d *Dir) VerdictsFiles() ([]string, error) {
	var recipe struct {
		Rounds []struct {
			Mine struct {
				Verdicts string `yaml:"verdicts"`
			} `yaml:"mine"`
		} `yaml:"rounds"`
	}
	if ok, err := d.readRecipe("mine.verdicts", &recipe); err != nil || !ok {
		return nil, err
	}
	files := make([]string, len(recipe.Rounds))
	for i, round := range recipe.Rounds {
		files[i] = round.Mine.Verdicts
	}
	return files, nil
}

// DataNames is the files of texts that a recipe names, as it writes them: relative ones start at its folder.
type DataNames struct {
	Corpus     string            `yaml:"corpus"`
	Train      string            `yaml:"train"`
	Dev        string            `yaml:"dev"`
	Test       string            `yaml:"test"` // empty where there is none
	Examples   string            `yaml:"examples"`
	IDField    string            `yaml:"id_field"`
	GroupField string            `yaml:"group_field"`
	Also       []SetName         `yaml:"also"` // and what the sets of data.sets hold out
	Sets       []TrainingSetName `yaml:"sets"`
}

// SetName is the files of a set that is scored as those of the recipe's data.also are.
type SetName struct {
	Name       string `yaml:"name"`
	Queries    string `yaml:"queries"`
	Corpus     string `yaml:"corpus"` // empty for the run's own
	IDField    string `yaml:"id_field"`
	GroupField string `yaml:"group_field"`
}

// TrainingSetName is the files of a set of the recipe's data.sets; what it does not name is empty.
type TrainingSetName struct {
	SetName  `yaml:",inline"`
	Train    string `yaml:"train"`
	Dev      string `yaml:"dev"` // what it holds out
	Examples string `yaml:"examples"`
}

// Files are all files that are named, none twice.
func (n DataNames) Files() []string {
	files := []string{n.Corpus, n.Train, n.Dev, n.Test, n.Examples}
	for _, set := range n.Also {
		files = append(files, set.Queries, set.Corpus)
	}
	for _, set := range n.Sets {
		files = append(files, set.Train, set.Corpus, set.Examples)
	}
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), func(name string) bool { return name == "" })
}

// Set returns the files of a split or, under its AlsoSplit, of a set that is scored as those of data.also are; ok is false where
// the recipe names none.
func (n DataNames) Set(split Split) (set SetName, ok bool) {
	for _, own := range []struct {
		split   Split
		queries string
	}{{Train, n.Train}, {Dev, n.Dev}, {Test, n.Test}} {
		if own.split == split {
			return SetName{Name: string(split), Queries: own.queries, IDField: n.IDField, GroupField: n.GroupField}, own.queries != ""
		}
	}
	for _, set := range n.Also {
		if AlsoSplit(set.Name) == split {
			return set, true
		}
	}
	return SetName{}, false
}

// DataNames returns the files of the recipe that the run last followed. Nothing else of the recipe is looked at, as in
// Rounds.
func (d *Dir) DataNames() (DataNames, error) {
	var recipe struct {
		Data struct {
			DataNames `yaml:",inline"`
		} `yaml:"data"`
	}
	ok, err := d.readRecipe("data", &recipe)
	if err == nil && !ok {
		err = fmt.Errorf("the run has not begun to follow a recipe: %w", &fs.PathError{Op: "open", Path: d.Recipe(), Err: fs.ErrNotExist})
	}
	if err != nil {
		return DataNames{}, err
	}
	if recipe.Data.Corpus == "" || recipe.Data.Train == "" || recipe.Data.Dev == "" {
		return DataNames{}, fmt.Errorf("%s: data: corpus, train and dev are not all named", d.Recipe())
	}
	for _, s := range recipe.Data.Sets {
		if s.Dev != "" {
			s.Queries = s.Dev
			recipe.Data.Also = append(recipe.Data.Also, s.SetName)
		}
	}
	return recipe.Data.DataNames, nil
}

// readRecipe reads what into asks of the recipe that the run last followed; ok is false where it has not begun to. what names
// the part in errors.
func (d *Dir) readRecipe(what string, into any) (ok bool, err error) {
	content, err := ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := yaml.Unmarshal(content, into); err != nil {
		return false, fmt.Errorf("%s: %s: %w", d.Recipe(), what, err)
	}
	return true, nil
}
