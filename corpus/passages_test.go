package corpus

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

func readPassages(t *testing.T, file string) *Corpus {
	t.Helper()
	c, _, err := ReadPassages(strings.NewReader(file), "corpus.jsonl", ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReadPassages(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		options    ReadOptions
		want       []Passage
		warnings   []string
	}{
		{"ids as strings and numbers", `{"id": "a", "text": "x"}` + "\n" + `{"_id": 1287.0, "text": "y", "title": "T"}`, ReadOptions{},
			[]Passage{{"a", "", "x", ""}, {"1287", "T", "y", ""}}, nil},
		{"without ids the 0-based line counts", "\xef\xbb\xbf{\"text\": \"x\"}\r\n\r\n{\"text\": \"y\"}\r\n", ReadOptions{},
			[]Passage{{"0", "", "x", ""}, {"2", "", "y", ""}}, nil},
		{"a named id field", `{"id": 1, "doc": "d", "text": "x"}`, ReadOptions{IDField: "doc"}, []Passage{{"d", "", "x", ""}}, nil},
		{"a group field", `{"text": "x", "topic": 7.0}`, ReadOptions{GroupField: "topic"}, []Passage{{"0", "", "x", "7"}}, nil},
		{"null counts as absent", `{"id": null, "title": null, "text": "x"}`, ReadOptions{}, []Passage{{"0", "", "x", ""}}, nil},
		{"both id fields, equal", `{"id": 1, "_id": "1", "text": "x"}`, ReadOptions{}, []Passage{{"1", "", "x", ""}}, nil},
		{"empty texts", `{"id":"a","text":"x"}` + "\n" + `{"id":"b","text":" "}` + "\n" + `{"id":"c","text":""}`, ReadOptions{},
			[]Passage{{"a", "", "x", ""}, {"b", "", " ", ""}, {"c", "", "", ""}}, []string{
				`corpus.jsonl:2: passage "b": empty text; it is embedded as its special tokens alone (2 such in the file)`,
				`corpus.jsonl:3: passage "c" has the text of passage "b" on line 2; they count as one for exclusion and as two for judging (1 such in the file)`}},
		{"a title alone is no empty passage", `{"title":"T","text":""}`, ReadOptions{}, []Passage{{"0", "T", "", ""}}, nil},
		{"repeated texts", `{"id":"a","text":"x"}` + "\n" + `{"id":"b","text":"x "}` + "\n" + `{"id":"c","title":"x","text":" "}`, ReadOptions{},
			[]Passage{{"a", "", "x", ""}, {"b", "", "x ", ""}, {"c", "x", " ", ""}}, []string{
				`corpus.jsonl:2: passage "b" has the text of passage "a" on line 1; they count as one for exclusion and as two for judging (2 such in the file)`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for kind, file := range map[string]string{"plain": tc.file, "gzip": gzipped(tc.file)} {
				c, warnings, err := ReadPassages(strings.NewReader(file), "corpus.jsonl", tc.options)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if diff := cmp.Diff(tc.want, c.Passages); diff != "" {
					t.Errorf("%s: %s", kind, diff)
				}
				var got []string
				for _, w := range warnings {
					got = append(got, w.String())
				}
				if diff := cmp.Diff(tc.warnings, got); diff != "" {
					t.Errorf("%s: %s", kind, diff)
				}
			}
		})
	}
}

func TestReadPassagesErrors(t *testing.T) {
	const good = `{"id": "a", "text": "x"}` + "\n"
	for _, tc := range []struct {
		name, file string
		options    ReadOptions
		want       string
	}{
		{"empty file", "", ReadOptions{}, "corpus.jsonl: no passages"},
		{"duplicate id", good + "\n" + good, ReadOptions{}, `corpus.jsonl:3: passage "a": the id is already on line 1; ids must differ`},
		{"duplicate id in two forms", `{"id": 7, "text": "x"}` + "\n" + `{"id": "7", "text": "y"}`, ReadOptions{}, `corpus.jsonl:2: passage "7": the id is already on line 1`},
		{"id missing later", good + `{"text": "y"}`, ReadOptions{}, `corpus.jsonl:2: the passage has no id but the one on line 1 has an id; give an id to all or to none`},
		{"id given later", `{"text": "y"}` + "\n" + good, ReadOptions{}, `corpus.jsonl:2: the passage has an id but the one on line 1 has no id`},
		{"no text", good + `{"id": "b", "txt": "y"}`, ReadOptions{}, `corpus.jsonl:2: the passage has no "text" (it has "id", "txt")`},
		{"text of another type", `{"text": 5}`, ReadOptions{}, `corpus.jsonl:1: "text": want a string, got a number`},
		{"title of another type", `{"text": "", "title": []}`, ReadOptions{}, `corpus.jsonl:1: "title": want a string, got a list`},
		{"named id field missing", good, ReadOptions{IDField: "doc"}, `corpus.jsonl:1: the row has no "doc", which was named as the id field (it has "id", "text")`},
		{"two ids that differ", `{"id": 1, "_id": 2, "text": "x"}`, ReadOptions{}, `corpus.jsonl:1: "id" is "1" but "_id" is "2"`},
		{"cut last line", good + `{"id": "b", "te`, ReadOptions{}, "corpus.jsonl:2: the JSON object is cut off at the end of the line, which is the last of the file: the file looks truncated"},
		{"cut line in the middle", `{"id": "b", "te` + "\n" + good, ReadOptions{}, "corpus.jsonl:1: the JSON object is cut off at the end of the line"},
		{"broken JSON", good + `{'id': 'b'}`, ReadOptions{}, `corpus.jsonl:2: broken JSON at byte 2 of the line`},
		{"not UTF-8", good + "{\"id\": \"b\", \"text\": \"caf\xe9\"}", ReadOptions{}, `corpus.jsonl:2: byte 25 of the line (offset 49 of the file) is 0xe9`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := ReadPassages(strings.NewReader(tc.file), "corpus.jsonl", tc.options)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestCorpusLookups(t *testing.T) {
	c := readPassages(t, `{"id":"10","text":"ten"}
{"id":"9","text":"nine"}
{"id":"b","title":"ten","text":""}
{"id":"B","text":"  nine "}
{"id":"é","text":"other"}`)
	if p, ok := c.ByID("b"); !ok || p != 2 || c.ID(p) != "b" {
		t.Errorf("by id: got %d, %v", p, ok)
	}
	if _, ok := c.ByID("11"); ok {
		t.Error("an id that is not there was found")
	}
	for p, want := range [][]int32{{0, 2}, {1, 3}, {0, 2}, {1, 3}, {4}} {
		if diff := cmp.Diff(want, c.SameText(int32(p))); diff != "" {
			t.Errorf("same text as %d: %s", p, diff)
		}
	}
	if diff := cmp.Diff([]int32{1, 3}, c.ByText(" nine")); diff != "" {
		t.Error(diff)
	}
	if got := c.ByText("twelve"); got != nil {
		t.Errorf("got %v", got)
	}
	// String order: "10" < "9" < "B" < "b" < "é".
	if diff := cmp.Diff(ranking.Order{0, 1, 3, 2, 4}, c.Order()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int32{0, 1, 2, 4}, c.InOrder([]int32{4, 2, 1, 0})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int32{2, 10}, readPassages(t, strings.Repeat("{\"text\":\"x\"}\n", 11)).InOrder([]int32{10, 2})); diff != "" {
		t.Errorf("without ids: %s", diff)
	}
	if again := c.Order(); &again[0] != &c.Order()[0] {
		t.Error("the order is made anew for each query that asks")
	}
	if got := readPassages(t, `{"text":"x"}`).Order(); got != nil {
		t.Errorf("a corpus without ids has the order %v, want corpus order (nil)", got)
	}
}

func TestAnswersExcluded(t *testing.T) {
	c := readPassages(t, `{"id":"a","text":"x"}
{"id":"b","text":"y"}
{"id":"c","text":"x"}
{"id":"d","text":"the query"}
{"id":"e","text":"z"}`)
	for _, tc := range []struct {
		name  string
		query Query
		want  []int32
		rows  []Query // beside it
	}{
		{"every passage with the text of a positive", Query{Text: "q", Positives: []int32{2}}, []int32{0, 2}, nil},
		{"the query itself", Query{Text: " the query", Positives: []int32{1}}, []int32{1, 3}, nil},
		{"several positives", Query{Text: "q", Positives: []int32{0, 1, 2}}, []int32{0, 1, 2}, nil},
		{"nothing", Query{Text: "q"}, nil, nil},
		{"the positives of another row of its text", Query{Text: "q", Positives: []int32{1}}, []int32{0, 1, 2}, []Query{{Text: " q\n", Positives: []int32{0}}}},
		{"not those of another text", Query{Text: "q", Positives: []int32{1}}, []int32{1}, []Query{{Text: "Q", Positives: []int32{0}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, c.AnswersOf(tc.rows, []Query{tc.query}).Excluded(tc.query)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFull(t *testing.T) {
	for _, tc := range []struct {
		name    string
		passage Passage
		want    string
	}{
		{"text alone", Passage{Text: " a\n"}, "a"},
		{"title and text", Passage{Title: "T", Text: "a "}, "T a"},
		{"title alone", Passage{Title: "T"}, "T"},
		{"Unicode white space", Passage{Text: "\u00a0\u2003a\u3000\x1f"}, "a"},
		{"zero-width space is none", Passage{Text: "\u200ba"}, "\u200ba"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.passage.Full(); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestNew(t *testing.T) {
	given := []Passage{{Text: "x"}, {Text: "y"}}
	c, err := New(given)
	if err != nil || c.ID(1) != "1" || c.givenIDs {
		t.Errorf("got %v, %v", c, err)
	}
	if given[1].ID != "" {
		t.Error("New changed its argument")
	}
	if _, err := New([]Passage{{ID: "a"}, {ID: "a"}}); err == nil {
		t.Error("a duplicate id was taken")
	}
}

func TestDigest(t *testing.T) {
	base := []Passage{{"a", "", "xy", ""}, {"b", "", "", ""}}
	same, _ := New([]Passage{{"a", "", "xy", ""}, {"b", "", "", ""}})
	c, _ := New(base)
	if c.Digest() != same.Digest() || len(c.Digest()) != 64 {
		t.Errorf("equal corpora differ: %s, %s", c.Digest(), same.Digest())
	}
	for name, other := range map[string][]Passage{
		"order":    {{"b", "", "", ""}, {"a", "", "xy", ""}},
		"text":     {{"a", "", "xz", ""}, {"b", "", "", ""}},
		"id":       {{"A", "", "xy", ""}, {"b", "", "", ""}},
		"title":    {{"a", "xy", "", ""}, {"b", "", "", ""}},
		"boundary": {{"a", "x", "y", ""}, {"b", "", "", ""}},
		"fewer":    {{"a", "", "xy", ""}},
	} {
		if o, _ := New(other); o.Digest() == c.Digest() {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

func FuzzReadPassages(f *testing.F) {
	for _, seed := range []string{
		`{"id": 1, "text": "x"}` + "\r\n\n" + `{"id": "2", "title": "t", "text": "x"}`,
		"\xef\xbb\xbf{\"text\": \"x\"}", gzipped(`{"text": ""}`), `{"text": "\ud800"}`, `{"te`, `{"id": 1e400, "text": "a"}`, "[]", "\x1f\x8b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		c, _, err := ReadPassages(strings.NewReader(string(file)), "f", ReadOptions{MaxLine: 1 << 16})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for i, p := range c.Passages {
			if found, ok := c.ByID(p.ID); !ok || int(found) != i {
				t.Errorf("passage %d has the id %q of passage %d", i, p.ID, found)
			}
		}
		c.Order()
		c.Digest()
	})
}
