package report

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// Intervals are the bootstrap intervals of an epoch's means on one set of queries, one a measure each: over all of them, and
// over those whose positive training has and has not. Nil stands for means that there are none of.
type Intervals struct{ All, Seen, Unseen []stats.Interval }

// AddIntervals gives every epoch the intervals of all of its means whose scores are kept by query: on dev, on test and on the
// sets of data.also, resampled by group. It takes a moment an epoch, so Read leaves it out. An epoch of a run by an earlier
// quarry, which kept none, goes without, and a note of its round says so.
func (r *Report) AddIntervals(d *rundir.Dir, o stats.Options) error {
	return new(IntervalReader).Add(r, d, o)
}

// IntervalReader adds intervals to reports of one run directory that is read again and again. It keeps those of scores that
// stay as they are. The zero value is ready; it is for one goroutine, and for one choice of options.
type IntervalReader struct {
	Most int // queries of a set; a larger one goes without. 0 is any number

	kept map[string]keptIntervals
}

// keptIntervals are intervals, and the state of the file that they were computed of.
type keptIntervals struct {
	state string
	found Intervals
}

// Add is AddIntervals.
func (i *IntervalReader) Add(r *Report, d *rundir.Dir, o stats.Options) error {
	for k := range r.Rounds {
		round := &r.Rounds[k]
		var unkept without
		for m := range round.Epochs {
			e := &round.Epochs[m]
			e.Intervals = map[rundir.Split]Intervals{}
			for _, set := range e.sets() {
				if i.Most > 0 && set.means.Queries > i.Most {
					continue
				}
				found, err := i.of(d, *round, e.Epoch, set, o)
				if errors.Is(err, fs.ErrNotExist) {
					unkept.add(set.split, e.Epoch)
					continue
				}
				if err != nil {
					return fmt.Errorf("round %d, epoch %d, %s: %w", round.Round, e.Epoch, set.split, err)
				}
				if found.All != nil {
					e.Intervals[set.split] = found
				}
			}
		}
		if len(unkept.sets) > 0 {
			round.Notes = append(round.Notes, fmt.Sprintf("no intervals of %s: scores query by query are not there (an earlier quarry kept none, or they were removed); running the recipe again makes them anew", unkept))
		}
	}
	return nil
}

// without is epochs whose means on some sets have no intervals.
type without struct {
	sets   []rundir.Split
	epochs map[rundir.Split][]int
}

func (w *without) add(split rundir.Split, epoch int) {
	if w.epochs == nil {
		w.epochs = map[rundir.Split][]int{}
	}
	if !slices.Contains(w.sets, split) {
		w.sets = append(w.sets, split)
	}
	w.epochs[split] = append(w.epochs[split], epoch)
}

// String is the sets with their epochs, such as "dev (epochs 0, 1, 2)".
func (w without) String() string {
	var parts []string
	for _, split := range w.sets {
		word := "epochs"
		if len(w.epochs[split]) == 1 {
			word = "epoch"
		}
		var epochs []string
		for _, e := range w.epochs[split] {
			epochs = append(epochs, strconv.Itoa(e))
		}
		parts = append(parts, fmt.Sprintf("%s (%s %s)", split, word, strings.Join(epochs, ", ")))
	}
	return strings.Join(parts, ", ")
}

// scoredSet is what an epoch scored on one set.
type scoredSet struct {
	split rundir.Split
	means *rundir.Means
}

// sets are dev, test where it is scored, and the sets of data.also.
func (e Epoch) sets() []scoredSet {
	sets := []scoredSet{{rundir.Dev, &e.Dev}}
	if e.Test != nil {
		sets = append(sets, scoredSet{rundir.Test, e.Test})
	}
	for k := range e.Also {
		sets = append(sets, scoredSet{rundir.AlsoSplit(e.Also[k].Name), &e.Also[k].Scores})
	}
	return sets
}

// of computes the intervals of one epoch on one set, none where its scores by query are not stamped or are not those of the
// means: then a run is at work on other scores than the table that was read. Where they are not there the error is
// fs.ErrNotExist.
func (i *IntervalReader) of(d *rundir.Dir, round Round, epoch int, set scoredSet, o stats.Options) (Intervals, error) {
	file := d.Round(round.Round).EpochQueries(set.split, epoch)
	info, err := d.FS.Stat(file)
	if err != nil {
		return Intervals{}, err
	}
	state := fmt.Sprintf("%d %d %v %s %+v", info.Size(), info.ModTime().UnixNano(), round.Measures, round.Convention, *set.means)
	if known, ok := i.kept[file]; ok && known.state == state {
		return known.found, nil
	}
	side, err := EpochSide(d, round.Round, epoch, set.split)
	if errors.Is(err, ErrNotByQuery) {
		return Intervals{}, nil
	}
	if err != nil {
		return Intervals{}, err
	}
	if !slices.Equal(side.Measures, round.Measures) || side.Convention != round.Convention || len(side.Queries) != set.means.Queries {
		return Intervals{}, nil
	}
	var found Intervals
	for _, part := range []struct {
		into  *[]stats.Interval
		label string // of BySeen; empty is all
		rundir.Slice
	}{
		{&found.All, "", rundir.Slice{Queries: set.means.Queries, Means: set.means.All}},
		{&found.Seen, "seen", set.means.Seen},
		{&found.Unseen, "unseen", set.means.Unseen},
	} {
		if len(part.Means) == 0 || part.Queries == 0 {
			continue
		}
		columns, groups := side.values(part.label)
		if len(groups) != part.Queries {
			return Intervals{}, nil
		}
		if *part.into, err = stats.MeanIntervals(columns, groups, o); err != nil {
			return Intervals{}, err
		}
	}
	if i.kept == nil {
		i.kept = map[string]keptIntervals{}
	}
	i.kept[file] = keptIntervals{state, found}
	return found, nil
}

// values are the scores of the queries of one label of BySeen, or of all, [measure][query], and the queries' groups.
func (s Side) values(label string) (columns [][]float64, groups []string) {
	columns = make([][]float64, len(s.Measures))
	for _, q := range s.Queries {
		if label != "" && q.Labels[BySeen] != label {
			continue
		}
		groups = append(groups, q.Group)
		for m, v := range q.Values {
			columns[m] = append(columns[m], v)
		}
	}
	return columns, groups
}

// level of the intervals of a round, 0 where it has none.
func (r Round) level() float64 {
	for _, e := range r.Epochs {
		for _, set := range e.sets() {
			if found := e.Intervals[set.split].All; len(found) > 0 {
				return found[0].Level
			}
		}
	}
	return 0
}

// hasIntervals says whether some epoch has intervals on a set.
func (r Round) hasIntervals(split rundir.Split) bool {
	return slices.ContainsFunc(r.Epochs, func(e Epoch) bool { return len(e.Intervals[split].All) > 0 })
}
