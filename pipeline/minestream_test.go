package pipeline

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"weak"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/rundir"
)

// TestMiningKeepsNoRows: of the rows of a split with their texts only the last is alive while they are written and looked over, with a
// limit that couples all queries too.
func TestMiningKeepsNoRows(t *testing.T) {
	for name, mined := range map[string]string{
		"each by itself": "mine: {window: 1-8, negatives: 4, depth: 12, provenance: true}",
		"a hub limit":    "mine: {window: 1-8, negatives: 4, depth: 12, hub_limit: 8, provenance: true}",
	} {
		t.Run(name, func(t *testing.T) {
			r := tinyProject(t, edit(t, "mine: {window: 1-8, negatives: 4, depth: 12}", mined))
			if notes, err := runTiny(t, r, Options{Until: StageMine}); err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			want := files(t, r.Dir())
			p, err := Open(t.Context(), r, Options{Path: exactpath.Fastest, Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			round, err := p.newRound(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			looks, err := round.newLooks(rundir.Train, nil)
			if err != nil {
				t.Fatal(err)
			}
			var rows []weak.Pointer[flagembedding.Row]
			most, o := 0, round.mineOptions()
			err = round.writeMined(rundir.Train, o, func(write func(minedRow) error) error {
				_, err := round.mineSplit(t.Context(), rundir.Train, o, nil, func(m minedRow) error {
					rows = append(rows, weak.Make(m.row))
					if err := looks.add(m); err != nil {
						return err
					}
					if err := write(m); err != nil {
						return err
					}
					runtime.GC()
					alive := 0
					for _, row := range rows {
						if row.Value() != nil {
							alive++
						}
					}
					most = max(most, alive)
					return nil
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != 30 || most > 2 {
				t.Errorf("of %d rows %d were alive at once", len(rows), most)
			}
			relative, err := p.dir.Relative(round.files.Negatives(rundir.Train))
			if err != nil {
				t.Fatal(err)
			}
			if got := files(t, r.Dir()); got[filepath.ToSlash(relative)] != want[filepath.ToSlash(relative)] || want[filepath.ToSlash(relative)] == "" {
				t.Errorf("other rows than the run's:\n%s", got[relative])
			}
		})
	}
}

// TestMiningEndsWithinASplit: a run that is interrupted while it mines ends at the next query, also behind the last one of them, where
// a hub limit draws for all and then hands all on.
func TestMiningEndsWithinASplit(t *testing.T) {
	r := tinyProject(t, edit(t, "mine: {window: 1-8, negatives: 4, depth: 12}", "mine: {window: 1-8, negatives: 4, depth: 12, hub_limit: 8}"))
	if notes, err := runTiny(t, r, Options{Until: StageSearch}); err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	for _, at := range []Progress{
		{Stage: "mine train", Done: 7, Total: 30, Unit: "queries"}, {Stage: "hub limit train", Done: 7, Total: 30, Unit: "rows"}, {Stage: "write rows train", Done: 7, Total: 30, Unit: "rows"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var last Progress
		o := Options{Path: exactpath.Fastest, Workers: 1, Until: StageMine}
		o.Events.Progress = func(p Progress) {
			if last = p; p == at {
				cancel()
			}
		}
		p, err := Open(ctx, r, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Run(ctx), p.Close()); !errors.Is(err, context.Canceled) || last != at {
			t.Errorf("cancelled at %+v it went on to %+v: %v", at, last, err)
		}
		cancel()
	}
}
