package nemo

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/trainingset"
)

func read(file string) ([]*Row, error) {
	var rows []*Row
	err := Each(strings.NewReader(file), "f.json", func(row *Row) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// The first row is that of NeMo's document of retrieval data; ids without an object around them, scores and keys of one's own
// are what its loader passes over.
const rows = `{"corpus": [{"path": "wiki"}], "data": [
  {"question_id": "q_001", "question": "Explain", "corpus_id": "wiki_corpus", "pos_doc": [{"id": "d_123"}], "neg_doc": [{"id": "d_456"}, {"id": "d_789"}]},
  {"question_id": 2, "question": "r", "corpus_id": "wiki_corpus", "pos_doc": ["d_1", 7], "neg_doc": [{"id": 3, "score": 0.5}], "source": "web"}
], "version": {"a": [1, {"b": null}]}}`

func TestRead(t *testing.T) {
	score := 0.5
	got, err := read(rows)
	if err != nil {
		t.Fatal(err)
	}
	want := []*Row{
		{Row: trainingset.Row{ID: "q_001", Query: "Explain", Positives: []trainingset.Passage{{ID: "d_123"}}, Negatives: []trainingset.Passage{{ID: "d_456"}, {ID: "d_789"}}, Line: 1}, Corpus: "wiki_corpus"},
		{Row: trainingset.Row{ID: "2", Query: "r", Positives: []trainingset.Passage{{ID: "d_1"}, {ID: "7"}}, Negatives: []trainingset.Passage{{ID: "3", Score: &score}},
			Fields: corpus.Object{{Key: "source", Value: []byte(`"web"`)}}, Line: 2}, Corpus: "wiki_corpus"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	folders, err := CorpusFolders(strings.NewReader(rows), filepath.Join("a", "f.json"))
	if diff := cmp.Diff([]string{filepath.Join("a", "wiki")}, folders); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if folders, err := CorpusFolders(strings.NewReader(`{"data": [], "corpus": {"path": "/x"}}`), "f.json"); err != nil || len(folders) != 1 || folders[0] != "/x" {
		t.Errorf("%v, %v", folders, err)
	}
}

func TestReadErrors(t *testing.T) {
	row := func(change string) string {
		return `{"data": [{"question_id": "1", "question": "q", "corpus_id": "c", "pos_doc": ["d"], "neg_doc": []}, {` + change + `}]}`
	}
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "f.json: byte 0: the file ends in the middle of an object; it looks truncated"},
		{"a list", "[]", `f.json: byte 1: want an object with "corpus" and "data"`},
		{"no rows", `{"corpus": []}`, `f.json: no "data": want a list of rows`},
		{"rows that are no list", `{"data": {}}`, `"data": want a list of rows`},
		{"cut", rows[:200], "looks truncated"},
		{"no question", row(`"question_id": "2"`), `"data"[1]: the row has no "question"`},
		{"no positives", row(`"question_id": "2", "question": "q", "corpus_id": "c", "pos_doc": [], "neg_doc": []`), `"data"[1]: "pos_doc" is empty`},
		{"no negatives", row(`"question_id": "2", "question": "q", "corpus_id": "c", "pos_doc": ["d"]`), `"data"[1]: the row has no "neg_doc"`},
		{"a passage without an id", row(`"question_id": "2", "question": "q", "corpus_id": "c", "pos_doc": [{"score": 1}]`), `"data"[1]: "pos_doc"[0]: no "id"`},
		{"a score of words", row(`"question_id": "2", "question": "q", "corpus_id": "c", "pos_doc": [{"id": 1, "score": "x"}]`), `"pos_doc"[0]: "score": want a number`},
		{"a text for a list", row(`"question_id": "2", "question": "q", "corpus_id": "c", "pos_doc": "d"`), `"pos_doc": want a list of ids`},
	} {
		if _, err := read(tc.file); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "f.json: ") {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
	for file, want := range map[string]string{`{}`: `no "corpus"`, `{"corpus": [{}]}`: `"corpus"[0]: no "path"`, `{"corpus": 1}`: `"corpus": want a list of objects with "path"`} {
		if _, err := CorpusFolders(strings.NewReader(file), "f.json"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", file, err, want)
		}
	}
	stop := errors.New("enough")
	if err := Each(strings.NewReader(rows), "f.json", func(*Row) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
}

func TestMetadata(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"images", `{"corpus_id": "c", "class": "ColPaliDataset"}`, `"class" is "ColPaliDataset": corpora of TextQADataset alone are read`},
		{"no id", `{"class": "TextQADataset"}`, `no "corpus_id"`},
		{"broken", `{`, "unexpected end"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, MetadataFile), []byte(tc.file), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadMetadata(dir); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), MetadataFile) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
	dir := t.TempDir()
	var file bytes.Buffer
	if err := WriteMetadata(&file, "c", "find <it>"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, MetadataFile), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadMetadata(dir); err != nil || m != (Metadata{CorpusID: "c", Class: "TextQADataset", QueryInstruction: "find <it>"}) {
		t.Errorf("%v, %v", m, err)
	}
}

func write(rows []*Row) (string, error) {
	var out bytes.Buffer
	w := NewRowWriter(&out, "corpus")
	for _, row := range rows {
		if err := w.Write(&row.Row); err != nil {
			return "", err
		}
	}
	err := w.Close()
	return out.String(), err
}

func TestWrite(t *testing.T) {
	got, err := read(rows)
	if err != nil {
		t.Fatal(err)
	}
	written, err := write(got)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
"corpus": [{"path": "corpus"}],
"data": [
{"question_id": "q_001", "question": "Explain", "corpus_id": "corpus", "pos_doc": [{"id": "d_123"}], "neg_doc": [{"id": "d_456"}, {"id": "d_789"}]},
{"question_id": "2", "question": "r", "corpus_id": "corpus", "pos_doc": [{"id": "d_1"}, {"id": "7"}], "neg_doc": [{"id": "3", "score": 0.5}], "source": "web"}
]
}
`
	if diff := cmp.Diff(want, written); diff != "" {
		t.Error(diff)
	}
	for _, row := range []trainingset.Row{{Query: "q"}, {ID: "1", Query: "q"}, {ID: "1", Query: "q", Positives: []trainingset.Passage{{Text: "x"}}},
		{ID: "1", Query: "q", Positives: []trainingset.Passage{{ID: "x"}}, Fields: corpus.Object{{Key: "question", Value: []byte("1")}}}} {
		if _, err := write([]*Row{{Row: row}}); err == nil {
			t.Errorf("%v is written", row)
		}
	}
}

// FuzzReader reads damaged files: an error that names the file, or rows that come back after writing.
func FuzzReader(f *testing.F) {
	f.Add(rows)
	f.Add(`{"data": [{"question_id": "1", "question": "q", "corpus_id": "c", "pos_doc": ["d"], "neg_doc": []}], "data": []}`)
	f.Fuzz(func(t *testing.T, file string) {
		if _, err := CorpusFolders(strings.NewReader(file), "f.json"); err != nil && !strings.HasPrefix(err.Error(), "f.json") {
			t.Errorf("the error does not name the file: %v", err)
		}
		got, err := read(file)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.json") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		written, err := write(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := read(written); err != nil || len(again) != len(got) {
			t.Errorf("%v of\n%s", err, written)
		}
	})
}

// FuzzReadMetadata reads damaged descriptions of a corpus: an error that names the file, or a corpus of texts by its id.
func FuzzReadMetadata(f *testing.F) {
	f.Add([]byte(`{"corpus_id":"c","class":"TextQADataset"}`))
	f.Add([]byte(`{"class":"ImageDataset","corpus_id":"c"}`))
	f.Add([]byte(`[]`))
	dir := f.TempDir()
	path := filepath.Join(dir, MetadataFile)
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := ReadMetadata(dir)
		if err != nil {
			if !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if m.CorpusID == "" || m.Class != corpusClass {
			t.Errorf("%+v", m)
		}
	})
}
