package report

import (
	"fmt"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// noteSets says which sets took turns in a round's training, and how often.
func (r *Round) noteSets(m *rundir.Manifest) {
	if m == nil || len(m.Sets) == 0 {
		return
	}
	parts := make([]string, len(m.Sets))
	for i, s := range m.Sets {
		name := s.Name
		if name == "" {
			name = "the run's own"
		}
		parts[i] = fmt.Sprintf("%s: %d steps an epoch, %d queries", name, s.Steps, s.Queries)
	}
	r.Notes = append(r.Notes, fmt.Sprintf("trained on %d sets in turns: %s", len(m.Sets), strings.Join(parts, "; ")))
}
