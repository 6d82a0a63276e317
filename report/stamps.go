package report

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// stampOf returns the stamp that names a file among its outputs, nil where none does.
func stampOf(d *rundir.Dir, round int, file string) (*rundir.Stamp, error) {
	relative, err := d.Relative(file)
	if err != nil {
		return nil, err
	}
	for stamp, err := range stamps(d, round) {
		if err != nil {
			return nil, err
		}
		if _, ok := stamp.Output(relative); ok {
			return stamp, nil
		}
	}
	return nil, nil
}

// stampedFiles is the files that the stamps of a round name among their outputs, relative to the run directory.
func stampedFiles(d *rundir.Dir, round int) (map[string]bool, error) {
	files := map[string]bool{}
	for stamp, err := range stamps(d, round) {
		if err != nil {
			return nil, err
		}
		for _, output := range stamp.Outputs {
			files[output.Path] = true
		}
	}
	return files, nil
}

// stamps are the stamps of a round, by the names of their stages; an error is the last. Those that a run at work drops meanwhile
// are passed over.
func stamps(d *rundir.Dir, round int) iter.Seq2[*rundir.Stamp, error] {
	return func(yield func(*rundir.Stamp, error) bool) {
		entries, err := d.FS.ReadDir(filepath.Dir(d.Stamp(round, "any")))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(nil, fmt.Errorf("round %d: %w", round, err))
			return
		}
		for _, entry := range entries {
			stage, ok := strings.CutSuffix(entry.Name(), ".json")
			if !ok {
				continue // a file being written
			}
			stamp, err := d.ReadStamp(round, stage)
			if errors.Is(err, fs.ErrNotExist) {
				continue // dropped
			}
			if !yield(stamp, err) || err != nil {
				return
			}
		}
	}
}
