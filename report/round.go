package report

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/quarry-ml/quarry/rundir"
)

// readRound reads what a round has written so far. The manifest is nil where there is none yet.
func readRound(d *rundir.Dir, i int) (Round, *rundir.Manifest, error) {
	round := Round{Round: i}
	scores, whole, err := readScores(d, i)
	if err != nil {
		return round, nil, err
	}
	if err := round.choose(d, scores, whole); err != nil {
		return round, nil, err
	}
	if scores != nil {
		round.Convention, round.Measures = scores.Convention, scores.Measures
		for _, e := range scores.Epochs {
			chosen := round.Choice != nil && round.Choice.Epoch == e.Epoch
			round.Epochs = append(round.Epochs, Epoch{EpochScores: e, Chosen: chosen})
		}
	}
	manifest, err := d.ReadManifest(i)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return round, nil, err
	}
	round.noteSets(manifest)
	return round, manifest, round.finish(d, manifest, whole)
}

// choose takes the round's choice and the test scores that follow it, if the choice was made on this very table.
func (r *Round) choose(d *rundir.Dir, scores *rundir.Scores, whole bool) error {
	file := d.Round(r.Round).Choice()
	choice, err := readVersioned[rundir.Choice](d.FS, file, rundir.ScoresVersion)
	if choice == nil || err != nil {
		return err
	}
	if !whole || choice.Scores != scores.Digest() {
		r.outdated("the choice of epoch %d was made on other scores and does not count any more", choice.Epoch)
		return nil
	}
	for _, e := range scores.Epochs {
		if e.Epoch == choice.Epoch {
			r.Choice = choice
			return addTests(d, r.Round, scores)
		}
	}
	return fmt.Errorf("%s: epoch %d is not among those of %s", file, choice.Epoch, d.Round(r.Round).Scores())
}

// finish tells whether the round is done, and if not, how far it is.
func (r *Round) finish(d *rundir.Dir, m *rundir.Manifest, whole bool) error {
	note := ""
	switch {
	case len(r.Epochs) == 0:
		note = "under way: nothing is scored yet"
	case !whole:
		note = "under way: the table is not whole yet"
	case r.Choice == nil:
		note = "under way: no epoch is chosen yet"
	default:
		var err error
		if r.Done, err = traced(d, m, r.Round); err != nil {
			return err
		}
		if !r.Done {
			note = "under way: the chosen epoch is not merged yet"
		}
	}
	if note != "" {
		r.Notes = append(r.Notes, note)
	}
	return nil
}

// traced says whether a manifest is of the table and the choice that are there now.
func traced(d *rundir.Dir, m *rundir.Manifest, round int) (bool, error) {
	if m == nil {
		return false, nil
	}
	for _, file := range []string{d.Round(round).Scores(), d.Round(round).Choice()} {
		relative, err := d.Relative(file)
		if err != nil {
			return false, err
		}
		content, err := rundir.ReadFile(d.FS, file)
		if err != nil {
			return false, err
		}
		if !hasOutput(m, rundir.Output{Path: relative, SHA256: rundir.DigestBytes(content), Size: int64(len(content))}) {
			return false, nil
		}
	}
	return true, nil
}

func hasOutput(m *rundir.Manifest, want rundir.Output) bool {
	for _, stage := range m.Stages {
		for _, output := range stage.Outputs {
			if output == want {
				return true
			}
		}
	}
	return false
}

// noteOrigin says so when a round was made from a result that the round before it no longer has.
func (r *Round) noteOrigin(d *rundir.Dir, m, last *rundir.Manifest) {
	if m == nil || last == nil {
		return
	}
	merged, err := d.Relative(d.Round(r.Round - 1).Merged())
	if err != nil {
		return // Only a layout that contradicts itself comes here, and the note is no more than a hint.
	}
	for _, from := range []rundir.ManifestModel{m.Miner, m.Base} {
		if from.Name == merged && from.Digest != last.Result.Digest {
			r.Done = false
			r.outdated("made from an earlier result of round %d: run the recipe again", r.Round-1)
			return
		}
	}
}

// retire marks a round that the recipe has no more: what lies there is no result of it.
func (r *Round) retire(rounds int) {
	r.Stale, r.Done = true, false
	r.outdated("left by an earlier recipe: the one that the run last followed has %d; remove the folder if nothing in it is wanted", rounds)
}

// outdated notes that the round is not what a run of the recipe would leave.
func (r *Round) outdated(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	r.Notes, r.Outdated = append(r.Notes, note), append(r.Outdated, note)
}
