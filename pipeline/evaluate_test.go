package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
)

// TestOtherMeasuresOfTheSameValueMakeAnotherTable asks for hit@5 after recall@5: with one positive a query the numbers
// are the same, and so are the files of the epochs.
func TestOtherMeasuresOfTheSameValueMakeAnotherTable(t *testing.T) {
	r := tinyProject(t, edit(t, "metrics: [map@25, recall@5]", "metrics: [recall@5]", "select: {metric: map@25}", "select: {metric: recall@5}", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	r = loadRecipe(t, filepath.Dir(r.File()), edit(t, "metrics: [map@25, recall@5]", "metrics: [hit@5], convention: kaggle", "select: {metric: map@25}", "select: {metric: hit@5}", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	s, err := look(t, r).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Measures, []string{"hit@5"}) || s.Convention != "kaggle" {
		t.Errorf("the table is of %v by %s", s.Measures, s.Convention)
	}
}

// TestTheMinersRankingScoresTheBaseToTheDepthOfOtherEpochs compares epoch 0 by the miner's own, deeper candidates with
// epoch 0 of a run that has none, under a measure that looks at every hit.
func TestTheMinersRankingScoresTheBaseToTheDepthOfOtherEpochs(t *testing.T) {
	base := func(source string) []float64 {
		r := tinyProject(t, edit(t,
			"mine: {window: 1-8, negatives: 4, depth: 12}", "mine: {source: "+source+", window: 1-8, negatives: 4, depth: 30}",
			"metrics: [map@25, recall@5]", "metrics: [map, ndcg], convention: trec_eval, depth: 3",
			"select: {metric: map@25}", "select: {metric: map}", "  - mine: {window: 0-6}\n", ""))
		mustRun(t, r)
		s, err := look(t, r).ReadScores(0)
		if err != nil {
			t.Fatal(err)
		}
		return s.Epochs[0].Dev.All
	}
	if mined, searched := base(recipe.Dense), base(recipe.Random); !slices.Equal(mined, searched) {
		t.Errorf("the base scores %v by the miner's candidates, %v by a search of its own", mined, searched)
	}
}

// TestEveryEpochsRankingIsKept recomputes what each query scores from the ranks that are kept beside the scores.
func TestEveryEpochsRankingIsKept(t *testing.T) {
	r := tinyProject(t, edit(t, "metrics: [map@25, recall@5]", "metrics: [mrr, recall@5]", "select: {metric: map@25}", "select: {metric: mrr}", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	d := look(t, r)
	differ := false
	var base []ranking.Candidates
	for epoch := range 3 {
		path := d.Round(0).EpochRanking(rundir.Dev, epoch)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		header, found, err := candidates.ReadAll(f, path)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if *header.Epoch != epoch || header.Round != 0 || header.Split != "dev" || header.Depth > keptHits || header.ModelDigest == "" || header.CorpusDigest == "" {
			t.Errorf("epoch %d: header %+v", epoch, header)
		}
		if epoch == 0 {
			base = found
		} else if cmp.Diff(base, found) != "" {
			differ = true
		}
		scores, err := d.ReadQueryScores(d.Round(0).EpochQueries(rundir.Dev, epoch))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != len(scores.Queries) {
			t.Fatalf("epoch %d: %d rankings of %d queries", epoch, len(found), len(scores.Queries))
		}
		for _, q := range scores.Queries {
			i := slices.IndexFunc(found, func(c ranking.Candidates) bool { return c.Query == q.ID })
			among := 0
			for _, p := range found[i].Positives {
				if p.Rank < 5 {
					among++
				}
			}
			want := []float64{1 / float64(found[i].Positives[0].Rank+1), float64(among) / float64(len(found[i].Positives))}
			if !slices.Equal(q.Values, want) {
				t.Errorf("epoch %d, query %s: scored %v, and its ranks give %v", epoch, q.ID, q.Values, want)
			}
		}
		stamp, err := d.ReadStamp(0, evalStage(epoch))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := stamp.Output(fmt.Sprintf("round-0/epochs/epoch-%d.dev.cand", epoch)); !ok {
			t.Errorf("epoch %d: the stamp does not name the ranking", epoch)
		}
	}
	if !differ {
		t.Error("no epoch ranks as another than the base")
	}
	// A ranking that is lost or changed is made anew, and no choice with it.
	if err := os.Remove(d.Round(0).EpochRanking(rundir.Dev, 1)); err != nil {
		t.Fatal(err)
	}
	notes := mustRun(t, r)
	if !strings.Contains(notes, "eval-epoch-1: output round-0/epochs/epoch-1.dev.cand missing") || strings.Contains(notes, "select: ") && !strings.Contains(notes, "select: done before") {
		t.Errorf("notes %s", notes)
	}
}

// TestAMergeIsHeldToTheToleranceAtF32 merges where products are rounded: single queries of a small dev that pass each other
// move a mean by more than the tolerance, which is no fault of the merge and no reason for a wider tolerance.
func TestAMergeIsHeldToTheToleranceAtF32(t *testing.T) {
	for _, precision := range []compute.Precision{compute.F32, compute.BF16} {
		t.Run(string(precision), func(t *testing.T) {
			r := tinyProject(t, edit(t, "finetune: {epochs: 2", "finetune: {method: lora, epochs: 1", "select: {metric: map@25}", "select: {epoch: 1, because: merged}", "model: model\n", "model: model\nprecision: "+string(precision)+"\n"))
			o := Options{Path: pathFor(t, precision)}
			// Two rounds: the second is held to the first one's score.
			if notes, err := runTiny(t, r, o); err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			d := look(t, r)
			var check mergeCheck
			if err := rundir.ReadJSON(d.FS, d.Round(0).MergeCheck(), &check); err != nil {
				t.Fatal(err)
			}
			if check.MetricLimit != 0.0005 {
				t.Errorf("the metric may differ by %g, want 0.0005", check.MetricLimit)
			}
			if wide := check.apart() > check.MetricLimit; wide != (check.Exact != nil) || precision == compute.F32 && wide {
				t.Errorf("scores %+v, at f32 %+v: want those where the first are further apart than %g", check.mergeScores, check.Exact, check.MetricLimit)
			}
			if check.Exact != nil && check.Exact.apart() > check.MetricLimit {
				t.Errorf("at f32 %+v: further apart than %g", *check.Exact, check.MetricLimit)
			}
			if precision == compute.BF16 {
				otherModelsDiffer(t, r, o)
			}
		})
	}
}

// otherModelsDiffer holds round 0's checkpoint to a merged model that is its base, scored as a check does that rounding left open.
func otherModelsDiffer(t *testing.T, r *recipe.Recipe, o Options) {
	o.Dir = r.Dir()
	p, err := Open(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	round, err := p.newRound(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	same, err := round.exactScores(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if same.apart() > 0.0005 {
		t.Errorf("the merged model scores %g at f32, its checkpoint %g", same.Merged, same.Checkpoint)
	}
	if err := os.RemoveAll(round.files.Merged()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(round.files.Merged(), os.DirFS(r.Model.File)); err != nil {
		t.Fatal(err)
	}
	other, err := round.exactScores(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if other.Checkpoint != same.Checkpoint || other.apart() <= 0.0005 {
		t.Errorf("the base scores %g at f32, the checkpoint %g: want it unlike the checkpoint's %g", other.Merged, other.Checkpoint, same.Checkpoint)
	}
	if p.engine.Precision() != compute.BF16 {
		t.Errorf("the run goes on at %s", p.engine.Precision())
	}
}

// pathFor is a processor path that has a precision; without one there is nothing to test.
func pathFor(t *testing.T, precision compute.Precision) kernel.Path {
	t.Helper()
	for _, path := range kernel.Available() {
		e, err := compute.New(compute.Options{Path: path, Precision: precision, Workers: 1})
		if err != nil {
			continue
		}
		e.Close()
		return path
	}
	t.Skipf("no path of this processor has %s", precision)
	return ""
}
