package rundir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/rundir"
)

// TestTeacherScoresLast from one opening to the next, but for a line that was cut short; another teacher's are refused.
func TestTeacherScoresLast(t *testing.T) {
	header := teacherscores.Header{Kind: "embedder", Model: "d0", Identity: "portable/f32/amd64/any", Reads: "r"}
	path := filepath.Join(t.TempDir(), rundir.TeacherScoresName(header))
	open := func() *rundir.TeacherScores {
		t.Helper()
		s, err := rundir.OpenTeacherScores(rundir.OS{}, path, header)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	holds := func(s *rundir.TeacherScores, first, second bool) {
		t.Helper()
		for d, want := range map[teacherscores.Digest]bool{{1}: first, {2}: second} {
			found, err := s.Find(func(wanted teacherscores.Digest) bool { return wanted == d })
			if _, ok := found[d]; ok != want || err != nil || len(found) > 1 {
				t.Errorf("pair %x: held is %t, want %t; %v", d, ok, want, err)
			}
		}
	}
	s := open()
	holds(s, false, false)
	if err := s.Put([]teacherscores.Digest{{1}, {2}}, []float32{0.5, 0.25}); err != nil {
		t.Fatal(err)
	}
	holds(s, true, true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw[:len(raw)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	s = open()
	holds(s, true, false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	header.Reads = "otherwise"
	if _, err := rundir.OpenTeacherScores(rundir.OS{}, path, header); err == nil || !strings.Contains(err.Error(), "these are scores of another teacher") {
		t.Errorf("another teacher's file: %v", err)
	}
}
