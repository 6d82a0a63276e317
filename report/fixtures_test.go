package report_test

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/quarry-ml/quarry/internal/unsynced"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// measures are the columns of the reference pipeline's table.
var measures = []string{"map@25", "recall@25", "recall@50", "recall@75", "recall@100"}

// run writes a run directory as the loop does: files, stamps, then the manifest.
type run struct {
	t *testing.T
	*rundir.Dir
	stamps []*rundir.Stamp
	fold   string // before the ids of dev queries that are scored one by one
}

func newRun(t *testing.T) *run {
	t.Helper()
	d, err := rundir.Open(filepath.Join(t.TempDir(), "eedi"), rundir.OpenOptions{FS: unsynced.FS{}, Create: true, Identity: "portable f32 amd64 GenuineIntel"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return &run{t: t, Dir: d}
}

// twoRounds is a finished run of two rounds with a test split.
func twoRounds(t *testing.T) *run {
	r := newRun(t)
	r.finish(0, 2, []float64{0.17, 0.30, 0.35, 0.34})
	r.finish(1, 3, []float64{0.17, 0.33, 0.37, 0.40})
	return r
}

// finish writes a whole round whose epochs have the given MAP@25 and that goes on with one of them.
func (r *run) finish(round, chosen int, maps []float64) {
	r.score(round, measures, maps)
	scores := r.table(round, measures, maps)
	r.choose(round, chosen, "rule", fmt.Sprintf("map@25 %.4f is the best of epochs 0 to %d", maps[chosen], len(maps)-1))
	r.test(round, scores, 0, chosen)
	r.manifest(round, chosen)
}

// score writes the rows of single epochs, stamped.
func (r *run) score(round int, measures []string, maps []float64) {
	for epoch, value := range maps {
		file := r.Round(round).EpochScores(epoch)
		r.write(file, row(epoch, value, len(measures)))
		if err := r.FS.MkdirAll(r.Round(round).Epoch(epoch)); err != nil {
			r.t.Fatal(err)
		}
		options := map[string]any{"eval": map[string]any{"metrics": measures, "convention": "sentence-transformers"}}
		r.stamp(round, fmt.Sprintf("eval-epoch-%d", epoch), options, file)
	}
}

func (r *run) table(round int, measures []string, maps []float64) *rundir.Scores {
	scores := &rundir.Scores{Version: rundir.ScoresVersion, Round: round, Convention: "sentence-transformers", Measures: measures}
	for epoch, value := range maps {
		scores.Epochs = append(scores.Epochs, row(epoch, value, len(measures)))
	}
	r.write(r.Round(round).Scores(), scores)
	r.stamp(round, "eval", nil, r.Round(round).Scores())
	return scores
}

func (r *run) choose(round, epoch int, by, because string) {
	scores, err := r.ReadScores(round)
	if err != nil {
		r.t.Fatal(err)
	}
	file := r.Round(round).Choice()
	r.write(file, rundir.Choice{Version: rundir.ScoresVersion, Epoch: epoch, By: by, Because: because, Scores: scores.Digest()})
	r.stamp(round, "select", nil, file)
}

func (r *run) test(round int, s *rundir.Scores, epochs ...int) {
	tests := rundir.TestScores{Version: rundir.ScoresVersion}
	for _, epoch := range epochs {
		means := s.Epochs[epoch].Dev
		means.All = shifted(means.All, 0.01)
		tests.Epochs = append(tests.Epochs, rundir.EpochTest{Epoch: epoch, Test: means})
	}
	r.write(r.Round(round).TestScores(), tests)
	r.stamp(round, "test", nil, r.Round(round).TestScores())
}

// also writes what the epochs of a round scored on a set of data.also, of its own corpus or the run's, stamped; the recipe
// names the set.
func (r *run) also(round int, name string, own bool, maps []float64) {
	r.recipe("data:\n  also:\n    - {name: general}\n    - {name: older}\nrounds: [{}, {}]\n")
	for epoch, value := range maps {
		scores := row(epoch, value, len(measures)).Dev
		scores.Queries = 50
		if own {
			scores.Seen, scores.Unseen = rundir.Slice{}, rundir.Slice{}
		}
		file := r.Round(round).EpochAlso(name, epoch)
		r.write(file, rundir.AlsoScores{Version: rundir.ScoresVersion, Round: round, Epoch: epoch, Name: name, Convention: "sentence-transformers", Measures: measures, Scores: scores})
		r.stamp(round, fmt.Sprintf("also-epoch-%d-%s", epoch, name), nil, file)
	}
}

// recipe writes the recipe that the run follows, as it was resolved.
func (r *run) recipe(text string) {
	r.t.Helper()
	err := rundir.WriteFile(r.FS, r.Recipe(), func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) manifest(round, chosen int) {
	m := &rundir.Manifest{
		Recipe: "eedi", Round: round, Options: []byte("{}"),
		Choice: rundir.ManifestChoice{Epoch: chosen},
		Result: rundir.ManifestModel{Name: fmt.Sprintf("round-%d/merged", round), Digest: fmt.Sprintf("result of round %d", round)},
	}
	if round > 0 {
		m.Miner = rundir.ManifestModel{Name: fmt.Sprintf("round-%d/merged", round-1), Digest: fmt.Sprintf("result of round %d", round-1)}
	}
	for _, s := range r.stamps {
		if s.Round == round {
			m.Stages = append(m.Stages, s.ManifestStage())
		}
	}
	if err := r.WriteManifest(m); err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) write(file string, v any) {
	r.t.Helper()
	if err := rundir.WriteJSON(r.FS, file, v); err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) stamp(round int, stage string, options any, files ...string) {
	r.t.Helper()
	s, err := r.WriteStamp(context.Background(), rundir.Stage{Name: stage, Round: round, Algorithm: 1, Options: options}, files)
	if err != nil {
		r.t.Fatal(err)
	}
	r.stamps = append(r.stamps, s)
}

func (r *run) remove(path string) {
	r.t.Helper()
	if err := rundir.RemoveAll(r.FS, path); err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) read() *report.Report {
	r.t.Helper()
	got, err := report.Read(r.Dir)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

// row is an epoch whose measures rise from a MAP@25 on; an unseen positive is harder to find.
func row(epoch int, value float64, measures int) rundir.EpochScores {
	all := make([]float64, measures)
	for i := range all {
		all[i] = value + 0.1*float64(i)
	}
	loss := 1.25 - value
	return rundir.EpochScores{Epoch: epoch, EvalLoss: &loss, Dev: rundir.Means{
		Queries: 408, All: all,
		Seen:   rundir.Slice{Queries: 306, Means: shifted(all, 0.02)},
		Unseen: rundir.Slice{Queries: 102, Means: shifted(all, -0.06)},
	}}
}

func shifted(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v + by
	}
	return out
}
