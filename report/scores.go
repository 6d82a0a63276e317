package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// readScores returns a round's table: the whole one, or else the epochs that are scored so far. A table of an earlier
// training, which a run leaves in its place until it has the new one, does not count: the rows beside it decide.
func readScores(d *rundir.Dir, round int) (scores *rundir.Scores, whole bool, err error) {
	file := d.Round(round).Scores()
	table, err := readVersioned[rundir.Scores](d.FS, file, rundir.ScoresVersion)
	if err != nil {
		return nil, false, err
	}
	if table != nil {
		if err := checkScores(file, round, table); err != nil {
			return nil, false, err
		}
	}
	entries, err := d.FS.ReadDir(filepath.Dir(d.Round(round).EpochScores(0)))
	if errors.Is(err, fs.ErrNotExist) {
		return table, table != nil, nil // a directory kept for its numbers, without the checkpoints
	}
	if err != nil {
		return nil, false, fmt.Errorf("round %d: %w", round, err)
	}
	// An epoch has a checkpoint and a file of scores, so no number is as large as the entries are many.
	rows, err := readRows(d, round, len(entries))
	if err != nil {
		return nil, false, err
	}
	if table != nil && rows != nil && table.Digest() == rows.Digest() {
		return table, true, nil
	}
	return rows, false, nil
}

// readRows puts a table together from the files of single epochs, nil where there is none. A file counts once it is
// stamped: the stamp tells which measures its columns are. Rows of other columns than the first have been overtaken by
// an edited recipe and are left out.
func readRows(d *rundir.Dir, round, epochs int) (*rundir.Scores, error) {
	var table *rundir.Scores
	for epoch := range epochs {
		one, err := readRow(d, round, epoch)
		if err != nil {
			return nil, err
		}
		switch {
		case one == nil:
		case table == nil:
			table = one
		case table.Convention == one.Convention && slices.Equal(table.Measures, one.Measures):
			table.Epochs = append(table.Epochs, one.Epochs...)
		}
	}
	return table, nil
}

// readRow returns a table with the row of one epoch, nil where there is none that is stamped.
func readRow(d *rundir.Dir, round, epoch int) (*rundir.Scores, error) {
	file := d.Round(round).EpochScores(epoch)
	var row rundir.EpochScores
	err := rundir.ReadJSON(d.FS, file, &row)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stamp, err := stampOf(d, round, file)
	if stamp == nil || err != nil {
		return nil, err
	}
	var options struct {
		Eval struct {
			Metrics    []string `json:"metrics"`
			Convention string   `json:"convention"`
		} `json:"eval"`
	}
	if err := json.Unmarshal(stamp.Options, &options); err != nil {
		return nil, fmt.Errorf("%s: %w", d.Stamp(round, stamp.Stage), err)
	}
	s := &rundir.Scores{
		Version: rundir.ScoresVersion, Round: round,
		Convention: options.Eval.Convention, Measures: options.Eval.Metrics, Epochs: []rundir.EpochScores{row},
	}
	if row.Epoch != epoch {
		return nil, fmt.Errorf("%s: of epoch %d", file, row.Epoch)
	}
	return s, checkScores(file, round, s)
}

// addTests fills the test column.
func addTests(d *rundir.Dir, round int, s *rundir.Scores) error {
	file := d.Round(round).TestScores()
	tests, err := readVersioned[rundir.TestScores](d.FS, file, rundir.ScoresVersion)
	if tests == nil || err != nil {
		return err
	}
	for _, test := range tests.Epochs {
		if err := checkMeans(&test.Test, len(s.Measures)); err != nil {
			return fmt.Errorf("%s: epoch %d: %w", file, test.Epoch, err)
		}
		i := slices.IndexFunc(s.Epochs, func(e rundir.EpochScores) bool { return e.Epoch == test.Epoch })
		if i < 0 {
			return fmt.Errorf("%s: epoch %d is not among those of %s", file, test.Epoch, d.Round(round).Scores())
		}
		s.Epochs[i].Test = &test.Test
	}
	return nil
}
