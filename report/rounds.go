package report

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// roundsOf is the number of rounds of the recipe that the run last followed; ok is false where it has not begun to.
func roundsOf(d *rundir.Dir) (n int, ok bool, err error) {
	content, err := rundir.ReadFile(d.FS, d.Recipe())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	r, err := recipe.Parse(content, d.Recipe())
	if err != nil {
		return 0, false, err
	}
	return len(r.Rounds), true, nil
}

// retire marks a round that the recipe has no more: what lies there is no result of it.
func (r *Round) retire(rounds int) {
	r.Stale, r.Done = true, false
	r.Notes = append(r.Notes, fmt.Sprintf("left by an earlier recipe: the one that the run last followed has %d; remove the folder if nothing in it is wanted", rounds))
}
