package tevatron

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

func read(file string) ([]*trainingset.Row, error) {
	r := NewReader(corpus.NewLines(strings.NewReader(file), "f", corpus.LineOptions{}))
	var rows []*trainingset.Row
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

func write(rows []*trainingset.Row) (string, error) {
	var out bytes.Buffer
	var schema table.Schema
	to, err := table.NewWriter(&out, table.JSONL, schema.Schema)
	w := NewWriter(to)
	for _, row := range rows {
		if err == nil {
			err = w.Write(row)
		}
	}
	if err == nil {
		err = to.Close()
	}
	return out.String(), err
}

// The first row is the one that Tevatron's document of its data sets shows; ids that are numbers and passages without a
// title are in its data.
const rows = `{"query_id": "1", "query": "q", "positive_passages": [{"docid": "d1", "title": "T", "text": "x"}], "negative_passages": [{"docid": "d2", "title": "", "text": "y"}]}
{"query_id": 2, "query": "r", "answers": ["a"], "positive_passages": [], "negative_passages": [{"text": "z"}]}
`

func TestReadAndWrite(t *testing.T) {
	got, err := read(rows)
	if err != nil {
		t.Fatal(err)
	}
	want := []*trainingset.Row{
		{ID: "1", Query: "q", Positives: []trainingset.Passage{{ID: "d1", Title: "T", Text: "x"}}, Negatives: []trainingset.Passage{{ID: "d2", Text: "y"}}, Line: 1},
		{ID: "2", Query: "r", Negatives: []trainingset.Passage{{Text: "z"}}, Fields: corpus.Object{{Key: "answers", Value: []byte(`["a"]`)}}, Line: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	written, err := write(got)
	if err != nil {
		t.Fatal(err)
	}
	const canonical = `{"query_id": "1", "query": "q", "positive_passages": [{"docid": "d1", "title": "T", "text": "x"}], "negative_passages": [{"docid": "d2", "title": "", "text": "y"}]}
{"query_id": "2", "query": "r", "positive_passages": [], "negative_passages": [{"title": "", "text": "z"}], "answers": ["a"]}
`
	if diff := cmp.Diff(canonical, written); diff != "" {
		t.Error(diff)
	}
	if _, err := write([]*trainingset.Row{{Query: "q", Fields: corpus.Object{{Key: "query", Value: []byte("1")}}}}); err == nil || !strings.Contains(err.Error(), `the key "query" is one of Tevatron's own`) {
		t.Errorf("got %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"ids of a corpus", `{"query_id": "1", "query_text": "q", "positive_document_ids": ["d"]}`, `f:1: "positive_document_ids" name passages of a corpus that is not here`},
		{"no query", `{"positive_passages": []}`, `f:1: the row has no "query"`},
		{"an empty query", `{"query": "", "positive_passages": []}`, `f:1: "query" is empty`},
		{"no positives", `{"query": "q"}`, `f:1: the row has no "positive_passages"`},
		{"a text for a list", `{"query": "q", "positive_passages": "x"}`, `f:1: "positive_passages": want a list of passages`},
		{"a text for a passage", `{"query": "q", "positive_passages": ["x"]}`, `f:1: "positive_passages"[0]: the line holds a string, not a JSON object`},
		{"no text", `{"query": "q", "positive_passages": [{"docid": "d"}]}`, `"positive_passages"[0]: the passage has no "text"`},
		{"a title of numbers", `{"query": "q", "positive_passages": [{"title": 1, "text": "x"}]}`, `"positive_passages"[0]: "title": want a string, got a number`},
		{"a list for an id", `{"query": "q", "positive_passages": [], "query_id": []}`, `f:1: "query_id": want a string or a number`},
	} {
		if _, err := read(tc.file); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

// FuzzReader reads damaged files: an error that names the file, or rows that come back after writing.
func FuzzReader(f *testing.F) {
	f.Add(rows)
	f.Add(`{"query": "q", "positive_passages": [{"docid": 1e3, "title": null, "text": ""}], "negative_passages": null, "x": {"y": []}}`)
	f.Fuzz(func(t *testing.T, file string) {
		got, err := read(file)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		written, err := write(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(written)
		if err != nil || len(again) != len(got) {
			t.Errorf("%v of\n%s", err, written)
		}
	})
}
