package corpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const smallCorpus = `{"id":"1287","text":"adds the numerators"}
{"id":"7","text":"subtracts the smaller digit"}
{"id":"8","text":"subtracts the smaller digit"}
{"id":"9","title":"Order","text":"ignores brackets"}
`

func TestReadQueries(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		options    ReadOptions
		want       []Query
		warnings   []string
	}{
		{"positive by text", `{"query":"q","pos":["adds the numerators "],"neg":["n"],"prompt":"P"}`, ReadOptions{},
			[]Query{{Text: "q", Positives: []int32{0}, Negatives: []string{"n"}, Prompt: "P", Line: 1}}, nil},
		{"positive by number", `{"text":"q","correct_id":1287.0}`, ReadOptions{}, []Query{{Text: "q", Positives: []int32{0}, Line: 1}}, nil},
		{"positives by list, sorted, without repeats", "\n" + `{"query":"q","positive_ids":["9",7,"7"]}`, ReadOptions{},
			[]Query{{Text: "q", Positives: []int32{1, 3}, Line: 2}}, nil},
		{"ids judge, texts agree", `{"query":"q","correct_id":"8","pos":["subtracts the smaller digit"]}`, ReadOptions{},
			[]Query{{Text: "q", Positives: []int32{2}, Line: 1}}, nil},
		{"texts alone judge", `{"query":"q","correct_id":"of another corpus","pos":["adds the numerators"]}`, ReadOptions{ByTexts: true}, []Query{{Text: "q", Positives: []int32{0}, Line: 1}}, nil},
		{"text with title", `{"query":"q","pos":["Order ignores brackets"]}`, ReadOptions{}, []Query{{Text: "q", Positives: []int32{3}, Line: 1}}, nil},
		{"a text of two passages judges both", `{"query":"q","pos":["subtracts the smaller digit"]}` + "\n" + `{"query":"r","pos":["subtracts the smaller digit"]}`, ReadOptions{},
			[]Query{{Text: "q", Positives: []int32{1, 2}, Line: 1}, {Text: "r", Positives: []int32{1, 2}, Line: 2}},
			[]string{`queries.jsonl:1: the "pos" text is that of passage "7" ("subtracts the smaller digit") and passage "8" ("subtracts the smaller digit"); all of them judge it (2 such queries in the file)`}},
		{"a negative that is a positive", `{"query":"q","correct_id":1287,"neg":["adds the numerators"]}`, ReadOptions{},
			[]Query{{Text: "q", Positives: []int32{0}, Negatives: []string{"adds the numerators"}, Line: 1}},
			[]string{`queries.jsonl:1: "neg" holds a text that is also a positive: "adds the numerators" (1 such queries in the file)`}},
		{"ids and groups by named fields", `{"query":"q","question_id_answer":"2_A","question_id":2,"correct_id":9}`, ReadOptions{IDField: "question_id_answer", GroupField: "question_id"},
			[]Query{{ID: "2_A", Key: "2_A", Text: "q", Positives: []int32{3}, Group: "2", Line: 1}}, nil},
		{"unjudged queries when allowed", `{"_id":"1","text":"q"}` + "\n" + `{"_id":"2","query":"q","pos":[]}`, ReadOptions{AllowUnjudged: true},
			[]Query{{ID: "1", Key: "1", Text: "q", Line: 1}, {ID: "2", Key: "2", Text: "q", Line: 2}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, warnings, err := ReadQueries(strings.NewReader(tc.file), "queries.jsonl", readPassages(t, smallCorpus), tc.options)
			if err != nil {
				t.Fatal(err)
			}
			for i, q := range got {
				if q.Place() != fmt.Sprintf("queries.jsonl:%d", q.Line) {
					t.Errorf("query %d stands at %s", i, q.Place())
				}
				got[i].File = ""
				if q.ID == "" && len(q.Key) != 32 {
					t.Errorf("query %d: the key %q is no digest", i, q.Key)
				}
				if q.ID == "" {
					got[i].Key = ""
				}
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			var texts []string
			for _, w := range warnings {
				texts = append(texts, w.String())
			}
			if diff := cmp.Diff(tc.warnings, texts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadQueriesErrors(t *testing.T) {
	const good = `{"query":"good","correct_id":9}` + "\n"
	for _, tc := range []struct {
		name, file string
		options    ReadOptions
		want       string
	}{
		{"empty file", "\n\n", ReadOptions{}, "queries.jsonl: no queries"},
		{"empty query", good + `{"query":" \n","correct_id":9}`, ReadOptions{}, "queries.jsonl:2: empty query"},
		{"no query", `{"question":"q"}`, ReadOptions{}, `queries.jsonl:1: the row has neither "query" nor "text" (it has "question")`},
		{"a triplet", `{"anchor":"q","positive":"p","negative":"n"}`, ReadOptions{}, `nor "text" (it has "anchor", "positive", "negative"); these are columns of sentence-transformers: convert them with: quarry convert --input queries.jsonl --to flagembedding --out rows.jsonl`},
		{"a triplet with a query", `{"query":"q","positive":"p","negative":"n"}`, ReadOptions{}, `(it has "query", "positive", "negative"); these are columns of sentence-transformers: convert them`},
		{"a labelled pair", `{"anchor":"q","document":"p","label":1}`, ReadOptions{}, `quarry convert --input queries.jsonl`},
		{"query and text differ", `{"query":"q","text":"r"}`, ReadOptions{}, `queries.jsonl:1: "query" and "text" differ`},
		{"no positives", good + `{"query":"q","pos":[]}`, ReadOptions{}, `queries.jsonl:2: no positives: give "pos" texts, "correct_id" or "positive_ids" (it has "query", "pos")`},
		{"queries of a BEIR folder", `{"_id":"q","text":"x"}`, ReadOptions{}, `(it has "_id", "text"); if their judgments stand apart, as in a BEIR folder, join them with: quarry convert --data . --to quarry --out FOLDER`},
		{"no texts where they alone judge", `{"query":"q","correct_id":9,"pos":[]}`, ReadOptions{ByTexts: true}, `queries.jsonl:1: no positives: give "pos" texts (it has "query", "correct_id", "pos")`},
		{"id not in the corpus", good + `{"query":"q","correct_id":1286}`, ReadOptions{}, `queries.jsonl:2: "correct_id": the corpus has no passage "1286"; the nearest id is "1287"`},
		{"text not in the corpus", `{"query":"q","pos":["adds the numerator"]}`, ReadOptions{}, `queries.jsonl:1: "pos"[0] is not in the corpus: "adds the numerator"; the nearest is passage "1287" ("adds the numerators"), which differs at character 19`},
		{"text like nothing in the corpus", `{"query":"q","pos":["zzz"]}`, ReadOptions{}, `queries.jsonl:1: "pos"[0] is not in the corpus: "zzz"`},
		{"empty positive", `{"query":"q","pos":[""]}`, ReadOptions{}, `queries.jsonl:1: "pos"[0] is empty`},
		{"text against id", `{"query":"q","correct_id":7,"pos":["adds the numerators"]}`, ReadOptions{}, `queries.jsonl:1: "pos"[0] is "adds the numerators" but the ids name passage "7" ("subtracts the smaller digit"); the ids judge`},
		{"id without its text", `{"query":"q","positive_ids":[7,9],"pos":["Order ignores brackets"]}`, ReadOptions{}, `queries.jsonl:1: the ids name passage "7" ("subtracts the smaller digit") but "pos" lacks its text`},
		{"pos as text", `{"query":"q","pos":"adds the numerators"}`, ReadOptions{}, `queries.jsonl:1: "pos": want a list of strings, got a string`},
		{"pos of numbers", `{"query":"q","pos":[1]}`, ReadOptions{}, `queries.jsonl:1: "pos": [0]: want a string, got a number`},
		{"id of another type", `{"query":"q","correct_id":{}}`, ReadOptions{}, `queries.jsonl:1: "correct_id": want a string or a number as id, got an object`},
		{"neg of another type", `{"query":"q","correct_id":9,"neg":{}}`, ReadOptions{}, `queries.jsonl:1: "neg": want a list of strings, got an object`},
		{"prompt of another type", `{"query":"q","correct_id":9,"prompt":3}`, ReadOptions{}, `queries.jsonl:1: "prompt": want a string, got a number`},
		{"group missing", good, ReadOptions{GroupField: "question_id"}, `queries.jsonl:1: the row has no "question_id", which was named as the group field (it has "query", "correct_id")`},
		{"duplicate id", `{"id":1,"query":"q","correct_id":9}` + "\n" + `{"id":1,"query":"r","correct_id":9}`, ReadOptions{}, `queries.jsonl:2: query "1": the id is already on line 1`},
		{"ids for some", `{"id":1,"query":"q","correct_id":9}` + "\n" + good, ReadOptions{}, `queries.jsonl:2: the query has no id but the one on line 1 has an id`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := ReadQueries(strings.NewReader(tc.file), "queries.jsonl", readPassages(t, smallCorpus), tc.options)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestIDsOfACorpusWithoutIDsAreLines(t *testing.T) {
	c := readPassages(t, `{"text":"a"}`+"\n"+`{"text":"b"}`)
	queries, _, err := ReadQueries(strings.NewReader(`{"query":"q","correct_id":1}`), "queries.jsonl", c, ReadOptions{})
	if err != nil || !slices.Equal(queries[0].Positives, []int32{1}) {
		t.Errorf("got %v, %v", queries, err)
	}
	_, _, err = ReadQueries(strings.NewReader(`{"query":"q","correct_id":2}`), "queries.jsonl", c, ReadOptions{})
	if want := `the corpus has no passage "2"; its passages have no ids, so their 0-based lines count (0 to 1)`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestQueriesWithoutACorpus(t *testing.T) {
	queries, _, err := ReadQueries(strings.NewReader(`{"text":"q","pos":["unknown"]}`), "queries.jsonl", nil, ReadOptions{})
	if err != nil || len(queries) != 1 || queries[0].Positives != nil || queries[0].Key == "" {
		t.Errorf("got %v, %v", queries, err)
	}
}

// keysByText reads queries and returns the sorted keys of each text.
func keysByText(t *testing.T, c *Corpus, rows []string) map[string][]string {
	t.Helper()
	queries, _, err := ReadQueries(strings.NewReader(strings.Join(rows, "\n")), "queries.jsonl", c, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keys, seen := map[string][]string{}, map[string]bool{}
	for _, q := range queries {
		if seen[q.Key] {
			t.Errorf("two queries share the key %s", q.Key)
		}
		seen[q.Key] = true
		label := q.Text + "/" + q.Prompt
		keys[label] = append(keys[label], q.Key)
	}
	for _, k := range keys {
		slices.Sort(k)
	}
	return keys
}

func TestKeysDoNotDependOnFileOrder(t *testing.T) {
	rows := []string{
		`{"query":"q","correct_id":9}`, `{"query":"q","correct_id":9}`, `{"query":"q","correct_id":7}`, `{"query":"q","correct_id":8}`,
		`{"query":"r","positive_ids":[9,7]}`, `{"query":"r2","positive_ids":[7,9]}`,
		`{"query":"s","correct_id":9,"prompt":"A"}`, `{"query":"s","correct_id":9,"prompt":"B"}`,
	}
	c := readPassages(t, smallCorpus)
	want := keysByText(t, c, rows)
	reversed := slices.Clone(rows)
	slices.Reverse(reversed)
	if diff := cmp.Diff(want, keysByText(t, c, reversed)); diff != "" {
		t.Errorf("reversed rows have other keys: %s", diff)
	}
	lines := strings.Split(strings.TrimSpace(smallCorpus), "\n")
	slices.Reverse(lines)
	if diff := cmp.Diff(want, keysByText(t, readPassages(t, strings.Join(lines, "\n")), rows)); diff != "" {
		t.Errorf("a reversed corpus makes other keys: %s", diff)
	}
	if diff := cmp.Diff(want["r/"], keysByText(t, c, rows[4:5])["r/"]); diff != "" {
		t.Errorf("other queries change a key: %s", diff)
	}
}

func TestKeysWithoutPassageIDsDoNotDependOnCorpusOrder(t *testing.T) {
	rows := []string{`{"query":"q","pos":["b"]}`, `{"query":"q","pos":["c","a"]}`}
	want := keysByText(t, readPassages(t, `{"text":"a"}`+"\n"+`{"text":"b"}`+"\n"+`{"text":"c"}`), rows)
	got := keysByText(t, readPassages(t, `{"text":"c"}`+"\n"+`{"text":"a"}`+"\n"+`{"text":"b"}`), rows)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A key outlives this program: negatives of earlier versions are replayed by it.
func TestKeyIsStable(t *testing.T) {
	queries, _, err := ReadQueries(strings.NewReader(`{"query":"q","correct_id":9}`), "queries.jsonl", readPassages(t, smallCorpus), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// python3: H(b) = sha256(b).hexdigest(); S(s) = <u64 length> + s;
	// H(S(H(S("q") + <u64 1> + S("9"))) + <u64 0>)[:32]
	if want := "e39de9bc8d754777233cef0d1f8c2694"; queries[0].Key != want {
		t.Errorf("got %s, want %s", queries[0].Key, want)
	}
}

// Keys of rows read one by one are those of rows read together, where the corpus has no ids.
func TestKeysOneByOne(t *testing.T) {
	c := readPassages(t, `{"text":"a"}`+"\n"+`{"text":"b"}`)
	queries, _, err := ReadQueries(strings.NewReader(`{"query":"q","pos":["b","a"]}`+"\n"+`{"query":"q","pos":["a","b"]}`+"\n"+`{"query":"r","pos":["a"]}`), "queries.jsonl", c, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keys := NewKeys()
	for i, positives := range [][]string{{"b", "a"}, {"a", "b"}, {"a"}} {
		if got := keys.Of(queries[i].Text, positives); got != queries[i].Key {
			t.Errorf("row %d: got %s, want %s", i, got, queries[i].Key)
		}
	}
}

func TestLeaks(t *testing.T) {
	train := []Query{{Key: "a", Text: "x", Group: "1", Line: 1}, {Key: "b", Text: "y", Group: "2", Line: 2}, {Key: "c", Text: "y", Line: 3}}
	for _, tc := range []struct {
		name string
		dev  []Query
		want []Leak
	}{
		{"none", []Query{{Key: "d", Text: "z", Group: "3", Line: 1}}, nil},
		{"the same query", []Query{{Key: "a", Text: "x", Group: "1", Line: 7}}, []Leak{{LeakKey, "a", 1, 7}, {LeakText, "x", 1, 7}, {LeakGroup, "1", 1, 7}}},
		{"the same text", []Query{{Key: "d", Text: " y\n", Group: "9", Line: 7}}, []Leak{{LeakText, "y", 2, 7}}},
		{"the same group", []Query{{Key: "d", Text: "z", Group: "2", Line: 7}}, []Leak{{LeakGroup, "2", 2, 7}}},
		{"no group is no group", []Query{{Key: "d", Text: "z", Line: 7}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Leaks(train, tc.dev)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzReadQueries(f *testing.F) {
	for _, seed := range []string{
		`{"query":"q","pos":["adds the numerators"],"neg":["x"]}`, `{"text":"q","correct_id":1287.0}`, `{"query":"q","positive_ids":[7,"8"]}`,
		`{"query":"q","pos":["subtracts the smaller digit"],"correct_id":7}`, `{"query":"","pos":[]}`, `{"query":"q","pos":[null]}`, "{",
	} {
		f.Add([]byte(seed))
	}
	c, _, err := ReadPassages(strings.NewReader(smallCorpus), "corpus.jsonl", ReadOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		queries, _, err := ReadQueries(strings.NewReader(string(file)), "f", c, ReadOptions{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		keys := map[string]bool{}
		for _, q := range queries {
			if keys[q.Key] || q.Key == "" {
				t.Errorf("the key %q is empty or repeated", q.Key)
			}
			keys[q.Key] = true
			if len(q.Positives) == 0 || !slices.IsSorted(q.Positives) {
				t.Errorf("positives %v", q.Positives)
			}
			for _, p := range q.Positives {
				if !slices.Contains(c.AnswersOf(queries).Excluded(q), p) {
					t.Errorf("the positive %d may become a negative", p)
				}
			}
		}
	})
}
