package sentencetransformers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// passages are texts with scores; none without.
func passages(texts []string, scores ...float64) []trainingset.Passage {
	var found []trainingset.Passage
	for _, text := range texts {
		found = append(found, trainingset.Passage{Text: text})
	}
	trainingset.SetScores(found, scores)
	return found
}

// sample is the queries of parity/training_fixture.py.
func sample(scores bool) []*trainingset.Row {
	rows := []*trainingset.Row{
		{Query: `what is "ø"?`, Positives: passages([]string{"a letter, <o>"}, 0.75), Negatives: passages([]string{"a number\nin two lines", "x"}, 0.5, -0.125)},
		{Query: "two answers", Positives: passages([]string{"p1", "p2"}, 1, 0.875), Negatives: passages([]string{"n1", "n2"}, 0.25, 0)},
		{Query: "last", Positives: passages([]string{"p3"}, 0.5), Negatives: passages([]string{"n3", "n4"}, 0.375, 1e-5)},
	}
	for _, row := range rows {
		if scores {
			break
		}
		for i := range row.Positives {
			row.Positives[i].Score = nil
		}
		for i := range row.Negatives {
			row.Negatives[i].Score = nil
		}
	}
	return rows
}

func readFile(content []byte, name string, layout Layout) ([]*trainingset.Row, error) {
	kind, err := table.KindOf(name)
	if err != nil {
		return nil, err
	}
	rows, err := table.NewReader(bytes.NewReader(content), name, kind)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(rows, layout)
	if err != nil {
		return nil, err
	}
	var found []*trainingset.Row
	for {
		row, err := r.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
}

func writeRows(w io.Writer, kind table.Kind, o Options, rows []*trainingset.Row) error {
	write := func(to table.Writer) error {
		out, err := NewWriter(to, o)
		for _, row := range rows {
			if err == nil {
				err = out.Write(row)
			}
		}
		return errors.Join(err, to.Close())
	}
	var schema table.Schema
	if err := write(&schema); err != nil {
		return err
	}
	to, err := table.NewWriter(w, kind, schema.Schema)
	if err != nil {
		return err
	}
	return write(to)
}

func withoutLines(rows []*trainingset.Row) []*trainingset.Row {
	for _, row := range rows {
		row.Line = 0
	}
	return rows
}

// TestFilesOfDatasets reads what the datasets library wrote (parity/training_fixture.py), and writes rows that read the same.
func TestFilesOfDatasets(t *testing.T) {
	for _, layout := range Layouts() {
		for _, scores := range []bool{false, true} {
			for _, kind := range []table.Kind{table.JSONL, table.Parquet, table.CSV} {
				if kind == table.CSV && layout == LabeledList {
					continue
				}
				name := string(layout) + map[bool]string{true: "-scores"}[scores] + "." + string(kind)
				t.Run(name, func(t *testing.T) {
					content, err := os.ReadFile(filepath.Join("testdata", name))
					if err != nil {
						t.Fatal(err)
					}
					got, err := readFile(content, name, layout)
					if layout == LabeledPair && scores {
						if err == nil || !strings.Contains(err.Error(), `"score" does not tell positives from negatives`) {
							t.Errorf("got %v", err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(sample(scores), withoutLines(got)); diff != "" {
						t.Error(diff)
					}
					var ours bytes.Buffer
					if err := writeRows(&ours, kind, Options{Layout: layout, Negatives: 2, Scores: scores}, got); err != nil {
						t.Fatal(err)
					}
					if kind == table.CSV && scores {
						return // their list of scores is as NumPy prints it
					}
					if diff := cmp.Diff(rowsOf(t, content, name), rowsOf(t, ours.Bytes(), name)); diff != "" {
						t.Errorf("theirs and ours: %s", diff)
					}
				})
			}
		}
	}
}

// rowsOf are the rows of a file as keys and values, white space aside.
func rowsOf(t *testing.T, content []byte, name string) []string {
	t.Helper()
	kind, err := table.KindOf(name)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := table.NewReader(bytes.NewReader(content), name, kind)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for {
		row, err := rows.NextObject()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		line := ""
		for _, field := range row {
			line += fmt.Sprintf("%s=%s;", field.Key, strings.NewReplacer(", ", ",", "\\u003c", "<", "\\u003e", ">", "1e-05", "0.00001").Replace(string(field.Value)))
		}
		found = append(found, line)
	}
}

func TestRead(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layout Layout
		file   string
		want   []*trainingset.Row
	}{
		{"other names", Triplet, `{"question":"q","answer":"p","bad":"n"}`, []*trainingset.Row{{Query: "q", Positives: passages([]string{"p"}), Negatives: passages([]string{"n"})}}},
		{"pairs without negatives", NTuple, `{"a":"q","b":"p"}`, []*trainingset.Row{{Query: "q", Positives: passages([]string{"p"})}}},
		{"a tuple with a null", NTuple, `{"a":"q","b":"p","c":"n","d":null}`, []*trainingset.Row{{Query: "q", Positives: passages([]string{"p"}), Negatives: passages([]string{"n"})}}},
		{"triplets of other negatives for each positive", Triplet, `{"a":"q","b":"p1","c":"n1"}` + "\n" + `{"a":"q","b":"p2","c":"n2"}` + "\n" + `{"a":"q","b":"p2","c":"n1"}`,
			[]*trainingset.Row{{Query: "q", Positives: passages([]string{"p1", "p2"}), Negatives: passages([]string{"n1", "n2"})}}},
		{"a negative twice", Triplet, `{"a":"q","b":"p1","c":"n"}` + "\n" + `{"a":"q","b":"p1","c":"n"}`,
			[]*trainingset.Row{{Query: "q", Positives: passages([]string{"p1"}), Negatives: passages([]string{"n", "n"})}}},
		{"an anchor again later", LabeledPair, `{"a":"q","b":"p","label":1}` + "\n" + `{"a":"r","b":"n","label":false}` + "\n" + `{"a":"q","b":"n","label":0.0}`,
			[]*trainingset.Row{{Query: "q", Positives: passages([]string{"p"})}, {Query: "r", Negatives: passages([]string{"n"})}, {Query: "q", Negatives: passages([]string{"n"})}}},
		{"a list of two positives", LabeledList, `{"a":"q","b":["x","y","z"],"labels":[0,1,1]}`, []*trainingset.Row{{Query: "q", Positives: passages([]string{"y", "z"}), Negatives: passages([]string{"x"})}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readFile([]byte(tc.file), "f.jsonl", tc.layout)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, withoutLines(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layout Layout
		file   string
		want   string
	}{
		{"two columns", Triplet, `{"a":"q","b":"p"}`, "f.jsonl:1: 2 columns of texts (a, b), and a triplet has anchor, positive, negative, perhaps scores"},
		{"an id too", Triplet, `{"id":"1","a":"q","b":"p","c":"n"}`, "4 columns of texts (id, a, b, c)"},
		{"no label", LabeledPair, `{"a":"q","b":"p"}`, `f.jsonl:1: no "label"`},
		{"two labels", LabeledPair, `{"a":"q","b":"p","label":1,"score":1}`, `"score" beside "label": keep one`},
		{"a label of a triplet", Triplet, `{"a":"q","b":"p","c":"n","label":1}`, `"label": a triplet has`},
		{"half a label", LabeledPair, `{"a":"q","b":"p","label":0.5}`, `f.jsonl:1: "label" is 0.5: want 1 for a positive, 0 for a negative`},
		{"another column later", Triplet, `{"a":"q","b":"p","c":"n"}` + "\n" + `{"a":"q","b":"p","d":"n"}`, `f.jsonl:2: the row has no "c", which the first row has`},
		{"a column more", Triplet, `{"a":"q","b":"p","c":"n"}` + "\n" + `{"a":"q","b":"p","c":"n","d":1}`, `f.jsonl:2: 4 columns, and the first row has 3`},
		{"scores that were cut", Triplet, `{"a":"q","b":"p","c":"n","scores":"[1 ... 2]"}`, `"scores": "..." is no number`},
		{"too few scores", Triplet, `{"a":"q","b":"p","c":"n","scores":[1]}`, `"scores": 1 scores for a positive and 1 negatives`},
		{"scores of words", Triplet, `{"a":"q","b":"p","c":"n","scores":["x"]}`, `"scores": want a list of numbers`},
		{"too few labels", LabeledList, `{"a":"q","b":["p"],"labels":[1,0]}`, `"labels": 2 for 1 texts in "b"`},
		{"a text for a list", LabeledList, `{"a":"q","b":"p","labels":[1]}`, `"b": want a list of strings, got a string`},
		{"an empty query", Triplet, `{"a":" ","b":"p","c":"n"}`, `f.jsonl:1: "a" is empty`},
		{"a number for a text", Triplet, `{"a":"q","b":"p","c":3}`, `f.jsonl:1: "c": want a string, got a number`},
		{"no such layout", "pairs", "", "layout pairs is unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := readFile([]byte(tc.file), "f.jsonl", tc.layout); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	row := &trainingset.Row{Query: "q", Positives: passages([]string{"p"})}
	if err := writeRows(io.Discard, table.JSONL, Options{Layout: LabeledList, Scores: true}, []*trainingset.Row{row}); err == nil || !strings.Contains(err.Error(), `query "q": a passage has no score`) {
		t.Errorf("got %v", err)
	}
	if err := writeRows(io.Discard, table.JSONL, Options{Layout: "x"}, nil); err == nil {
		t.Error("an unknown layout is written")
	}
}

func TestDetect(t *testing.T) {
	for want, files := range map[Layout][]string{
		Triplet:     {`{"a":"q","b":"p","c":"n"}`, `{"a":"q","b":"p","c":"n","scores":[1,2]}`},
		NTuple:      {`{"a":"q","b":"p"}`, `{"a":"q","b":"p","c":"n","d":"n"}`},
		LabeledPair: {`{"a":"q","b":"p","label":1}`},
		LabeledList: {`{"a":"q","b":["p"],"labels":[1]}`, `{"a":"q","b":["p"],"scores":[1]}`},
		"":          {`{"a":"q"}`, `{"a":"q","b":"p","score":1}`, `{"query":"q","pos":["p"],"neg":["n"]}`},
	} {
		for _, file := range files {
			rows, err := table.NewReader(strings.NewReader(file), "f", table.JSONL)
			if err != nil {
				t.Fatal(err)
			}
			row, err := rows.NextObject()
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := Detect(row); got != want {
				t.Errorf("%s: got %q, want %q", file, got, want)
			}
		}
	}
}

// FuzzReader reads damaged files in every layout: an error that names the file, or rows that come back after writing.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"a":"q","b":"p","c":"n","scores":[1,2]}`, `{"a":"q","b":"p","label":1}` + "\n" + `{"a":"q","b":"n","label":"0"}`,
		`{"a":"q","b":["p","n"],"labels":[1,0]}`, `{"a":"q","b":["p","n"],"scores":"[1,0]"}`, `{"a":"q","b":"p","c":null}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		for _, layout := range Layouts() {
			rows, err := readFile([]byte(file), "f.jsonl", layout)
			if err != nil {
				if !strings.HasPrefix(err.Error(), "f.jsonl") {
					t.Errorf("the error does not name the file: %v", err)
				}
				continue
			}
			var out bytes.Buffer
			if err := writeRows(&out, table.JSONL, Options{Layout: layout}, rows); err != nil {
				t.Fatalf("%v of %v", err, rows)
			}
			if _, err := readFile(out.Bytes(), "g.jsonl", layout); err != nil {
				t.Errorf("%v of\n%s", err, out.String())
			}
		}
	})
}
