package beir

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
)

func toFolder(dir string) func(string, func(io.Writer) error) error {
	return func(name string, write func(io.Writer) error) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
}

// TestWriteAndOpen: what is written in either layout is read back whole, the grade of zero and the stranger's absence too.
func TestWriteAndOpen(t *testing.T) {
	options := Options{KeepUnanswered: true}
	d, err := Open(folder(t, map[string]string{"corpus.jsonl": passages, "queries.jsonl": queries, "qrels/test.tsv": qrels}), options)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Queries) != 3 || len(d.Queries[2].Positives) != 0 {
		t.Fatalf("queries %v", d.Queries)
	}
	for layout, file := range map[Layout]string{BEIR: "qrels/test.tsv", MTEB: "qrels/test.jsonl", MTEBParquet: "data/test-00000-of-00001.parquet"} {
		dir := t.TempDir()
		if err := Write(d, layout, toFolder(dir)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
			t.Error(err)
		}
		again, err := Open(dir, options)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d.Corpus.Passages, again.Corpus.Passages); diff != "" {
			t.Error(diff)
		}
		for i := range again.Queries {
			again.Queries[i].File, again.Queries[i].Line = d.Queries[i].File, d.Queries[i].Line
		}
		for i := range again.Judgments {
			again.Judgments[i].Line = d.Judgments[i].Line
		}
		if diff := cmp.Diff(d.Queries, again.Queries); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(d.Judgments, again.Judgments); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	c, err := corpus.New([]corpus.Passage{{ID: "a\tb", Text: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	d := &Dataset{Corpus: c, Split: "test", Judgments: []Judgment{{"q", "a\tb", 1, 1}}}
	for _, tc := range []struct {
		name, split string
		layout      Layout
		want        string
	}{
		{"tab in an id", "test", BEIR, "write the mteb layout"},
		{"no split", "", BEIR, `split "" cannot name a file`},
		{"split elsewhere", "../x", MTEB, `split "../x" cannot name a file`},
		{"no such layout", "test", "parquet", `layout "parquet" is unknown: use beir, mteb or mteb-parquet`},
	} {
		d.Split = tc.split
		if err := Write(d, tc.layout, toFolder(t.TempDir())); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
	d.Split = "test"
	if err := Write(d, MTEB, toFolder(t.TempDir())); err != nil {
		t.Error(err)
	}
	full := errors.New("no space left on device")
	if err := Write(d, MTEB, func(string, func(io.Writer) error) error { return full }); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}
