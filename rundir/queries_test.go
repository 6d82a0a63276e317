package rundir_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/rundir"
)

func TestQueryScores(t *testing.T) {
	want := &rundir.QueryScores{
		Version: 1, Round: 1, Epoch: 3, Split: rundir.Dev, Convention: "trec_eval", Measures: []string{"map@25", "recall@5"},
		Queries: []rundir.QueryScore{{ID: "1_A", Group: "1", Seen: true, Frequency: 3, Words: 12, Values: []float64{0.1, 1}}, {ID: "1_<B>", Values: []float64{1.0 / 3, 0}}},
	}
	want.Queries[0], want.Queries[1] = want.Queries[1], want.Queries[0]
	var file bytes.Buffer
	if err := want.Write(&file); err != nil {
		t.Fatal(err)
	}
	const text = `{"version":1,"round":1,"epoch":3,"split":"dev","convention":"trec_eval","measures":["map@25","recall@5"]}
{"id":"1_<B>","seen":false,"frequency":0,"words":0,"values":[0.3333333333333333,0]}
{"id":"1_A","group":"1","seen":true,"frequency":3,"words":12,"values":[0.1,1]}
`
	if file.String() != text {
		t.Errorf("got %s", file.String())
	}
	got, err := rundir.ParseQueryScores(file.Bytes(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueryScoresErrors(t *testing.T) {
	const head = `{"version":1,"round":0,"epoch":0,"split":"dev","convention":"x","measures":["map"]}` + "\n"
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "x: the last line is cut short"},
		{"cut short", head + `{"id":"a"`, "x: the last line is cut short"},
		{"no JSON", "hello\n", "x:1: broken JSON at byte 1: invalid character"},
		{"newer", `{"version":2,"novelty":1}` + "\n", "x: version 2 is newer than this quarry knows (1): update quarry"},
		{"no version", "{}\n", "x: version 0, and this quarry reads 1"},
		{"strange key", head + `{"id":"a","values":[1],"rank":1}` + "\n", `x:2: unknown key "rank"`},
		{"too many values", head + `{"id":"a","values":[1,1]}` + "\n", `x:2: query "a": 2 values for 1 measures`},
		{"twice", head + `{"id":"a","values":[1]}` + "\n" + `{"id":"a","values":[1]}` + "\n", `x:3: query "a": out of order, or given twice`},
		{"negative", head + `{"id":"a","values":[-1]}` + "\n", `x:2: query "a": map is -1`},
		{"negative count", head + `{"id":"a","words":-1,"values":[1]}` + "\n", `x:2: query "a": frequency 0 and -1 words`},
		{"two values", head + `{"id":"a","values":[1]} {}` + "\n", "x:2: something follows"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := rundir.ParseQueryScores([]byte(tc.file), "x"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func FuzzParseQueryScores(f *testing.F) {
	f.Add([]byte(`{"version":1,"round":1,"epoch":3,"split":"dev","convention":"trec_eval","measures":["map@25"]}` + "\n" + `{"id":"a","values":[0.5]}` + "\n"))
	f.Add([]byte(`{"version":1}` + "\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := rundir.ParseQueryScores(content, "x.jsonl")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.jsonl:") {
				t.Errorf("%v does not name its file", err)
			}
			return
		}
		var again bytes.Buffer
		if err := s.Write(&again); err != nil {
			t.Fatal(err)
		}
		back, err := rundir.ParseQueryScores(again.Bytes(), "again")
		if err != nil || len(back.Queries) != len(s.Queries) {
			t.Errorf("%v, %d of %d queries", err, len(back.Queries), len(s.Queries))
		}
	})
}
