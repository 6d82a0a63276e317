package corpus

import (
	"os"
	"path/filepath"
	"testing"
)

// shared opens a file of the real data beside the checkout, or skips.
func shared(t *testing.T, path ...string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(append([]string{"..", "..", "shared", "data"}, path...)...))
	if err != nil {
		t.Skipf("shared data absent: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func sharedCorpus(t *testing.T, name string) (*Corpus, []Warning) {
	t.Helper()
	c, warnings, err := ReadPassages(shared(t, "eedi", name), name, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c, warnings
}

// The counts are those of the data's own README.
func TestEedi(t *testing.T) {
	c, warnings := sharedCorpus(t, "corpus.jsonl")
	if c.Len() != 2587 || len(c.firstOf) != 2586 || !c.givenIDs {
		t.Errorf("got %d passages, %d texts", c.Len(), len(c.firstOf))
	}
	if same := c.SameText(2142); len(same) != 2 || same[0] != 2068 || same[1] != 2142 {
		t.Errorf("same text as 2142: got %v, want 2068 and 2142", same)
	}
	if len(warnings) != 1 || warnings[0].Line != 2143 {
		t.Errorf("warnings: got %v, want one of line 2143", warnings)
	}
	options := ReadOptions{IDField: "question_id_answer", GroupField: "question_id"}
	read := func(name string, rows, questions int) []Query {
		queries, warnings, err := ReadQueries(shared(t, "eedi", name), name, c, options)
		if err != nil {
			t.Fatal(err)
		}
		groups := map[string]bool{}
		for _, q := range queries {
			groups[q.Group] = true
		}
		if len(queries) != rows || len(groups) != questions || len(warnings) != 0 {
			t.Errorf("%s: got %d queries of %d questions, warnings %v; want %d of %d", name, len(queries), len(groups), warnings, rows, questions)
		}
		return queries
	}
	train, dev := read("train.jsonl", 2801, 1190), read("dev.jsonl", 705, 306)
	trained := map[int32]bool{}
	for _, q := range train {
		for _, p := range q.Positives {
			trained[p] = true
		}
	}
	unseen := 0
	for _, q := range dev {
		if !trained[q.Positives[0]] {
			unseen++
		}
	}
	if unseen != 187 {
		t.Errorf("dev queries whose positive no train query has: got %d, want 187", unseen)
	}
	if leaks := Leaks(train, dev); len(leaks) != 0 {
		t.Errorf("train and dev are split by question and share no text, yet %d leaks: %+v", len(leaks), leaks[0])
	}
}

// The same rows in FlagEmbedding's form judge by text alone; without ids every row still has a key of its own.
func TestEediByTexts(t *testing.T) {
	c, _ := sharedCorpus(t, "candidate_pool.jsonl")
	if c.Len() != 2587 || c.givenIDs {
		t.Errorf("got %d passages, ids %v", c.Len(), c.givenIDs)
	}
	for name, rows := range map[string]int{"hn_mine_input.jsonl": 2801, "hn_mine_dev_input.jsonl": 705} {
		queries, warnings, err := ReadQueries(shared(t, "eedi", name), name, c, ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{}
		for _, q := range queries {
			keys[q.Key] = true
			if q.Prompt == "" {
				t.Errorf("%s:%d: the prompt is lost", name, q.Line)
			}
		}
		if len(queries) != rows || len(keys) != rows {
			t.Errorf("%s: got %d queries, %d keys; want %d", name, len(queries), len(keys), rows)
		}
		for _, w := range warnings {
			t.Log(w)
		}
	}
}
