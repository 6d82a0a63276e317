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
