package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// readUnpacked is the content of a file, and what packed it.
func (p project) readUnpacked(t *testing.T, name string) (text, packing string) {
	t.Helper()
	f, err := os.Open(p.path(name))
	mustBe(t, err)
	defer f.Close()
	unpacked, err := corpus.Unpack(f, name)
	mustBe(t, err)
	content, err := io.ReadAll(unpacked)
	mustBe(t, err)
	return string(content), unpacked.Packing
}

// TestPackedOutputs: what commands write under a name that ends in .gz or .zst is packed so, to the same bytes again, and what reads
// such a file takes it.
func TestPackedOutputs(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	run := func(words ...string) {
		t.Helper()
		h := newTestHost()
		if code := h.run(t, words...); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", strings.Join(words, " "), code, h.err.String())
		}
	}
	data := []string{"--source", "bm25", "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl")}
	for suffix, packing := range map[string]string{"": "", ".gz": "gzip", ".zst": "zstd"} {
		mine := append([]string{"mine", "--window", "0-8", "--negatives", "3", "--shard", "9", "--provenance", p.path("side.jsonl" + suffix), "--output", p.path("mined.jsonl" + suffix)}, data...)
		run(mine...)
		first := p.read(t, "mined.jsonl"+suffix)
		run(mine...)
		if p.read(t, "mined.jsonl"+suffix) != first {
			t.Errorf("%q: other bytes when mined again", suffix)
		}
		run(append([]string{"search", "--depth", "5", "--output", p.path("run.trec" + suffix)}, data...)...)
		run("audit", "--rows", p.path("mined.jsonl"+suffix), "--provenance", p.path("side.jsonl"+suffix), "--queue", p.path("queue.csv"+suffix))
		run("eval", "--run", p.path("run.trec"+suffix), "--corpus", p.path("corpus.jsonl"), "--queries", p.path("train.jsonl"), "--per-query="+p.path("scores.jsonl"+suffix))
		run(append([]string{"mine", "--window", "0-8", "--last", p.path("mined.jsonl" + suffix), "--kept", "0.5", "--verdicts", p.path("queue.csv" + suffix), "--output", p.path("next.jsonl" + suffix)}, data...)...)
		for _, name := range []string{"mined.jsonl", "side.jsonl", "run.trec", "queue.csv", "scores.jsonl", "next.jsonl"} {
			if text, got := p.readUnpacked(t, name+suffix); got != packing || text == "" {
				t.Errorf("%s: packed with %q, %d bytes", name+suffix, got, len(text))
			}
		}
	}
	for _, name := range []string{"mined.jsonl", "side.jsonl", "run.trec", "queue.csv", "scores.jsonl", "next.jsonl"} {
		plain, _ := p.readUnpacked(t, name)
		for _, suffix := range []string{".gz", ".zst"} {
			if text, _ := p.readUnpacked(t, name+suffix); text != plain {
				t.Errorf("%s: another text than that of %s", name+suffix, name)
			}
		}
	}
}

// TestNamesOfOutputs: a name that says another kind of file than is written is refused before anything is read.
func TestNamesOfOutputs(t *testing.T) {
	p := project(t.TempDir())
	mine := []string{"mine", "--source", "bm25", "--corpus", "c", "--queries", "q"}
	for _, tc := range []struct {
		words []string
		want  string
	}{
		{append(mine, "--output", p.path("o.parquet")), "name " + p.path("o.jsonl") + ", then `quarry convert --input " + p.path("o.jsonl") + " --from flagembedding --to flagembedding --out " + p.path("o.parquet") + "`"},
		{append(mine, "--output", "o.CSV.gz"), "rows are written as JSON lines here: name o.jsonl, then `quarry convert --input o.jsonl --from flagembedding --to n-tuple --out o.CSV.gz`"},
		{append(mine, "--output", "o.parquet.gz"), "--out o.parquet`"},
		{append(mine, "--output", p.path("o.jsonl"), "--provenance", p.path("side.csv")), "a line of JSON for each row is written, which no .csv file is"},
		{append(mine, "--output", p.path("o.jsonl"), "--save-candidates", p.path("c.cand.zst")), "stored candidates are read at any place and therefore not packed: name it " + p.path("c.cand")},
		{[]string{"search", "--source", "bm25", "--corpus", "c", "--queries", "q", "--output", "run.json.gz"}, "add --format beir"},
		{[]string{"search", "--source", "bm25", "--corpus", "c", "--queries", "q", "--output", "run.parquet"}, "a trec file of rankings is written, which no .parquet file is"},
		{[]string{"teach", "--rows", "r", "--teacher", "t", "--output", "o.tsv"}, "--to n-tuple --out o.tsv`"},
		{[]string{"audit", "--rows", p.write(t, "rows.jsonl", ""), "--queue", "queue.tsv"}, "want a file that ends in .jsonl or .csv"},
		{[]string{"embed", "--model", "m", "--kind", "passage", "--input", "i", "--output", "v.npy.gz"}, "vectors are mapped as they lie on disk and therefore not packed: name it v.npy"},
		{[]string{"mine", "--input_file", "i", "--embedder_name_or_path", "bge-base-en", "--output_file", "o.parquet"}, "--output_file o.parquet: rows are written as JSON lines here"},
		{[]string{"mine", "--compat", "sentence-transformers", "--dataset", "d", "--run", "r", "--output_format", "labeled-list", "--output", "o.csv"}, "--from labeled-list --to n-tuple --out o.csv`"},
	} {
		h := newTestHost()
		if code := h.run(t, tc.words...); code != exitBadInput || !strings.Contains(h.err.String(), tc.want) {
			t.Errorf("%s: exit code %d, want %s\n%s", strings.Join(tc.words, " "), code, tc.want, h.err.String())
		}
	}
}
