package rundir_test

import (
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/rundir"
)

func TestOwnVerdicts(t *testing.T) {
	folder := t.TempDir()
	run := filepath.Join(folder, "runs", "tiny")
	own := filepath.Join(run, "verdicts.jsonl")
	for _, tc := range []struct {
		name   string
		folder string
		files  []string
		want   string
		named  bool
	}{
		{"no round names any", folder, []string{"", ""}, "runs/tiny/verdicts.jsonl", false},
		{"no rounds", folder, nil, "runs/tiny/verdicts.jsonl", false},
		{"the second names them", folder, []string{"", "runs/tiny/verdicts.jsonl"}, "runs/tiny/verdicts.jsonl", true},
		{"in another spelling", folder, []string{"./runs/other/../tiny/verdicts.jsonl"}, "runs/tiny/verdicts.jsonl", true},
		{"by an absolute path", folder, []string{own}, "runs/tiny/verdicts.jsonl", true},
		{"those of another run", folder, []string{"runs/other/verdicts.jsonl"}, "runs/tiny/verdicts.jsonl", false},
		{"a recipe elsewhere", filepath.Join(folder, "recipes"), []string{"../runs/tiny/verdicts.jsonl"}, own, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name, named, err := rundir.Layout(run).OwnVerdicts(tc.folder, tc.files)
			if err != nil || name != tc.want || named != tc.named {
				t.Errorf("called %q, named %t, %v; want %q, %t", name, named, err, tc.want, tc.named)
			}
		})
	}
}
