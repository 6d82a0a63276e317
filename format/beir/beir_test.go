package beir

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/quarry-ml/quarry/corpus"
)

const (
	passages = `{"_id": "1", "title": "T", "text": "x"}` + "\n" + `{"_id": "2", "title": "", "text": ""}` + "\n" + `{"_id": "3", "text": "z"}` + "\n"
	queries  = `{"_id": "b", "text": "second"}` + "\n" + `{"_id": "a", "text": "first"}` + "\n" + `{"_id": "zero", "text": "no"}` + "\n" + `{"_id": "other", "text": "of another split"}` + "\n"
	qrels    = "query-id\tcorpus-id\tscore\na\t3\t2\na\t1\t1\na\t2\t0\nb\t2\t1\nzero\t1\t0\n"
)

const objects = `{"query-id": "a", "corpus-id": "3", "score": 2}` + "\n" + `{"query-id": "a", "corpus-id": 1, "score": 1.0}` + "\n\n" +
	`{"query-id": "a", "corpus-id": "2", "score": 0}` + "\n" + `{"query-id": "b", "corpus-id": "2", "score": 1}` + "\n" + `{"query-id": "zero", "corpus-id": "1", "score": 0}` + "\n"

// folder writes a data set; a file without content is left out.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if content == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpen(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"plain":   {"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels},
		"MTEB's":  {"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.jsonl": objects},
		"Parquet": nil,
		"floats":  {"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": strings.NewReplacer("\t2\n", "\t2.0\n", "\t1\n", "\t1.0\n", "\t0\n", "\t0.0\n").Replace(qrels)},
		"packed":  {"corpus.jsonl.gz": gzipped(passages), "queries.jsonl": gzipped(queries), "qrels/test.tsv.gz": gzipped(qrels)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "mteb") // what the datasets library wrote: parity/parquet_fixture.py
			if files != nil {
				dir = folder(t, files)
			}
			d, err := Open(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "queries.jsonl")
			if name == "Parquet" {
				file = filepath.Join(dir, "queries", "queries-00000-of-00001.parquet")
			}
			want := []corpus.Query{
				{ID: "b", Key: "b", Text: "second", Positives: []int32{1}, File: file, Line: 1},
				{ID: "a", Key: "a", Text: "first", Positives: []int32{0, 2}, File: file, Line: 2},
			}
			if diff := cmp.Diff(want, d.Queries); diff != "" {
				t.Error(diff)
			}
			if got := d.Corpus.Passages[0].Full(); got != "T x" {
				t.Errorf("the first passage is %q", got)
			}
			if len(d.Judgments) != 5 || d.Judgments[2] != (Judgment{"a", "2", 0, map[bool]int{true: 3, false: 4}[name == "Parquet"]}) || d.Split != "test" {
				t.Errorf("judgments %v of split %q", d.Judgments, d.Split)
			}
			if len(d.Warnings) != 2 || !strings.Contains(d.Warnings[0].String(), `passage "2": empty text`) ||
				!strings.Contains(d.Warnings[1].String(), "test") || !strings.Contains(d.Warnings[1].String(), `query "zero" has no grade above 0 and is left out`) {
				t.Errorf("warnings %v", d.Warnings)
			}
		})
	}
}

// TestUnread: what a data set holds beside is named, for converting would lose it.
func TestUnread(t *testing.T) {
	d, err := Open(folder(t, map[string]string{
		"corpus.jsonl":   `{"_id": "1", "text": "x", "metadata": {}, "url": "u"}`,
		"queries.jsonl":  `{"_id": "a", "text": "q", "answers": ["x"], "source": ""}`,
		"qrels/test.tsv": "a\t1\t1\n",
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`other keys of passages ("url")`, `other keys of queries ("answers")`}, d.Unread); diff != "" {
		t.Error(diff)
	}
}

func TestOpenErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		files   map[string]string
		options Options
		want    string
	}{
		{"no corpus", map[string]string{"queries.jsonl": queries, "qrels/test.tsv": qrels}, Options{}, "no corpus.jsonl, perhaps with .gz or .zst behind, and no Parquet files (corpus.parquet, corpus/*.parquet)"},
		{"no qrels", map[string]string{"qrels/test.txt": "x"}, Options{}, "no judgments: no qrels/*.tsv (BEIR), qrels/*.jsonl or {qrels,data,default}/*.parquet (MTEB)"},
		{"no Parquet at all", map[string]string{"corpus/test.parquet": "PAR1", "queries.jsonl": queries, "qrels/test.tsv": qrels}, Options{}, "test.parquet: broken Parquet: 4 bytes are too few"},
		{"a shard missing", map[string]string{"corpus/x-00000-of-00003.parquet": "PAR1", "corpus/x-00001-of-00003.parquet": "PAR1", "qrels/test.tsv": qrels}, Options{}, "2 of 3 shards of x are there, and x-00002-of-00003 is not; download the rest"},
		{"a shard missing in the middle", map[string]string{"corpus/x-00000-of-00003.parquet": "PAR1", "corpus/x-00002-of-00003.parquet": "PAR1", "qrels/test.tsv": qrels}, Options{}, "2 of 3 shards of x are there, and x-00001-of-00003 is not; download the rest"},
		{"two tables", map[string]string{"corpus.jsonl.zst": passages, "corpus/x.parquet": "PAR1", "qrels/test.tsv": qrels}, Options{}, "corpus.jsonl.zst and x.parquet both hold the table; remove one"},
		{"a table beside and inside", map[string]string{"corpus.parquet": "PAR1", "corpus/x.parquet": "PAR1", "qrels/test.tsv": qrels}, Options{}, "corpus.parquet and the folder corpus both hold the table"},
		{"tables of other names", map[string]string{"corpus/en.parquet": "PAR1", "corpus/de.parquet": "PAR1", "qrels/test.tsv": qrels}, Options{}, "corpus: several tables (de, en), none of them test or corpus"},
		{"judged in two folders", map[string]string{"data/test.parquet": "PAR1", "default/test.parquet": "PAR1"}, Options{}, `test.parquet and test.parquet both judge split "test"`},
		{"judged twice", map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels, "qrels/test.jsonl.gz": gzipped(objects)}, Options{}, `test.jsonl.gz and test.tsv both judge split "test"; remove one`},
		{"several splits", map[string]string{"qrels/dev.tsv": qrels, "qrels/test.tsv": qrels}, Options{}, "several splits (dev, test); say which"},
		{"one of several splits", map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels, "qrels/train.tsv": qrels}, Options{Split: "dev"}, `no split "dev" (there is test, train)`},
		{"unknown split", map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels}, Options{Split: "dev"}, `no split "dev" (there is test)`},
		{"unknown query", map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": "c\t1\t1\n"}, Options{}, `test.tsv:1: the queries have no "c"`},
		{"unknown passage", map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels + "b\t9\t1\n"}, Options{}, `test.tsv:7: query "b": the corpus has no passage "9"`},
		{"no positive", map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": "a\t1\t0\n"}, Options{}, "test.tsv: no query has a positive"},
		{"broken corpus", map[string]string{"corpus.jsonl": passages + "{", "queries.jsonl": queries, "qrels/test.tsv": qrels}, Options{}, "corpus.jsonl:4: the JSON object is cut off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Open(folder(t, tc.files), tc.options)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// A split of nothing but zeros is what trec_eval scores 0.
func TestOpenUnanswered(t *testing.T) {
	dir := folder(t, map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": "a\t1\t0\nb\t1\t-1\n"})
	d, err := Open(dir, Options{KeepUnanswered: true})
	if err != nil || len(d.Queries) != 2 || len(d.Judgments) != 2 || len(d.Queries[0].Positives)+len(d.Queries[1].Positives) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestReadQrelsErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "query-id\tcorpus-id\tscore\n", "x.tsv: no judgments"},
		{"pair twice", "a\t1\t1\n\na\t1\t0\n", `x.tsv:3: query "a", passage "1": the pair is already on line 1`},
		{"blanks for tabs", "a 1 1\n", "x.tsv:1: 1 columns parted by tabs, want 3"},
		{"four columns", "a\t0\t1\t1\n", "x.tsv:1: 4 columns"},
		{"hexadecimal", "a\t1\t0x1p0\n", `x.tsv:1: the grade is "0x1p0", want a whole number`},
		{"no number", "a\t1\tNaN\n", `x.tsv:1: the grade is "NaN", want a whole number`},
		{"too large", "a\t1\t4e9\n", `x.tsv:1: the grade is "4e9", want a whole number`},
		{"fraction", "a\t1\t0.5\n", `x.tsv:1: the grade is "0.5", want a whole number`},
		{"a half", `{"query-id": "a", "corpus-id": "1", "score": 0.5}`, "x.tsv:1: the grade is 0.5, want a whole number"},
		{"null", `{"query-id": "a", "corpus-id": "1", "score": null}`, `x.tsv:1: the row has no "score"`},
		{"no score", `{"query-id": "a", "corpus-id": "1"}`, `x.tsv:1: the row has no "score"`},
		{"no passage", `{"query-id": "a", "score": 1}`, `x.tsv:1: the row has no "corpus-id"`},
		{"a list for an id", `{"query-id": ["a"], "corpus-id": "1", "score": 1}`, `x.tsv:1: "query-id": want a string or a number`},
		{"columns among objects", `{"query-id": "a", "corpus-id": "1", "score": 1}` + "\na\t1\t1\n", "x.tsv:2: "},
		{"head line in the middle", "a\t1\t1\nquery-id\tcorpus-id\tscore\n", `x.tsv:2: the grade is "score"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadQrels(strings.NewReader(tc.file), "x.tsv")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// The counts are those of the data's own README; documents 471 and 995 are empty and the qrels hold explicit zeros.
func TestCranfield(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "beir", "cranfield")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("shared data absent: %v", err)
	}
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	zeros := 0
	for _, j := range d.Judgments {
		if j.Grade == 0 {
			zeros++
		}
	}
	if d.Corpus.Len() != 1400 || len(d.Queries) != 225 || len(d.Judgments) != 1837 || zeros != 225 {
		t.Errorf("got %d passages, %d queries, %d judgments, %d zeros", d.Corpus.Len(), len(d.Queries), len(d.Judgments), zeros)
	}
	positives := 0
	for _, q := range d.Queries {
		positives += len(q.Positives)
	}
	if positives != 1837-zeros {
		t.Errorf("got %d positives, want one for each of %d grades above 0", positives, 1837-zeros)
	}
	for _, id := range []string{"471", "995"} {
		if p, ok := d.Corpus.ByID(id); !ok || d.Corpus.Passages[p].Full() != "" {
			t.Errorf("passage %s is not empty", id)
		}
	}
	if len(d.Warnings) == 0 || d.Warnings[0].Line != 471 || !strings.Contains(d.Warnings[0].Text, "(2 such in the file)") {
		t.Errorf("warnings: %v", d.Warnings)
	}
}

func FuzzQrels(f *testing.F) {
	for _, seed := range []string{qrels, "a\t1\t-1\r\n", "\xef\xbb\xbfquery-id\tcorpus-id\tscore", "a\t\t1", objects, `{"query-id": 1e3, "corpus-id": "1", "score": 1e9}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		judgments, err := ReadQrels(strings.NewReader(file), "x.tsv")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.tsv:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		seen := map[[2]string]bool{}
		for _, j := range judgments {
			if seen[[2]string{j.Query, j.Passage}] {
				t.Errorf("%v twice", j)
			}
			seen[[2]string{j.Query, j.Passage}] = true
		}
	})
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}
