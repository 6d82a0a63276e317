package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
