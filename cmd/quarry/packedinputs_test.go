package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/quarry-ml/quarry/format/parquet"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(text))
	mustBe(t, err)
	mustBe(t, w.Close())
	return packed.String()
}

func zstandard(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	mustBe(t, err)
	_, err = w.Write([]byte(text))
	mustBe(t, err)
	mustBe(t, w.Close())
	return packed.String()
}

// parquetOf is a Parquet file of rows of JSON.
func parquetOf(t *testing.T, rows ...string) string {
	t.Helper()
	var schema parquet.Schema
	for _, row := range rows {
		mustBe(t, schema.Add([]byte(row)))
	}
	var file bytes.Buffer
	w, err := parquet.NewWriter(&file, schema)
	mustBe(t, err)
	for _, row := range rows {
		mustBe(t, w.Write([]byte(row)))
	}
	mustBe(t, w.Close())
	return file.String()
}

// TestPackedRuns: rankings are read by what their file is, not by what it is packed in.
func TestPackedRuns(t *testing.T) {
	p := project(t.TempDir())
	p.write(t, "qrels.txt", smallQrels)
	runs := map[string]string{
		".trec": smallRun,
		".json": `{"q1": {"c": 2, "a": 3, "b": 2}, "q2": {"d": 7, "q2": 8, "a": 9}}`,
		".csv":  "QuestionId_Answer,MisconceptionId\nq1,a b c\nq2,a q2 d\n",
	}
	for extension, text := range runs {
		p.write(t, "run"+extension, text)
		p.write(t, "run"+extension+".gz", gzipped(t, text))
		p.write(t, "run"+extension+".zst", zstandard(t, text))
		scored := func(name string) (got evalJSON) {
			o := EvalOptions{Run: p.path(name), Judgments: JudgmentOptions{Qrels: p.path("qrels.txt")}, Metrics: "map,mrr", Convention: "kaggle", Missing: "skip", JSON: true}
			mustBe(t, json.Unmarshal(p.eval(t, o).out.Bytes(), &got))
			return got
		}
		want := scored("run" + extension)
		for _, packing := range []string{".gz", ".zst"} {
			if diff := cmp.Diff(want, scored("run"+extension+packing)); diff != "" {
				t.Errorf("%s%s (-plain +packed):\n%s", extension, packing, diff)
			}
		}
	}
	p.write(t, "nan.json.gz", gzipped(t, `{"q1": {"a": 3, "b": NaN}}`))
	h := newTestHost()
	if code := h.run(t, "eval", "--run", p.path("nan.json.gz"), "--qrels", p.path("qrels.txt")); code != exitBadInput || !strings.Contains(h.err.String(), `query "q1", passage "b": the score is NaN`) {
		t.Errorf("exit code %d\n%s", code, h.err.String())
	}
}

// TestFieldsOfPackedQueries tells scores apart by a field of queries that are packed, Parquet, or in shards, as of plain ones.
func TestFieldsOfPackedQueries(t *testing.T) {
	var rows []string
	for i, topic := range []string{"sums", "roots", "sums", "roots"} {
		rows = append(rows, fmt.Sprintf(`{"_id":"q%d","text":"query %d","topic":%q}`, i, i, topic))
	}
	jsonl := strings.Join(rows, "\n") + "\n"
	results := map[string]string{}
	for name, files := range map[string]map[string]string{
		"plain":   {"queries.jsonl": jsonl},
		"gzip":    {"queries.jsonl.gz": gzipped(t, jsonl)},
		"zstd":    {"queries.jsonl.zst": zstandard(t, jsonl)},
		"parquet": {"queries.parquet": parquetOf(t, rows...)},
		"shards":  {"queries/queries-00000-of-00002.parquet": parquetOf(t, rows[:3]...), "queries/queries-00001-of-00002.parquet": parquetOf(t, rows[3:]...)},
	} {
		p := project(t.TempDir())
		p.write(t, "run.trec", "q0 Q0 a 1 2 t\nq1 Q0 b 1 2 t\nq1 Q0 a 2 1 t\nq2 Q0 a 1 2 t\nq3 Q0 b 1 2 t\n")
		p.write(t, "data/corpus.jsonl", `{"_id":"a","text":"x"}`+"\n"+`{"_id":"b","text":"y"}`+"\n")
		p.write(t, "data/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq0\ta\t1\nq1\ta\t1\nq2\ta\t1\nq3\ta\t1\n")
		for file, content := range files {
			p.write(t, "data/"+file, content)
		}
		h := newTestHost()
		if code := h.run(t, "eval", "--run", p.path("run.trec"), "--data", p.path("data"), "--metrics", "mrr", "--convention", "trec_eval", "--by", "topic"); code != exitDone {
			t.Errorf("%s: exit code %d\n%s", name, code, h.err.String())
			continue
		}
		results[name] = h.out.String()
		if code := h.run(t, "eval", "--run", p.path("run.trec"), "--data", p.path("data"), "--metrics", "mrr", "--convention", "trec_eval", "--by", "author"); code != exitBadInput || !strings.Contains(h.err.String(), `has the field "author"`) {
			t.Errorf("%s: a field that no row has: exit code %d\n%s", name, code, h.err.String())
		}
	}
	// mrr: roots (1/2 + 0)/2, sums 1.
	for name, got := range results {
		if got != results["plain"] || !strings.Contains(got, "roots         2   0.2500") || !strings.Contains(got, "sums         2   1.0000") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestEveryFigureOfEvalHasItsInterval: parts, seen and unseen queries and every convention have theirs in text, as in JSON.
func TestEveryFigureOfEvalHasItsInterval(t *testing.T) {
	p := project(t.TempDir())
	p.write(t, "corpus.jsonl", `{"id":"a","text":"x"}`+"\n"+`{"id":"b","text":"y"}`+"\n"+`{"id":"c","text":"z"}`+"\n")
	var rows, run strings.Builder
	for i := range 8 {
		fmt.Fprintf(&rows, "{\"id\":\"q%d\",\"query\":\"query %d\",\"positive_ids\":[%q],\"topic\":\"t%d\"}\n", i, i, "abca"[i%4:i%4+1], i%2)
		fmt.Fprintf(&run, "q%d Q0 a 1 3 t\nq%d Q0 b 2 2 t\nq%d Q0 c 3 1 t\n", i, i, i)
	}
	p.write(t, "dev.jsonl", rows.String())
	p.write(t, "run.trec", run.String())
	p.write(t, "train.jsonl", `{"id":"t","query":"training","positive_ids":["a"]}`+"\n")
	eval := func(words ...string) string {
		h := newTestHost()
		if code := h.run(t, append([]string{"eval", "--run", p.path("run.trec"), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("dev.jsonl"), "--metrics", "mrr,recall@2"}, words...)...); code != exitDone {
			t.Fatalf("exit code %d\n%s", code, h.err.String())
		}
		return h.out.String()
	}
	of := func(i evalInterval) string { return fmt.Sprintf("%.4f – %.4f", i.Low, i.High) }
	by := []string{"--train", p.path("train.jsonl"), "--by", "topic"}
	var told evalJSON
	mustBe(t, json.Unmarshal([]byte(eval(append(by, "--json")...)), &told))
	text := eval(by...)
	var want []string
	for _, m := range []string{"mrr", "recall@2"} {
		want = append(want, of(told.Intervals[m]), of(told.Slices["seen"].Intervals[m]), of(told.Slices["unseen"].Intervals[m]))
		for _, part := range told.Breakdowns["topic"] {
			want = append(want, of(part.Intervals[m]))
		}
	}
	want = append(want, "seen (4)", "topic, 95 % intervals")
	for _, cell := range want {
		if !strings.Contains(text, cell) {
			t.Errorf("the text lacks %q:\n%s", cell, text)
		}
	}
	var all conventionsJSON
	mustBe(t, json.Unmarshal([]byte(eval("--convention", "all", "--json")), &all))
	text = eval("--convention", "all")
	for c, one := range all.Conventions {
		if one.Refused != "" {
			continue
		}
		for m, i := range one.Intervals {
			if !strings.Contains(text, of(i)) {
				t.Errorf("%s, %s: the text lacks %s:\n%s", c, m, of(i), text)
			}
		}
		if len(one.Intervals) != 2 {
			t.Errorf("%s has the intervals %v", c, one.Intervals)
		}
	}
	if !strings.Contains(text, "95 % intervals") {
		t.Errorf("no table of intervals:\n%s", text)
	}
}
