package report

import (
	"fmt"

	"github.com/quarry-ml/quarry/rundir"
)

// checkScores refuses a table that contradicts itself: a row too short or out of order would put numbers under
// headings that are not theirs.
func checkScores(file string, round int, s *rundir.Scores) error {
	if s.Round != round {
		return fmt.Errorf("%s: of round %d, and lies in the directory of round %d", file, s.Round, round)
	}
	for i, e := range s.Epochs {
		if e.Epoch < 0 || i > 0 && e.Epoch <= s.Epochs[i-1].Epoch {
			return fmt.Errorf("%s: row %d: epoch %d out of order", file, i+1, e.Epoch)
		}
		if err := checkMeans(&e.Dev, len(s.Measures)); err != nil {
			return fmt.Errorf("%s: epoch %d: dev: %w", file, e.Epoch, err)
		}
		if err := checkMeans(e.Test, len(s.Measures)); err != nil {
			return fmt.Errorf("%s: epoch %d: test: %w", file, e.Epoch, err)
		}
	}
	return nil
}

func checkMeans(m *rundir.Means, measures int) error {
	if m == nil {
		return nil
	}
	if len(m.All) != measures {
		return fmt.Errorf("%d values for %d measures", len(m.All), measures)
	}
	for _, part := range []struct {
		name  string
		slice rundir.Slice
	}{{"seen", m.Seen}, {"unseen", m.Unseen}} {
		if n := len(part.slice.Means); n != measures && (n != 0 || part.slice.Queries != 0) {
			return fmt.Errorf("%s: %d values for %d measures", part.name, n, measures)
		}
	}
	return nil
}
