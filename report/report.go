// Package report reads a run directory and shows what its rounds have scored: the table of epochs round after round,
// the epoch that each round went on with and why, and scores that people took elsewhere.
//
// Reading takes no lock and changes nothing, so a run may be under way meanwhile; the report then holds what is there.
package report

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// Report is what a run directory has to show.
type Report struct {
	Run      string // name of the run directory
	Identity string // numeric identity of its numbers; empty while nothing is computed
	Rounds   []Round
	Lost     []string // of rounds that the run has worked in and whose directory is gone, each a sentence
}

// Round is one round's table.
type Round struct {
	Round      int
	Done       bool     // merged, and traced by a manifest of this very table and choice
	Convention string   // whose definitions the measures follow
	Measures   []string // columns of every rundir.Means below
	Measure    string   // of Measures, the one that the round is told by: its rule's, else the first; empty without a table
	Epochs     []Epoch  // ascending; epoch 0 is the base
	Choice     *rundir.Choice
	Stale      bool     // of an earlier recipe with more rounds than the last one
	Notes      []string // what a reader should know before trusting the table, each a sentence
	Outdated   []string // of Notes, those that what is shown is not what a run of the recipe would leave
	Better     string   // of Notes, the one that an earlier round has come further
}

// Epoch is one row of a table.
type Epoch struct {
	rundir.EpochScores
	Chosen    bool
	Outside   []rundir.OutsideScore      // by label
	Intervals map[rundir.Split]Intervals // of the means on each set; nil before AddIntervals, without sets that nothing is kept of by query
}

// Read returns the report of a run directory. A file of a newer version, or one that contradicts itself, is an error
// that names it; what a run has not written yet is not, and what somebody removed is told (Lost).
func Read(d *rundir.Dir) (*Report, error) {
	outside, err := readOutside(d)
	if err != nil {
		return nil, err
	}
	rounds, known, err := d.Rounds()
	if err != nil {
		return nil, err
	}
	sets, err := d.AlsoNames()
	if err != nil {
		return nil, err
	}
	rules, err := d.SelectMetrics()
	if err != nil {
		return nil, err
	}
	r := &Report{Run: d.Name(), Identity: d.Identity()}
	var last *rundir.Manifest
	for i := 0; ; i++ {
		_, err := d.FS.Stat(d.Round(i).Dir())
		if errors.Is(err, fs.ErrNotExist) {
			r.noteBetter()
			if !known || i < rounds {
				r.Lost, err = lost(d, i, rounds)
				return r, err
			}
			return r, nil
		}
		if err != nil {
			return nil, fmt.Errorf("round %d: %w", i, err)
		}
		round, manifest, err := readRound(d, i)
		if err != nil {
			return nil, err
		}
		if err := round.addAlso(d, sets); err != nil {
			return nil, err
		}
		round.judge(rules)
		round.noteOrigin(d, manifest, last)
		round.addOutside(outside)
		if known && i >= rounds {
			round.retire(rounds)
		}
		r.Rounds = append(r.Rounds, round)
		last = manifest
	}
}

// Conventions are those that the rounds' measures follow, none twice, in the order of the rounds: as a rule one.
func (r *Report) Conventions() []string {
	var names []string
	for _, round := range r.Rounds {
		if round.Convention != "" && !slices.Contains(names, round.Convention) {
			names = append(names, round.Convention)
		}
	}
	return names
}

// Result returns the epoch that the run has come to: the chosen one of the recipe's last round that has a choice and its
// scores.
// ok is false where there is none yet.
func (r *Report) Result() (round Round, epoch Epoch, ok bool) {
	for i := len(r.Rounds) - 1; i >= 0; i-- {
		if r.Rounds[i].Stale {
			continue
		}
		for _, e := range r.Rounds[i].Epochs {
			if e.Chosen {
				return r.Rounds[i], e, true
			}
		}
	}
	return Round{}, Epoch{}, false
}
