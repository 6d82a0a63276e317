package report

import (
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

func TestNoteOfSets(t *testing.T) {
	for _, tc := range []struct {
		name string
		sets []rundir.ManifestSet
		want []string
	}{
		{"one", nil, nil},
		{"two", []rundir.ManifestSet{{Queries: 30, Steps: 4}, {Name: "faq", Weight: 2, Queries: 12, Steps: 3}}, []string{"trained on 2 sets in turns: the run's own: 4 steps an epoch, 30 queries; faq: 3 steps an epoch, 12 queries"}},
	} {
		r := &Round{}
		r.noteSets(&rundir.Manifest{Sets: tc.sets})
		if !slices.Equal(r.Notes, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, r.Notes, tc.want)
		}
	}
	(&Round{}).noteSets(nil)
}
