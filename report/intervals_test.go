package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// TestIntervals: an epoch whose scores are kept by query gets intervals in every format; one without goes without.
func TestIntervals(t *testing.T) {
	r := newRun(t)
	for epoch := range 2 {
		kept := &rundir.QueryScores{Version: 1, Epoch: epoch, Split: rundir.Dev, Convention: "sentence-transformers", Measures: []string{"map@25"}}
		for q := range 8 {
			kept.Queries = append(kept.Queries, rundir.QueryScore{ID: fmt.Sprint("q", q), Group: fmt.Sprint(q / 2), Values: []float64{float64(q % 2)}})
		}
		row := rundir.EpochScores{Epoch: epoch, Dev: rundir.Means{Queries: 8, All: []float64{0.5}}}
		scores, queries := r.Round(0).EpochScores(epoch), r.Round(0).EpochQueries(rundir.Dev, epoch)
		r.write(scores, row)
		if err := r.FS.MkdirAll(r.Round(0).Epoch(epoch)); err != nil {
			t.Fatal(err)
		}
		outputs := []string{scores}
		if epoch == 1 {
			if err := rundir.WriteFile(r.FS, queries, kept.Write); err != nil {
				t.Fatal(err)
			}
			outputs = append(outputs, queries)
		}
		r.stamp(0, fmt.Sprintf("eval-epoch-%d", epoch), map[string]any{"eval": map[string]any{"metrics": []string{"map@25"}, "convention": "sentence-transformers"}}, outputs...)
	}
	got := r.read()
	if err := got.AddIntervals(r.Dir, stats.Options{Level: 0.9, Resamples: 100, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	// Every group has a 0 and a 1: a resample of groups is 0.5 whatever is drawn.
	epochs := got.Rounds[0].Epochs
	dev := epochs[1].Intervals[rundir.Dev].All
	if len(epochs[0].Intervals) != 0 || len(dev) != 1 || dev[0].Low != 0.5 || dev[0].High != 0.5 || dev[0].Units != 4 {
		t.Fatalf("%+v", epochs)
	}
	// What is not there is said, in one line of every format for people.
	const bare = "no intervals of dev (epoch 0): scores query by query are not there (an earlier quarry kept none, or they were removed); running the recipe again makes them anew"
	if !slices.Contains(got.Rounds[0].Notes, bare) {
		t.Errorf("notes %q", got.Rounds[0].Notes)
	}
	for format, want := range map[report.Format]string{
		report.Text: "0.5000–0.5000", report.Markdown: "0.5000–0.5000", report.LaTeX: "0.5000--0.5000", report.CSV: ",map@25,0.5,0.5,0.5\n",
	} {
		var out bytes.Buffer
		if err := got.Write(&out, format); err != nil || !strings.Contains(out.String(), want) || format != report.CSV && !strings.Contains(out.String(), "interval") {
			t.Errorf("%s: %v\n%s", format, err, out.String())
		}
	}
	var out bytes.Buffer
	if err := got.Write(&out, report.JSON); err != nil {
		t.Fatal(err)
	}
	var told struct {
		Rounds []struct {
			Epochs []struct {
				Dev struct {
					Intervals map[string]struct{ Low, Level float64 }
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil || len(told.Rounds[0].Epochs[0].Dev.Intervals) != 0 || told.Rounds[0].Epochs[1].Dev.Intervals["map@25"].Level != 0.9 {
		t.Errorf("%v: %+v", err, told)
	}
}

// scoredByQuery is what one epoch scored on a set of eight queries in groups of two, one of which is seen and scores the
// value; the others are as long, unseen, and score less by a quarter. As groups have one of each, so does any resample.
func (r *run) scoredByQuery(split rundir.Split, epoch int, value float64) rundir.Means {
	r.t.Helper()
	kept := &rundir.QueryScores{Version: 1, Epoch: epoch, Split: split, Convention: "sentence-transformers", Measures: []string{"map@25"}}
	for q := range 8 {
		v := value - 0.25*float64(q%2)
		one := rundir.QueryScore{ID: fmt.Sprint("q", q), Group: fmt.Sprint(q / 2), Seen: q%2 == 0, Values: []float64{v}}
		if split == rundir.Dev {
			one.ID, one.Group = r.fold+one.ID, r.fold+one.Group
		}
		kept.Queries = append(kept.Queries, one)
	}
	if err := rundir.WriteFile(r.FS, r.Round(0).EpochQueries(split, epoch), kept.Write); err != nil {
		r.t.Fatal(err)
	}
	return rundir.Means{
		Queries: 8, All: []float64{value - 0.125},
		Seen: rundir.Slice{Queries: 4, Means: []float64{value}}, Unseen: rundir.Slice{Queries: 4, Means: []float64{value - 0.25}},
	}
}

// everySet is a run of one round that is scored by query on dev, test and a set of data.also.
func everySet(t *testing.T) *run {
	r := newRun(t)
	r.scoreEverySet(0)
	return r
}

// scoreEverySet makes it; every score is higher by a number.
func (r *run) scoreEverySet(higher float64) {
	r.t.Helper()
	r.recipe("data:\n  also:\n    - {name: general}\nrounds: [{}]\n")
	options := map[string]any{"eval": map[string]any{"metrics": []string{"map@25"}, "convention": "sentence-transformers"}}
	scores := &rundir.Scores{Version: rundir.ScoresVersion, Convention: "sentence-transformers", Measures: []string{"map@25"}}
	tests := rundir.TestScores{Version: rundir.ScoresVersion}
	var tested []string
	for epoch := range 2 {
		if err := r.FS.MkdirAll(r.Round(0).Epoch(epoch)); err != nil {
			r.t.Fatal(err)
		}
		gain := 0.0625*float64(epoch) + higher
		scores.Epochs = append(scores.Epochs, rundir.EpochScores{Epoch: epoch, Dev: r.scoredByQuery(rundir.Dev, epoch, 0.5+gain)})
		r.write(r.Round(0).EpochScores(epoch), scores.Epochs[epoch])
		r.stamp(0, fmt.Sprintf("eval-epoch-%d", epoch), options, r.Round(0).EpochScores(epoch), r.Round(0).EpochQueries(rundir.Dev, epoch))
		general := rundir.AlsoSplit("general")
		r.write(r.Round(0).EpochAlso("general", epoch), rundir.AlsoScores{
			Version: rundir.ScoresVersion, Epoch: epoch, Name: "general", Convention: "sentence-transformers", Measures: []string{"map@25"}, Scores: r.scoredByQuery(general, epoch, 0.875-gain),
		})
		r.stamp(0, fmt.Sprintf("also-epoch-%d-general", epoch), nil, r.Round(0).EpochAlso("general", epoch), r.Round(0).EpochQueries(general, epoch))
		tests.Epochs = append(tests.Epochs, rundir.EpochTest{Epoch: epoch, Test: r.scoredByQuery(rundir.Test, epoch, 0.375+gain)})
		tested = append(tested, r.Round(0).EpochQueries(rundir.Test, epoch))
	}
	r.write(r.Round(0).Scores(), scores)
	r.stamp(0, "eval", nil, r.Round(0).Scores())
	r.choose(0, 1, "rule", "map@25 0.4375 is the best of epochs 0 to 1")
	r.write(r.Round(0).TestScores(), tests)
	r.stamp(0, "test", nil, append(tested, r.Round(0).TestScores())...)
}

// TestIntervalsOfEverySet: dev, test and the sets of data.also, all queries and seen and unseen ones, have their intervals in
// every format.
func TestIntervalsOfEverySet(t *testing.T) {
	r := everySet(t)
	got := r.read()
	if err := got.AddIntervals(r.Dir, stats.Options{Level: 0.9, Resamples: 100, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	for _, e := range got.Rounds[0].Epochs {
		if len(e.Intervals) != 3 {
			t.Errorf("epoch %d has intervals on %d sets", e.Epoch, len(e.Intervals))
		}
		for split, found := range e.Intervals {
			// Every unit scores the same, so that nothing is left to chance.
			for _, part := range [][]stats.Interval{found.All, found.Seen, found.Unseen} {
				if len(part) != 1 || part[0].Low != part[0].Mean || part[0].High != part[0].Mean || part[0].Units != 4 {
					t.Errorf("epoch %d on %s: %+v", e.Epoch, split, found)
				}
			}
		}
	}
	for format, extension := range map[report.Format]string{report.Text: "txt", report.Markdown: "md", report.JSON: "json", report.CSV: "csv", report.LaTeX: "tex"} {
		var out bytes.Buffer
		if err := got.Write(&out, format); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, filepath.Join("testdata", "intervals."+extension), out.Bytes())
		checkForm(t, format, out.String())
	}
}

// TestIntervalReader: what has not changed is not computed again, and what has is.
func TestIntervalReader(t *testing.T) {
	r := everySet(t)
	var reader report.IntervalReader
	o := stats.Options{Level: 0.9, Resamples: 100, Seed: 1}
	first, second := r.read(), r.read()
	if err := errors.Join(reader.Add(first, r.Dir, o), reader.Add(second, r.Dir, o)); err != nil {
		t.Fatal(err)
	}
	a, b := first.Rounds[0].Epochs[1].Intervals[rundir.Test].All, second.Rounds[0].Epochs[1].Intervals[rundir.Test].All
	if &a[0] != &b[0] {
		t.Error("computed again")
	}
	bounded := r.read()
	if err := (&report.IntervalReader{Most: 7}).Add(bounded, r.Dir, o); err != nil || len(bounded.Rounds[0].Epochs[1].Intervals) != 0 {
		t.Errorf("intervals of eight queries where seven are the most: %v", err)
	}
	means := r.scoredByQuery(rundir.AlsoSplit("general"), 1, 0.5)
	r.write(r.Round(0).EpochAlso("general", 1), rundir.AlsoScores{
		Version: rundir.ScoresVersion, Epoch: 1, Name: "general", Convention: "sentence-transformers", Measures: []string{"map@25"}, Scores: means,
	})
	third := r.read()
	if err := reader.Add(third, r.Dir, o); err != nil {
		t.Fatal(err)
	}
	if now := third.Rounds[0].Epochs[1].Intervals[rundir.AlsoSplit("general")].All; now[0].Mean != means.All[0] {
		t.Errorf("%+v of other scores", now)
	}
	// Scores that are not those of the means are another run's at work.
	means.Queries = 9
	r.write(r.Round(0).EpochAlso("general", 1), rundir.AlsoScores{
		Version: rundir.ScoresVersion, Epoch: 1, Name: "general", Convention: "sentence-transformers", Measures: []string{"map@25"}, Scores: means,
	})
	fourth := r.read()
	if err := reader.Add(fourth, r.Dir, o); err != nil {
		t.Fatal(err)
	}
	if _, ok := fourth.Rounds[0].Epochs[1].Intervals[rundir.AlsoSplit("general")]; ok {
		t.Error("intervals of other queries than those of the means")
	}
}
