package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/exactpath"
	"github.com/quarry-ml/quarry/recipe"
	"github.com/quarry-ml/quarry/rundir/faultfs"
)

// TestTextsLongerThanTheModelAreNamed: the note of texts that were cut has the limit, what says it (a line of the recipe,
// else the model), and file and line of the first of them.
func TestTextsLongerThanTheModelAreNamed(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "mine: {window: 1-8", "lengths: {query: 5}\nmine: {window: 1-8"))
	dir := filepath.Dir(r.File())
	for name, row := range map[string]string{
		"corpus.jsonl": `{"id":"long","text":"` + strings.Repeat("one ", 80) + `"}`,
		"dev.jsonl":    `{"id":"long","query":"plus plus plus","positive_ids":["long"],"group":"long"}`,
	} {
		path := filepath.Join(dir, name)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.SplitAfter(string(raw), "\n")
		if name == "dev.jsonl" {
			for i := range rows {
				rows[i] = strings.ReplaceAll(rows[i], `"query":"`, `"query":"one" , "was":"`)
			}
		}
		rows[2] = "\n" + row + "\n" + rows[2] // behind a blank line
		if err := os.WriteFile(path, []byte(strings.Join(rows, "")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	notes, err := runTiny(t, r, Options{Until: StageEmbed})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	for _, want := range []string{
		"round 0: embed corpus: 1 of 31 texts are longer than 64 tokens (the model's own limit) and were cut, the first at corpus.jsonl:4\n",
		"round 0: embed train: 29 of 30 texts are longer than 5 tokens (lengths.query, " + r.At("lengths.query") + ") and were cut, the first at train.jsonl:2\n",
		"round 0: embed dev: 1 of 11 texts are longer than 5 tokens (lengths.query, " + r.At("lengths.query") + ") and were cut, the first at dev.jsonl:4\n",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if !strings.HasSuffix(r.At("lengths.query"), "recipe.yaml:5") {
		t.Errorf("lengths.query is at %s", r.At("lengths.query"))
	}
}

// TestTextsThatASourceCutsAreNamed: each further model has limits of its own; the note of texts that one cut has the limit, what
// sets it (the model's entry in the recipe and the line of the key, else the model), and file and line of the first of them.
func TestTextsThatASourceCutsAreNamed(t *testing.T) {
	r, _ := sourcesProject(t, `sources: [
    {kind: model, model: other,
     passage_max_length: 5,
     max_length: 4},
    {kind: model, model: model}]`)
	dir := filepath.Dir(r.File())
	addTo(t, filepath.Join(dir, "corpus.jsonl"), `{"id":"long","text":"`+strings.Repeat("one ", 80)+`"}`+"\n")
	notes, err := runTiny(t, r, Options{Until: StageEmbed})
	if err != nil {
		t.Fatalf("%v\n%s", err, notes)
	}
	for _, want := range []string{
		"round 0: embed corpus with other: 31 of 31 texts are longer than 5 tokens (model:other of mine.sources, " + r.File() + ":8) and were cut, the first at corpus.jsonl:1\n",
		"round 0: embed train with other: 30 of 30 texts are longer than 4 tokens (model:other of mine.sources, " + r.File() + ":9) and were cut, the first at train.jsonl:1\n",
		"round 0: embed dev with other: 10 of 10 texts are longer than 4 tokens (model:other of mine.sources, " + r.File() + ":9) and were cut, the first at dev.jsonl:1\n",
		"round 0: embed corpus with model: 1 of 31 texts are longer than 64 tokens (the model's own limit) and were cut, the first at corpus.jsonl:31\n",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if n := strings.Count(notes, "were cut"); n != 4 {
		t.Errorf("%d notes of cut texts, not 4:\n%s", n, notes)
	}
}

// TestEmbeddingGoesOn: a run that is stopped while it embeds many texts goes on behind what it has kept, ends with the bytes of one
// that nothing stopped, and tells of all texts that were cut.
func TestEmbeddingGoesOn(t *testing.T) {
	r := tinyProject(t, edit(t, secondRound, "", "epochs: 2", "epochs: 1", "block_tokens: 64", "block_tokens: 64, guide: model"))
	var more strings.Builder
	for i := range 2100 {
		text := fmt.Sprintf("%d plus %d", i%10, i/100)
		if i == 7 {
			text = strings.Repeat("one ", 80)
		}
		fmt.Fprintf(&more, `{"id":"more-%d","text":"%s"}`+"\n", i, text)
	}
	addTo(t, filepath.Join(filepath.Dir(r.File()), "corpus.jsonl"), more.String())
	if notes, err := runTiny(t, r, Options{Until: StageFinetune}); err != nil { // the guide embeds for it; what comes behind does not
		t.Fatalf("%v\n%s", err, notes)
	}
	want := files(t, r.Dir())
	for _, tc := range []struct {
		name  string
		stage string // of the progress
		stop  func(t *testing.T, r *recipe.Recipe, dir, stage string)
		notes []string // when it goes on
	}{
		{"the corpus, interrupted", "embed corpus", interrupt, []string{
			"round 0: embed corpus: goes on behind the first 1024 of 2130 texts, which are embedded already\n",
			"round 0: embed corpus: 1 of 2130 texts are longer than 64 tokens (the model's own limit) and were cut, the first at corpus.jsonl:38\n",
		}},
		{"the queries, interrupted", "embed train", interrupt, []string{"round 0: embed corpus: goes on behind the first 2130 of 2130 texts, which are embedded already\n"}},
		{"the corpus, killed", "embed corpus", kill, []string{"round 0: embed corpus: goes on behind the first 1024 of 2130 texts, which are embedded already\n"}},
		{"a guide's file of corpus and queries, killed", "embed with the guide", kill, []string{
			"round 0: embed with the guide: goes on behind the first 2130 of 2170 texts, which are embedded already\n",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			tc.stop(t, r, dir, tc.stage)
			notes, err := runTiny(t, r, Options{Dir: dir, Until: StageFinetune})
			if err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			for _, want := range tc.notes {
				if !strings.Contains(notes, want) {
					t.Errorf("no %q in\n%s", want, notes)
				}
			}
			sameFiles(t, files(t, dir), want)
		})
	}
}

// chunk is the texts that an embedder hands on together.
const chunk = 1024

// interrupt runs a recipe until the first texts of a stage are embedded and handed on.
func interrupt(t *testing.T, r *recipe.Recipe, dir, stage string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{Dir: dir, Path: exactpath.Fastest, Workers: 1}
	o.Events.Progress = func(p Progress) {
		if p.Stage == stage && p.Done >= min(chunk, p.Total) {
			cancel()
		}
	}
	p, err := Open(ctx, r, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Run(ctx), p.Close()); !errors.Is(err, context.Canceled) {
		t.Fatalf("want the context's error, got %v", err)
	}
}

// kill runs a recipe up to a power cut at the write behind a stage's last mark of those that go on: behind the first of the corpus,
// behind the corpus of a guide.
func kill(t *testing.T, r *recipe.Recipe, dir, stage string) {
	t.Helper()
	count := faultfs.New(dir, faultfs.Fault{})
	o := Options{Dir: dir, Path: exactpath.Fastest, Workers: 1, MarkEvery: 1, FS: count}
	run := func(o Options) error {
		p, err := Open(t.Context(), r, o)
		if err != nil {
			return err
		}
		return errors.Join(p.Run(t.Context()), p.Close())
	}
	if err := run(o); err != nil {
		t.Fatal(err)
	}
	of, marks := "", 1
	if stage == "embed with the guide" {
		of, marks = "guides", 3 // the corpus is three chunks
	}
	at := 0
	for i, op := range count.Ops() {
		if op.Kind == faultfs.Rename && strings.HasSuffix(op.Path, ".npy.partial.json") && strings.Contains(op.Path, of) {
			if marks--; marks == 0 {
				at = i + 3 // behind the directory's sync
			}
		}
	}
	if at == 0 {
		t.Fatal("nothing was marked")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	faulty := faultfs.New(dir, faultfs.Fault{At: at, Crash: true})
	o.FS = faulty
	if err := run(o); !errors.Is(err, faultfs.ErrCrashed) {
		t.Fatalf("got %v, want a crash", err)
	}
	if err := faulty.Settle(faultfs.TearUnsynced); err != nil {
		t.Fatal(err)
	}
}
