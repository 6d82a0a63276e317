package report_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

const tinyRecipe = `
model: model
data: {corpus: corpus.jsonl, train: train.jsonl, dev: dev.jsonl, test: test.jsonl}
mine: {window: 0-3, negatives: 2, depth: 8}
finetune: {epochs: 2, batch: 4, group_size: 2, block_tokens: 64}
eval: {metrics: [map@25, recall@5]}
rounds: [{}, {}]
`

// The report follows a real run: after every epoch it has the rows that the loop announces, and in the end all is done.
func TestReportFollowsTheLoop(t *testing.T) {
	r := tinyRun(t)
	read := func() *report.Report {
		d, err := rundir.Open(r.Dir(), rundir.OpenOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := report.Read(d)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	announced := 0
	epoch := func(round int, s *rundir.Scores, chosen *int) {
		announced++
		rounds := read().Rounds
		if len(rounds) != round+1 {
			t.Fatalf("%d rounds while round %d is under way", len(rounds), round)
		}
		got := rounds[round]
		if len(got.Epochs) != len(s.Epochs) || (got.Choice != nil) != (chosen != nil) || got.Done {
			t.Errorf("round %d: %d epochs, choice %v, done %v; announced %d, %v", round, len(got.Epochs), got.Choice, got.Done, len(s.Epochs), chosen)
		}
	}
	loop, err := pipeline.Open(context.Background(), r, pipeline.Options{Path: kernel.Portable, Workers: 2, Events: pipeline.Events{Epoch: epoch}})
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	if err := loop.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := 2 * (3 + 1 + 1); announced != want {
		t.Errorf("%d tables were announced, want %d: three epochs, a choice and the test scores a round", announced, want)
	}
	for _, round := range read().Rounds {
		if !round.Done || len(round.Notes) > 0 {
			t.Errorf("round %d: done %v, notes %q", round.Round, round.Done, round.Notes)
		}
		for _, e := range round.Epochs {
			if tested := e.Epoch == 0 || e.Chosen; (e.Test != nil) != tested {
				t.Errorf("round %d epoch %d: test scores %v, want them: %v", round.Round, e.Epoch, e.Test != nil, tested)
			}
		}
	}
}

// A recipe that lost its second round has its first one's result; what lies of the second is named as left over.
func TestRoundsThatTheRecipeHasNoMore(t *testing.T) {
	r := tinyRun(t)
	for _, rounds := range []string{"rounds: [{}, {}]", "rounds: [{}]"} {
		text := strings.Replace(tinyRecipe, "rounds: [{}, {}]", rounds, 1)
		if err := os.WriteFile(r.File(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		edited, err := recipe.Load(r.File())
		if err != nil {
			t.Fatal(err)
		}
		loop, err := pipeline.Open(context.Background(), edited, pipeline.Options{Path: kernel.Portable, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(loop.Run(context.Background()), loop.Close()); err != nil {
			t.Fatal(err)
		}
	}
	d, err := rundir.Open(r.Dir(), rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := report.Read(d)
	if err != nil {
		t.Fatal(err)
	}
	round, _, ok := got.Result()
	if !ok || round.Round != 0 || len(got.Rounds) != 2 || got.Rounds[0].Stale || !got.Rounds[1].Stale || got.Rounds[1].Done {
		t.Errorf("result %v of round %d; %+v", ok, round.Round, got.Rounds)
	}
	if err := pipeline.Select(d, 1, 0, "a round that is no more"); err == nil || !strings.Contains(err.Error(), "the recipe has round 0 alone") {
		t.Errorf("select of a stale round: %v", err)
	}
}

// tinyRun is a recipe that runs in a moment: eight passages, and queries that repeat a word of theirs.
func tinyRun(t *testing.T) *recipe.Recipe {
	t.Helper()
	dir := t.TempDir()
	if err := tinymodel.Write(filepath.Join(dir, "model"), tinymodel.Options{}); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields("zero one two three four five six seven")
	files := map[string]string{"recipe.yaml": tinyRecipe}
	for i, word := range words {
		next := words[(i+1)%len(words)]
		files["corpus.jsonl"] += fmt.Sprintf("{\"id\":\"p%d\",\"text\":\"%s plus %s\"}\n", i, word, next)
		for split, form := range map[string]string{"train": "%s", "dev": "sum %s", "test": "order %s"} {
			files[split+".jsonl"] += fmt.Sprintf("{\"query\":%q,\"positive_ids\":[\"p%d\"]}\n", fmt.Sprintf(form, word), i)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := recipe.Load(filepath.Join(dir, "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
