package page

import (
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// Memory is the stage's own: of several times the most, and of an earlier quarry's lines, which tell of the process, none.
func TestMemoryOfStages(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Rounds: 1})
	write := func(times ...rundir.StageTime) *Page {
		t.Helper()
		// The tiny run's own directory is open read only; its times are replaced by hand.
		if err := d.FS.Remove(d.Times()); err != nil {
			t.Fatal(err)
		}
		lines, err := rundir.OpenLines(d.FS, d.Times())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range times {
			if err := lines.JSON(one); err != nil {
				t.Fatal(err)
			}
		}
		if err := lines.Close(); err != nil {
			t.Fatal(err)
		}
		return read(t, d)
	}
	p := write(
		rundir.StageTime{Stage: "embed", Seconds: 1, Memory: 64 << 20}, rundir.StageTime{Stage: "mine", Seconds: 1, Memory: 8 << 20},
		rundir.StageTime{Stage: "eval-epoch-0", Seconds: 1, Memory: 16 << 20}, rundir.StageTime{Stage: "eval-epoch-1", Seconds: 1, Memory: 12 << 20},
	)
	var got []string
	for _, row := range figure(t, p, "memory").Table.Rows {
		got = append(got, strings.Join(row, " "))
	}
	if want := []string{"round 0: embed 64", "round 0: mine 8", "round 0: scoring of epochs 16"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	p = write(rundir.StageTime{Stage: "embed", Seconds: 1, PeakMemory: 64 << 20})
	if _, there := p.Drawings()["memory"]; there || !slices.ContainsFunc(p.Missing, func(s string) bool { return strings.Contains(s, "an earlier quarry did have no memory of their own") }) {
		t.Errorf("an earlier quarry's high-water marks are drawn as the stages' own: %q", p.Missing)
	}
}
