package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/convert"
)

// TestConvertParts: corpus, queries and qrels that stand apart become what the folder of the three becomes, in every format and
// kind of file.
func TestConvertParts(t *testing.T) {
	p := project(t.TempDir())
	p.write(t, "b/corpus.jsonl", `{"_id": "d1", "title": "T", "text": "one"}`+"\n"+`{"_id": "d2", "text": "two"}`+"\n"+`{"_id": "d3", "text": "three"}`+"\n")
	p.write(t, "b/queries.jsonl", `{"_id": "q1", "text": "first"}`+"\n"+`{"_id": "q2", "text": "second"}`+"\n")
	p.write(t, "b/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t0\nq2\td2\t1\nq2\td1\t0\n")
	p.write(t, "qrels.txt", "q1 0 d1 2\nq1 0 d3 0\nq2 0 d2 1\nq2 0 d1 0\n")
	written := map[string]map[string]string{}
	for name, from := range map[string][]string{
		"folder": {"--data", p.path("b")},
		"apart":  {"--corpus", p.path("b/corpus.jsonl"), "--queries", p.path("b/queries.jsonl"), "--qrels", p.path("qrels.txt")},
	} {
		for _, f := range convert.Formats() {
			outputs := []string{f.Name}
			if !f.Folder() {
				outputs = nil
				for _, kind := range f.Kinds {
					outputs = append(outputs, f.Name+"."+string(kind))
				}
			}
			for _, output := range outputs {
				h := newTestHost()
				if code := h.run(t, append([]string{"convert", "--to", f.Name, "--out", p.path(name + "/" + output)}, from...)...); code != exitDone {
					t.Fatalf("%s: exit code %d: %s", output, code, h.err.String())
				}
			}
		}
		written[name] = outputsOf(t, p.path(name))
	}
	if diff := cmp.Diff(written["folder"], written["apart"]); diff != "" || len(written["folder"]) < 24 {
		t.Errorf("%d files: %s", len(written["folder"]), diff)
	}
}
