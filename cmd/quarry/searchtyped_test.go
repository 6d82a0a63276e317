package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestSearchForTypedQueries: what is shown are the hits that a run of the same queries has.
func TestSearchForTypedQueries(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "typed.jsonl", `{"id":"a","query":"one plus two"}`+"\n"+`{"id":"b","query":"nine"}`+"\n")
	run, err := trec.ReadRun(strings.NewReader(p.search(t, SearchOptions{Rank: p.rank("typed.jsonl"), Depth: 3})), "run")
	mustBe(t, err)
	search := func(words ...string) (*testHost, int) {
		h := newTestHost()
		return h, h.run(t, append([]string{"search", "--model", p.path("model"), "--corpus", p.path("corpus.jsonl")}, words...)...)
	}
	h, code := search("--query", "one plus two", "--query", "nine", "--depth", "3")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, h.err.String())
	}
	shown := lines(h.out.String())
	if len(shown) != 9 || shown[0] != "one plus two" || shown[4] != "" || shown[5] != "nine" {
		t.Fatalf("shown:\n%s", h.out.String())
	}
	for i, q := range run.Queries {
		for k, hit := range q.Hits {
			line := strings.Fields(shown[5*i+1+k])
			if want := []string{fmt.Sprint(k + 1), fmt.Sprintf("%.4f", hit.Score), hit.Document}; len(line) < 4 || strings.Join(line[:3], " ") != strings.Join(want, " ") {
				t.Errorf("query %d, hit %d: %q, want %q", i, k, line, want)
			}
		}
	}
	if h, _ = search("--query", "nine"); strings.Count(h.out.String(), "\n") != 1+typedDepth {
		t.Errorf("without --depth:\n%s", h.out.String())
	}
	for _, tc := range []struct{ name, words, want string }{
		{"a file of queries", "--query x --queries q.jsonl", "--queries has no part beside --query"},
		{"an output", "--query x --output run.trec", "--output has no part beside --query"},
		{"a format", "--query x --format beir", "--format has no part beside --query"},
		{"no text", "--query=", "--query: an empty text"},
		{"no depth", "--query x --depth 0", "--depth 0: show at least one passage"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if h, code := search(strings.Fields(tc.words)...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
				t.Errorf("exit code %d: %s", code, h.err.String())
			}
		})
	}
}
