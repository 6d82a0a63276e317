package page

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/internal/tinyrun"
	"github.com/quarry-ml/quarry/rundir"
)

// A positive that nothing ranks is among no first k, and has a group of its own.
func TestPositivesThatAreNotRanked(t *testing.T) {
	keys := []string{"a", "b", "c"}
	before := ranked{name: "before", keys: keys, ranks: map[string]int{"a": 0, "b": 1, "c": 4}, passages: 10}
	after := ranked{name: "after", keys: keys, ranks: map[string]int{"a": 2, "b": 0, "c": 0}, passages: 10}
	if got := within("w", "", "", []ranked{before, after}).Table.Rows[0]; !slices.Equal(got, []string{"1", percent(1.0 / 3), percent(0)}) {
		t.Errorf("among the first: %q", got)
	}
	f := beforeAfter("b", "", before, after)
	last := f.Table.Rows[len(f.Table.Rows)-1]
	if last[0] != "not ranked" || last[2] != "1" || f.Table.Head[len(f.Table.Head)-1] != "after: not ranked" || len(f.Table.Rows) != len(f.Drawing.Columns) || len(f.Drawing.Cells) != 3 {
		t.Errorf("head %q, last row %q, cells %v", f.Table.Head, last, f.Drawing.Cells)
	}
}

// A run of one round has searched once, before its training; what the training did is in what its epochs rank.
func TestARunOfOneRoundHasRanksBeforeAndAfter(t *testing.T) {
	_, d := opened(t, tinyrun.Options{Dev: 30, Passages: 6, Rounds: 1, Ranked: true})
	p := read(t, d)
	// Counted from the files: how many positives stand first.
	first := func(epoch int) (n float64) {
		f, err := os.Open(d.Round(0).EpochRanking(rundir.Dev, epoch))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, all, err := candidates.ReadAll(f, "f")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.Hits[0].Passage == c.Positives[0].Passage {
				n++
			}
		}
		return n
	}
	before, after := first(0), first(3)
	if before == after || after == 0 {
		t.Fatalf("%v positives are first before and %v after: the run shows nothing", before, after)
	}
	drawing := figure(t, p, "rank-trained").Drawing
	if !slices.Equal(drawing.Series, []string{"before training", "round 0 epoch 3 (chosen)"}) {
		t.Errorf("series %q", drawing.Series)
	}
	for _, point := range drawing.Points {
		if want := []float64{before, after}[point.Series] / 30; point.X == 1 && point.Y != want {
			t.Errorf("%s: a share of %v at rank 1, want %v", drawing.Series[point.Series], point.Y, want)
		}
	}
	sum, inFirstRow, inFirstColumn := 0.0, 0.0, 0.0
	for _, c := range figure(t, p, "rank-trained-0").Drawing.Cells {
		sum += c.Value
		if c.Row == 0 {
			inFirstRow += c.Value
		}
		if c.Column == 0 {
			inFirstColumn += c.Value
		}
	}
	if sum != 30 || inFirstRow != before || inFirstColumn != after {
		t.Errorf("%v queries, %v first before and %v after; want 30, %v, %v", sum, inFirstRow, inFirstColumn, before, after)
	}
	if _, there := p.Drawings()["rank-before-after"]; there {
		t.Error("the miners are told as before and after, though the epochs are there")
	}
}

// A round that goes on with epoch 0, or has not chosen yet, shows what there is and says so.
func TestRanksWhereNothingTrainedIsChosen(t *testing.T) {
	for _, tc := range []struct {
		name   string
		epochs int // scored besides the base
		change func(d *rundir.Dir) error
		want   string // in the sentence
		series []string
	}{
		{"the base is chosen", 3, func(d *rundir.Dir) error {
			choice, err := d.ReadChoice(0)
			if err != nil {
				return err
			}
			choice.Epoch = 0
			return rundir.WriteJSON(d.FS, d.Round(0).Choice(), choice)
		}, "goes on with epoch 0, the model as it was before training", []string{"before training (chosen)", "round 0 epoch 3"}},
		{"nothing is chosen", 3, func(d *rundir.Dir) error { return os.Remove(d.Round(0).Choice()) }, "No epoch is chosen yet.", []string{"before training", "round 0 epoch 3"}},
		{"the base alone is kept", 1, func(d *rundir.Dir) error {
			return errors.Join(os.Remove(d.Round(0).Choice()), os.Remove(d.Round(0).EpochRanking(rundir.Dev, 1)))
		}, "no epoch of a training is scored yet", []string{"before training"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, d := opened(t, tinyrun.Options{Dev: 30, Passages: 6, Rounds: 1, Ranked: true, Epochs: tc.epochs})
			if err := tc.change(d); err != nil {
				t.Fatal(err)
			}
			p := read(t, d)
			f := figure(t, p, "rank-trained")
			if !slices.Equal(f.Drawing.Series, tc.series) || !strings.Contains(f.About, tc.want) {
				t.Errorf("series %q: %s", f.Drawing.Series, f.About)
			}
			if _, there := p.Drawings()["rank-trained-0"]; there != (len(tc.series) > 1) {
				t.Errorf("ranks against each other: %v", there)
			}
			for _, f := range p.Sections {
				if f.ID == "ranks" && strings.Contains(f.Figures[len(f.Figures)-1].Title, "after round 0") {
					t.Errorf("%q, which nothing came out of", f.Figures[len(f.Figures)-1].Title)
				}
			}
		})
	}
}

// A run that an earlier quarry scored has no rankings of epochs: the page shows what the miners ranked, and says what is missing.
func TestWithoutRankingsOfEpochs(t *testing.T) {
	_, d := opened(t, tinyrun.Options{ByQuery: true})
	p := read(t, d)
	figure(t, p, "rank-before-after")
	if _, there := p.Drawings()["rank-trained"]; there {
		t.Error("epochs are drawn")
	}
	if page := write(t, p); !strings.Contains(page, "What the chosen epoch of round 0 ranks is not kept") {
		t.Error("the page does not say what is missing")
	}
}
