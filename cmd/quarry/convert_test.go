package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestConvert goes through all layouts and back: the folder evaluates to the numbers of the rows it came from.
func TestConvert(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.folders(t)
	convert := func(args ...string) string {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, append([]string{"convert"}, args...)...); code != exitDone {
			t.Fatalf("exit code %d: %s", code, h.err.String())
		}
		return h.err.String()
	}
	convert("--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--to", "mteb", "--out", p.path("a"))
	convert("--data", p.path("a"), "--to", "beir", "--name", "dev", "--out", p.path("b"))
	convert("--data", p.path("b"), "--to", "quarry", "--out", p.path("c"))
	convert("--corpus", p.path("c/corpus.jsonl"), "--queries", p.path("c/queries.jsonl"), "--to", "trec", "--out", p.path("d"))
	scores := func(o EvalOptions) string {
		t.Helper()
		o.Metrics, o.JSON = "map@25,ndcg@10", true
		var got evalJSON
		mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
		text, err := json.Marshal(got.Metrics)
		mustBe(t, err)
		return string(text)
	}
	want := scores(EvalOptions{Rank: p.rank("dev.jsonl")})
	model := p.rank("dev.jsonl").Model
	for name, o := range map[string]EvalOptions{
		"mteb":   {Rank: RankOptions{Model: model}, Judgments: JudgmentOptions{Folder: p.path("a")}},
		"beir":   {Rank: RankOptions{Model: model}, Judgments: JudgmentOptions{Folder: p.path("b"), Split: "dev"}},
		"quarry": {Rank: RankOptions{Model: model, Data: DataOptions{Corpus: p.path("c/corpus.jsonl"), Queries: p.path("c/queries.jsonl")}}},
		"trec":   {Rank: p.rank("dev.jsonl"), Judgments: JudgmentOptions{Qrels: p.path("d/qrels.txt")}},
	} {
		if got := scores(o); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	p.write(t, "graded.txt", "d0 0 p00 3\nd3 0 p01 0\n")
	said := convert("--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--qrels", p.path("graded.txt"), "--to", "quarry", "--out", p.path("e"))
	if !strings.Contains(said, "grades above 1 become 1") || !strings.Contains(said, "9 queries without a positive are left out") || strings.Count(p.read(t, "e/queries.jsonl"), "\n") != 1 {
		t.Errorf("said %s\n%s", said, p.read(t, "e/queries.jsonl"))
	}
	for want, args := range map[string][]string{
		"--to is needed":            {"--data", p.path("a"), "--out", "x"},
		`--to "parquet" is unknown`: {"--data", p.path("a"), "--to", "parquet", "--out", "x"},
		"is there already":          {"--data", p.path("a"), "--to", "mteb", "--out", p.path("a")},
		"--corpus is needed":        {"--to", "mteb", "--out", p.path("x")},
		"--corpus beside --data":    {"--data", p.path("a"), "--corpus", "c", "--to", "mteb", "--out", "x"},
		`split "a/b" cannot name`:   {"--data", p.path("a"), "--to", "mteb", "--name", "a/b", "--out", p.path("x")},
	} {
		h := newTestHost()
		if code := h.run(t, append([]string{"convert"}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("exit code %d, %q; want %q", code, h.err.String(), want)
		}
	}
	convert("--data", p.path("a"), "--to", "mteb", "--force", "--out", p.path("a"))
}
