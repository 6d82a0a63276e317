package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

func steps(t *testing.T, r *recipe.Recipe, round int) []rundir.Step {
	t.Helper()
	f, err := os.Open(rundir.Layout(r.Dir()).Round(round).Steps())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := rundir.ReadSteps(f, "steps.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestAGuideEmbedsOnceForAllRounds, masks in both, and makes what was damaged again.
func TestAGuideEmbedsOnceForAllRounds(t *testing.T) {
	r := tinyProject(t, edit(t, "block_tokens: 64", "block_tokens: 64, guide: model, guide_mask: relative, guide_margin: 0.05, matryoshka: [16, 8]"))
	notes := mustRun(t, r)
	if n := strings.Count(notes, "guide-"); n != 2 || !strings.Contains(notes, "round 0: guide-") {
		t.Errorf("%d notes of the guide, want one of each round:\n%s", n, notes)
	}
	for round := range 2 {
		masked := 0
		for _, s := range steps(t, r, round) {
			if s.GuideMasked == nil {
				t.Fatalf("round %d, step %d: nothing is said of the guide", round, s.Step)
			}
			masked += *s.GuideMasked
		}
		if masked == 0 {
			t.Errorf("round %d: the guide masked nothing", round)
		}
	}
	if plan := states(t, r); !strings.Contains(plan, "0 guide-") || strings.Contains(plan, " "+PlanRun) || strings.Contains(plan, PlanDepends) {
		t.Errorf("after a run the plan is\n%s", plan)
	}
	want := files(t, r.Dir())
	if notes := mustRun(t, r); strings.Contains(notes, "starts") {
		t.Errorf("a second run does work:\n%s", notes)
	}
	made, err := filepath.Glob(filepath.Join(r.Dir(), "guides", "*.npy"))
	if err != nil || len(made) != 1 {
		t.Fatalf("guides: %v, %v", made, err)
	}
	if err := os.WriteFile(made[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, r)
	sameFiles(t, files(t, r.Dir()), want)
}

// TestDistillationInARecipe stops where no row has scores, and goes on with a file that has them.
func TestDistillationInARecipe(t *testing.T) {
	r := tinyProject(t, edit(t, "block_tokens: 64", "block_tokens: 64, distill: m3_kd_loss", secondRound, ""))
	_, err := runTiny(t, r, Options{})
	mined := rundir.Layout(r.Dir()).Round(0).Negatives(rundir.Train)
	var input InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), mined+`:1: the row has no "pos_scores"`) {
		t.Fatalf("got %v", err)
	}
	f, err := os.Open(mined)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := flagembedding.ReadAll(f, mined)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(r.File())
	out, err := os.Create(filepath.Join(dir, "scored.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w := flagembedding.NewWriter(out, flagembedding.WriterOptions{})
	for i, row := range rows {
		pos, neg := make([]float64, len(row.Pos())), make([]float64, len(row.Neg()))
		for k := range pos {
			pos[k] = 4
		}
		for k := range neg {
			neg[k] = float64((i + k) % 5)
		}
		if err := errors.Join(row.SetScores(pos, neg), w.Write(row)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), out.Close()); err != nil {
		t.Fatal(err)
	}
	r = loadRecipe(t, dir, edit(t, "block_tokens: 64", "block_tokens: 64, distill: m3_kd_loss, teacher_scores: scored.jsonl", secondRound, ""))
	mustRun(t, r)
	for _, s := range steps(t, r, 0) {
		if s.Distillation == nil || s.Contrastive == nil || s.Loss != *s.Distillation {
			t.Errorf("step %d: %+v", s.Step, s)
		}
	}
}

// TestTruncatedVectorsThroughTheLoop mines, scores and merges with the beginning of vectors.
func TestTruncatedVectorsThroughTheLoop(t *testing.T) {
	r := tinyProject(t, edit(t, "model: model\n", "model: model\ntruncate_dim: 8\n"))
	mustRun(t, r)
	l := rundir.Layout(r.Dir())
	for round := range 2 {
		m, err := vectors.OpenNPY(l.Round(round).PassageVectors())
		if err != nil {
			t.Fatal(err)
		}
		if m.Dim != 8 {
			t.Errorf("round %d mines with %d numbers", round, m.Dim)
		}
		m.Close()
		raw, err := os.ReadFile(filepath.Join(l.Round(round).Merged(), "config_sentence_transformers.json"))
		if err != nil || !strings.Contains(string(raw), `"truncate_dim": 8`) {
			t.Errorf("round %d: the merged model says %s, %v", round, raw, err)
		}
	}
}
