package report

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// AddIntervals gives every epoch whose scores by query are kept the bootstrap intervals of its means on dev, resampled by
// group. It takes a moment an epoch, so Read leaves it out. An epoch of a run by an earlier quarry, which kept none, goes
// without.
func (r *Report) AddIntervals(d *rundir.Dir, o stats.Options) error {
	for i := range r.Rounds {
		round := &r.Rounds[i]
		for k := range round.Epochs {
			e := &round.Epochs[k]
			side, err := EpochSide(d, round.Round, e.Epoch, rundir.Dev)
			if errors.Is(err, ErrNoEpoch) {
				continue
			}
			if err != nil {
				return err
			}
			if !slices.Equal(side.Measures, round.Measures) || side.Convention != round.Convention || len(side.Queries) != e.Dev.Queries {
				continue // the run is at work on other scores than the table that was read
			}
			columns := make([][]float64, len(side.Measures))
			groups := make([]string, len(side.Queries))
			for q, query := range side.Queries {
				groups[q] = query.Group
				for m, v := range query.Values {
					columns[m] = append(columns[m], v)
				}
			}
			if e.Intervals, err = stats.MeanIntervals(columns, groups, o); err != nil {
				return fmt.Errorf("round %d, epoch %d: %w", round.Round, e.Epoch, err)
			}
		}
	}
	return nil
}

// level of the intervals of a round, 0 where it has none.
func (r Round) level() float64 {
	for _, e := range r.Epochs {
		if len(e.Intervals) > 0 {
			return e.Intervals[0].Level
		}
	}
	return 0
}

// intervalCell is the interval of the first measure.
func (e Epoch) intervalCell() string {
	if len(e.Intervals) == 0 {
		return missing
	}
	return fixed(e.Intervals[0].Low) + "–" + fixed(e.Intervals[0].High)
}
