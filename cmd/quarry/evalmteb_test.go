package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/internal/golden"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestMTEBResult holds a result file to the one that MTEB made of the same rankings (parity/mteb_fixture.py), every figure
// that both have and all keys but the figures of confidence.
func TestMTEBResult(t *testing.T) {
	folder, err := filepath.Abs("testdata/mteb")
	mustBe(t, err)
	in := func(name string) string { return filepath.Join(folder, name) }
	out := filepath.Join(t.TempDir(), "tiny.json")
	h := newTestHost()
	if code := h.run(t, "eval", "--run", in("run.json"), "--qrels", in("qrels.txt"), "--convention", "trec_eval", "--mteb", out, "--mteb-revision", "1", "--mteb-languages", "eng-Latn"); code != exitDone {
		t.Fatal(h.err.String())
	}
	got, err := os.ReadFile(out)
	mustBe(t, err)
	golden.Check(t, in("quarry.json"), got)
	read := func(raw []byte) map[string]any {
		var content map[string]any
		mustBe(t, json.Unmarshal(raw, &content))
		for _, key := range []string{"header", "date", "evaluation_phases"} { // of the fixture, and of MTEB's clock
			delete(content, key)
		}
		return content
	}
	want, err := os.ReadFile(in("tiny.json"))
	mustBe(t, err)
	if diff := cmp.Diff(read(want), read(got)); diff != "" {
		t.Errorf("(-MTEB +Quarry):\n%s", diff)
	}
}

// TestMTEBResultOfAFolder ranks a folder in MTEB's layout, whose split the result names.
func TestMTEBResultOfAFolder(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	if code := h.run(t, "convert", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--to", "mteb", "--out", p.path("mteb")); code != exitDone {
		t.Fatal(h.err.String())
	}
	mustBe(t, os.Rename(p.path("mteb/qrels/test.jsonl"), p.path("mteb/qrels/dev.jsonl")))
	h = newTestHost()
	if code := h.run(t, "eval", "--model", p.path("model"), "--data", p.path("mteb"), "--convention", "beir", "--metrics", "ndcg@10", "--json", "--mteb", p.path("SciTiny.json"), "--mteb-main", "recall_at_5"); code != exitDone {
		t.Fatal(h.err.String())
	}
	var printed evalJSON
	mustBe(t, json.Unmarshal(h.out.Bytes(), &printed))
	var got struct {
		Task   string `json:"task_name"`
		Scores map[string][]map[string]any
	}
	mustBe(t, json.Unmarshal([]byte(p.read(t, "SciTiny.json")), &got))
	scores := got.Scores["dev"]
	if len(scores) != 1 || got.Task != "SciTiny" || scores[0]["main_score"] != scores[0]["recall_at_5"] {
		t.Fatalf("%+v", got)
	}
	if d := scores[0]["ndcg_at_10"].(float64) - printed.Metrics["ndcg@10"]; d > 5e-6 || d < -5e-6 {
		t.Errorf("ndcg_at_10 %v, printed %v", scores[0]["ndcg_at_10"], printed.Metrics["ndcg@10"])
	}
	for want, args := range map[string][]string{
		"MTEB's figures are trec_eval's":                                 {"--mteb", p.path("x.json")},
		"no part without --mteb":                                         {"--mteb-task", "x"},
		`--mteb-main "ndcg@10": MTEB's retrieval tasks have ndcg_at_1, `: {"--mteb", p.path("x.json"), "--mteb-main", "ndcg@10", "--convention", "trec_eval"},
	} {
		h := newTestHost()
		if code := h.run(t, append([]string{"eval", "--model", p.path("model"), "--data", p.path("mteb")}, args...)...); code != exitBadInput || !strings.Contains(h.err.String(), want) {
			t.Errorf("exit code %d, %q; want %q", code, h.err.String(), want)
		}
	}
}
