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
		if i == 0 {
			names, err := d.AlsoNames()
			if err != nil {
				return nil, errors.Join(badInput(err), d.Close())
			}
			sets = append(sets, rundir.Test)
			for _, name := range names {
				sets = append(sets, rundir.AlsoSplit(name))
			}
		}
		sets, err = report.CommonSets(d, run.places, sets)
		if err := errors.Join(badInput(err), d.Close()); err != nil {
			return nil, err
		}
	}
	return append([]rundir.Split{rundir.Dev}, sets...), nil
}

// listSets tells, of a set that is not scored, which ones are.
func (r *comparedRun) listSets(split rundir.Split, missing error) error {
	there, err := commonSets([]*comparedRun{r})
	if err != nil {
		return errors.Join(missing, err)
	}
	listed := make([]string, len(there))
	for i, set := range there {
		listed[i] = string(set)
	}
	if slices.Contains(there, split) || len(there) == 1 && split == rundir.Dev {
		return missing // of an epoch that there is not
	}
	d, err := openReported(r.path)
	if err != nil {
		return errors.Join(missing, err)
	}
	names, err := d.AlsoNames()
	if err := errors.Join(err, d.Close()); err != nil {
		return errors.Join(missing, badInput(err))
	}
	if split != rundir.Test && !slices.ContainsFunc(names, func(name string) bool { return rundir.AlsoSplit(name) == split }) {
		return badInputf("--on %s: the run has no set of that name; there are %s", split, strings.Join(listed, ", "))
	}
	return badInputf("%w; it is scored on %s", missing, strings.Join(listed, ", "))
}
