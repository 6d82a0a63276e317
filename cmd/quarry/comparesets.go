package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// everySet is --on of all sets that all sides are scored on.
const everySet = "all"

// sets reads --on; none are all that all sides are scored on.
func (o CompareOptions) sets() ([]rundir.Split, error) {
	if o.On == everySet {
		return nil, nil
	}
	var sets []rundir.Split
	for name := range strings.SplitSeq(o.On, ",") {
		split := rundir.Split(strings.TrimSpace(name))
		if split == "" || split == everySet {
			return nil, badInputf("--on %q: dev, test or also-NAME, or all", o.On)
		}
		if slices.Contains(sets, split) {
			return nil, badInputf("--on %q: %s is given twice", o.On, split)
		}
		sets = append(sets, split)
	}
	return sets, nil
}

// commonSets are dev, and whatever else all epochs of all runs are scored on.
func commonSets(runs []*comparedRun) (sets []rundir.Split, err error) {
	for i, run := range runs {
		d, err := openReported(run.path)
		if err != nil {
			return nil, err
		}
		named, err := recipeSets(d)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		if i == 0 {
			sets = named
		}
		sets = slices.DeleteFunc(sets, func(split rundir.Split) bool { return !slices.Contains(named, split) })
		sets, err = report.CommonSets(d, run.places, sets)
		if err := errors.Join(badInput(err), d.Close()); err != nil {
			return nil, err
		}
	}
	return append([]rundir.Split{rundir.Dev}, sets...), nil
}

// recipeSets are test and the sets that the recipe of a run scores as it last followed it: files of a set that was taken out of
// the recipe stay, and hold nothing of what the run is now.
func recipeSets(d *rundir.Dir) ([]rundir.Split, error) {
	names, err := d.AlsoNames()
	if err != nil {
		return nil, badInput(err)
	}
	sets := []rundir.Split{rundir.Test}
	for _, name := range names {
		sets = append(sets, rundir.AlsoSplit(name))
	}
	return sets, nil
}

// checkSet refuses a set that the run's recipe does not name.
func (r *comparedRun) checkSet(split rundir.Split) error {
	d, err := openReported(r.path)
	if err != nil {
		return err
	}
	named, err := recipeSets(d)
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	if split == rundir.Dev || slices.Contains(named, split) {
		return nil
	}
	there, err := commonSets([]*comparedRun{r})
	if err != nil {
		return err
	}
	return badInputf("--on %s: the run has no set of that name; there are %s", split, listed(there))
}

// listSets tells, of a set that is not scored, which ones are.
func (r *comparedRun) listSets(split rundir.Split, missing error) error {
	there, err := commonSets([]*comparedRun{r})
	if err != nil {
		return errors.Join(missing, err)
	}
	if slices.Contains(there, split) || len(there) == 1 && split == rundir.Dev {
		return missing // of an epoch that there is not
	}
	return badInputf("%w; it is scored on %s", missing, listed(there))
}

func listed(sets []rundir.Split) string {
	names := make([]string, len(sets))
	for i, set := range sets {
		names[i] = string(set)
	}
	return strings.Join(names, ", ")
}
