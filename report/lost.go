package report

import (
	"fmt"
	"path/filepath"

	"github.com/quarry-ml/quarry/rundir"
)

// lost tells of the rounds from one on whose directory is not there although the run has worked in them, by its times, or
// although a later round's is there. Without it a report would say of them that nothing is scored yet. rounds is how many
// the recipe has; 0 is unknown.
func lost(d *rundir.Dir, first, rounds int) ([]string, error) {
	times, err := d.ReadTimes()
	if err != nil {
		return nil, err
	}
	last := first - 1
	worked := map[int]bool{}
	for _, t := range times {
		worked[t.Round] = true
		last = max(last, t.Round)
	}
	if rounds > 0 {
		last = min(last, rounds-1) // those behind are of an earlier recipe: who removes them follows a report's advice
	}
	there := map[int]bool{}
	for i := first; i <= max(last, rounds-1); i++ {
		if there[i], err = d.Exists(d.Round(i).Dir()); err != nil {
			return nil, err
		}
		if there[i] {
			last = max(last, i)
		}
	}
	var missing []string
	for i := first; i <= last; i++ {
		switch name := filepath.Base(d.Round(i).Dir()); {
		case there[i]:
			missing = append(missing, fmt.Sprintf("round %d is there and is not shown: it was made from what is missing", i))
		case worked[i] || i < last:
			missing = append(missing, fmt.Sprintf("round %d is missing: the run has worked in it, and the directory %s is gone: put it back, or run the recipe again, which computes it anew", i, name))
		}
	}
	return missing, nil
}
