package report

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// addAlso gives the epochs of a round what they measured on the sets of the recipe's data.also, in its order. What is not
// stamped, or was measured by other measures than the round's table, is left out.
func (r *Round) addAlso(d *rundir.Dir, sets []string) error {
	for i := range r.Epochs {
		e := &r.Epochs[i]
		for _, name := range sets {
			file := d.Round(r.Round).EpochAlso(name, e.Epoch)
			scores, err := readVersioned[rundir.AlsoScores](d.FS, file, rundir.ScoresVersion)
			if err != nil {
				return err
			}
			if scores == nil {
				continue
			}
			stamp, err := stampOf(d, r.Round, file)
			if err != nil {
				return err
			}
			if stamp == nil {
				continue
			}
			if scores.Round != r.Round || scores.Epoch != e.Epoch || scores.Name != name {
				return fmt.Errorf("%s: of round %d, epoch %d, %s", file, scores.Round, scores.Epoch, scores.Name)
			}
			if err := checkMeans(&scores.Scores, len(scores.Measures)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if scores.Convention == r.Convention && slices.Equal(scores.Measures, r.Measures) {
				e.Also = append(e.Also, *scores)
			}
		}
	}
	return nil
}

// alsoNames is the sets that some epoch has scores on, in the order of the recipe.
func (r Round) alsoNames() []string {
	var names []string
	for _, e := range r.Epochs {
		for i, a := range e.Also {
			if slices.Contains(names, a.Name) {
				continue
			}
			// Behind the set that stands before it, for an epoch under way may lack the first ones.
			at := len(names)
			if i == 0 {
				at = 0
			} else if before := slices.Index(names, e.Also[i-1].Name); before >= 0 {
				at = before + 1
			}
			names = slices.Insert(names, at, a.Name)
		}
	}
	return names
}

// AlsoScores is what the epoch measured on a set, nil where it is not scored on it.
func (e Epoch) AlsoScores(name string) *rundir.Means {
	for i := range e.Also {
		if e.Also[i].Name == name {
			return &e.Also[i].Scores
		}
	}
	return nil
}

// AlsoNames is the sets of data.also that some epoch of some round has scores on, those of earlier rounds first.
func (r *Report) AlsoNames() []string {
	var names []string
	for _, round := range r.Rounds {
		for _, name := range round.alsoNames() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
