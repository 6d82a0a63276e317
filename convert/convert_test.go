package convert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

func passage(id, title, text string, more ...float64) trainingset.Passage {
	p := trainingset.Passage{ID: id, Title: title, Text: text}
	if len(more) > 0 {
		p.Score = &more[0]
	}
	if len(more) > 1 {
		p.Grade = int(more[1])
	}
	return p
}

// rich holds everything that a row may hold, not every row all of it.
func rich() []*trainingset.Row {
	return []*trainingset.Row{
		{ID: "q1", Query: "one \"quoted\",\ttab", Prompt: "find", Type: "normal", Positives: []trainingset.Passage{passage("d1", "T", "x é <b>", 0.5, 2), passage("d2", "", "y\r\nz", 1)},
			Negatives: []trainingset.Passage{passage("d3", "", "n3", -0.25), passage("d4", "", "n4", 0.125)}, Fields: corpus.Object{{Key: "source", Value: []byte(`"web"`)}, {Key: "n", Value: []byte("3")}}},
		{ID: "q2", Query: "two", Positives: []trainingset.Passage{passage("d3", "", "n3")}, Negatives: []trainingset.Passage{passage("d1", "T", "x é <b>"), passage("d1", "T", "x é <b>"), passage("d5", "", "n5", 0, -1)}},
		{ID: "q3", Query: "three", Positives: []trainingset.Passage{passage("d4", "", "n4")}, Fields: corpus.Object{{Key: "tags", Value: []byte(`["a","b"]`)}}},
		{ID: "q4", Query: "four", Negatives: []trainingset.Passage{passage("d2", "", "y\r\nz")}},
	}
}

// scored is rows with a score of every passage, and no ids.
func scored() []*trainingset.Row {
	return []*trainingset.Row{
		{Query: "one", Prompt: "same", Positives: []trainingset.Passage{passage("", "", "a", 1), passage("", "", "b", 0.75)}, Negatives: []trainingset.Passage{passage("", "", "c", 0.5), passage("", "", "d", 1e-7)}},
		{Query: "two", Prompt: "same", Positives: []trainingset.Passage{passage("", "", "c", 2)}, Negatives: []trainingset.Passage{passage("", "", "a", -3), passage("", "", "b", 0.1)}},
	}
}

// setOf is rows in memory.
func setOf(rows func() []*trainingset.Row) *Set {
	return &Set{Rows: func(visit func(*trainingset.Row) error) error {
		for _, row := range rows() {
			if err := visit(row); err != nil {
				return err
			}
		}
		return nil
	}}
}

func toFolder(base string) Sink {
	return func(name string, write func(io.Writer) error) error {
		path := filepath.Join(base, filepath.FromSlash(name))
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

func all(t *testing.T, set *Set) []*trainingset.Row {
	t.Helper()
	var rows []*trainingset.Row
	if err := set.Rows(func(row *trainingset.Row) error {
		rows = append(rows, row)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestKinds: every kind of file and packing gives the same rows, as far as it holds them.
func TestKinds(t *testing.T) {
	for name, rows := range map[string]func() []*trainingset.Row{"rich": rich, "scored": scored} {
		for _, f := range Formats() {
			for _, kind := range f.Kinds {
				for _, packing := range []string{"", "gzip", "zstd"} {
					if kind == table.Parquet && packing != "" {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/%s%s", name, f.Name, kind, packing), func(t *testing.T) {
						o := Options{Kind: kind, Packing: packing}
						back, s := through(t, t.TempDir(), setOf(rows), f, o)
						got := remains(all(t, back), Format{holds: constant(everything)}, o, Survey{})
						if diff := cmp.Diff(remains(rows(), f, o, s), got); diff != "" {
							t.Error(diff)
						}
					})
				}
			}
		}
	}
}

func TestLosses(t *testing.T) {
	set := setOf(rich)
	s, err := set.Look()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"triplet": {"ids of queries: left out (4)", "ids of passages: left out (4)", "titles apart from texts: joined to the texts (2)", "prompts of rows: left out (1)", "types of rows: left out (1)",
			"a teacher's scores: left out (2)", "grades of judgments: above 1 they become 1, below 0 they become 0 (2)", `other keys: left out: "source", "n", "tags" (2)`, "queries without a positive: the rows are left out (1)",
			"queries without a negative: the rows are left out (1)"},
		"beir": {"prompts of rows: left out (1)", "types of rows: left out (1)", "a teacher's scores: left out (2)", `other keys: left out: "source", "n", "tags" (2)`, "a negative twice in a row: kept once (1)"},
	} {
		f, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range f.Losses(s, Options{Kind: table.JSONL}) {
			got = append(got, l.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for _, tc := range []struct {
		name, format string
		options      Options
		rows         []*trainingset.Row
		want         string
	}{
		{"lists in CSV", "labeled-list", Options{Kind: table.CSV}, scored(), "labeled-list is not written as csv: use jsonl, parquet"},
		{"packed Parquet", "triplet", Options{Kind: table.Parquet, Packing: "gzip"}, scored(), "gzip is not packed"},
		{"an id with two texts", "beir", Options{Split: "test"}, []*trainingset.Row{
			{Query: "q", Positives: []trainingset.Passage{passage("d", "", "x")}, Line: 1}, {Query: "r", Positives: []trainingset.Passage{passage("d", "", "y")}, Line: 2}},
			`line 2: passage "d" has another text or title than on line 1`},
		{"ids for some", "nemo", Options{}, []*trainingset.Row{{Query: "q", Positives: []trainingset.Passage{passage("d", "", "x")}, Negatives: []trainingset.Passage{passage("", "", "y")}, Line: 1}},
			"line 1: some passages have an id and some have none"},
		{"none for some", "quarry", Options{}, []*trainingset.Row{{Query: "q", Positives: []trainingset.Passage{passage("", "", "x")}, Negatives: []trainingset.Passage{passage("d", "", "y")}, Line: 1}},
			"line 1: some passages have an id and some have none"},
		{"a query twice", "beir", Options{Split: "test"}, []*trainingset.Row{
			{ID: "1", Query: "q", Positives: []trainingset.Passage{passage("d", "", "x")}, Line: 1}, {ID: "1", Query: "r", Positives: []trainingset.Passage{passage("d", "", "x")}, Line: 2}},
			`line 2: query "1": the id is already on line 1`},
		{"a key of the format", "flagembedding", Options{Kind: table.JSONL}, []*trainingset.Row{{Query: "q", Positives: []trainingset.Passage{passage("", "", "x")}, Fields: corpus.Object{{Key: "neg", Value: []byte("1")}}}},
			`the key "neg" has a setter of its own`},
		{"two types in a column", "tevatron", Options{Kind: table.Parquet}, []*trainingset.Row{
			{Query: "q", Positives: []trainingset.Passage{passage("", "", "x")}, Fields: corpus.Object{{Key: "k", Value: []byte("1")}}},
			{Query: "r", Positives: []trainingset.Passage{passage("", "", "x")}, Fields: corpus.Object{{Key: "k", Value: []byte(`"s"`)}}}},
			`column "k" holds a string, and a number in row 1`},
		{"no split", "mteb", Options{}, scored(), `split "" cannot name a file`},
	} {
		f, err := ByName(tc.format)
		if err != nil {
			t.Fatal(err)
		}
		set := setOf(func() []*trainingset.Row { return tc.rows })
		s, err := set.Look()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(set, s, tc.options, toFolder(filepath.Join(t.TempDir(), "x"))); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

// TestMinedRows: the ids that mined rows say under provenance.Key name their passages.
func TestMinedRows(t *testing.T) {
	dir := t.TempDir()
	mined := filepath.Join(dir, "mined.jsonl")
	const row = `{"query": "q", "pos": ["x"], "neg": ["y", "z"], "quarry": {"key": "k1", "source": "dense", "round": 0, "positives": ["d1"], "eligible": 2, "negatives": [{"id": "d2"}, {"id": "d3"}]}}`
	if err := os.WriteFile(mined, []byte(row+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	from, err := Detect(mined, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := from.Read(mined, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := set.Look()
	if err != nil {
		t.Fatal(err)
	}
	to, err := ByName("trec")
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Write(set, s, Options{}, toFolder(dir)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "qrels.txt")); err != nil || string(got) != "k1 0 d1 1\nk1 0 d2 0\nk1 0 d3 0\n" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestDetectErrors(t *testing.T) {
	for name, tc := range map[string]struct{ file, content, want string }{
		"no kind":           {"x.txt", "x", "the name does not tell the kind of file"},
		"no rows":           {"x.jsonl", "\n", "no rows"},
		"unknown columns":   {"x.jsonl", `{"text": "a"}`, "x.jsonl:1: the columns do not tell the format"},
		"rows of Quarry":    {"x.jsonl", `{"query": "q", "positive_ids": ["1"]}`, "the rows name passages of a corpus: name that too"},
		"a folder of files": {"x/y.jsonl", "", "no data set in a format that is known"},
	} {
		path := filepath.Join(t.TempDir(), filepath.FromSlash(tc.file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(tc.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(tc.file, "/") {
			path = filepath.Dir(path)
		}
		if _, err := Detect(path, ReadOptions{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
	if _, err := ByName("csv"); err == nil || !strings.Contains(err.Error(), `the format "csv" is unknown: use quarry, beir,`) {
		t.Errorf("got %v", err)
	}
}
