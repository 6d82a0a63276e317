package report

import (
	"fmt"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/rundir"
)

// Ranked is an epoch whose ranking of the queries of a set is kept and counts.
type Ranked struct {
	Round, Epoch int
	Split        rundir.Split // the set: dev, test, or one of data.also
	Chosen       bool         // the round goes on with it
	File         string       // of its ranking, in the format of candidates
}

// Ranked lists the epochs whose rankings of sets are kept, round by round, epoch by epoch and then in the order of splits: none of
// runs that an earlier quarry scored, which kept none, and none of rounds that an earlier recipe left. Of test there are those of
// the base and of the chosen epoch alone.
func (r *Report) Ranked(d *rundir.Dir, splits ...rundir.Split) ([]Ranked, error) {
	var all []Ranked
	for _, round := range r.Rounds {
		if round.Stale || len(round.Epochs) == 0 {
			continue
		}
		stamped, err := stampedFiles(d, round.Round)
		if err != nil {
			return nil, err
		}
		for _, e := range round.Epochs {
			for _, split := range splits {
				file := d.Round(round.Round).EpochRanking(split, e.Epoch)
				relative, err := d.Relative(file)
				if err != nil {
					return nil, err
				}
				there, err := d.Exists(file)
				if err != nil {
					return nil, err
				}
				// Tests of a choice that does not count any more are none.
				if there && stamped[relative] && (split != rundir.Test || e.Test != nil) {
					all = append(all, Ranked{round.Round, e.Epoch, split, e.Chosen, file})
				}
			}
		}
	}
	return all, nil
}

// Name is what the ranking is called beside others of its run.
func (r Ranked) Name() string {
	name := fmt.Sprintf("round %d epoch %d", r.Round, r.Epoch)
	switch {
	case r.Epoch == 0 && r.Round == 0:
		name = "before training"
	case r.Epoch == 0:
		name = fmt.Sprintf("before training in round %d", r.Round)
	}
	if r.Chosen {
		name += " (chosen)"
	}
	return name
}

// Check refuses the header of another file than this ranking's.
func (r Ranked) Check(h candidates.Header) error {
	if h.Epoch == nil || *h.Epoch != r.Epoch || h.Round != r.Round || h.Split != string(r.Split) {
		return fmt.Errorf("%s: not what epoch %d of round %d ranks for %s, but of another file: score the epoch anew (remove the file and run the recipe again)", r.File, r.Epoch, r.Round, r.Split)
	}
	return nil
}
