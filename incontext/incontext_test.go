package incontext

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
)

const (
	passages = `{"id":"a","text":"adds"}
{"id":"b","text":"doubles"}
{"id":"c","text":"rounds"}
{"id":"d","text":"adds"}
`
	queries = `{"id":"q1","query":"1 + 1","correct_id":"a","construct":1,"subject":"s"}
{"id":"q2","query":"half of 2","correct_id":"b","construct":2,"subject":"s"}
`
	examples = `{"query":"2 + 2","response":"rounds","query_id":"t1","construct":1,"subject":"s"}
{"query":"3 + 3","response":"sums","query_id":"t2","construct":"2","subject":"t"}
{"query":"half of 6","response":"doubles","query_id":"t3","construct":3,"subject":"s"}
{"query":" 1 + 1 ","response":"sums","query_id":"t4","construct":1,"subject":"s"}
{"query":"4 + 4","response":"adds","query_id":"t5","construct":9,"subject":"u"}
{"query":"5 + 5","response":"sums","query_id":"q2","construct":9,"subject":"u"}
`
)

func read(t *testing.T, text string) ([]Example, []corpus.Query, *corpus.Corpus) {
	t.Helper()
	by := []string{"construct", "subject"}
	c, _, err := corpus.ReadPassages(strings.NewReader(passages), "corpus.jsonl", corpus.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	q, _, err := corpus.ReadQueries(strings.NewReader(queries), "dev.jsonl", c, corpus.ReadOptions{Fields: by})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Read(strings.NewReader(text), "examples.jsonl", by)
	if err != nil {
		t.Fatal(err)
	}
	return e, q, c
}

// lines are the lines of the file whose examples a query is shown.
func lines(c Choice, query int) []int {
	var shown []int
	for _, i := range c.Shown[query] {
		shown = append(shown, c.Examples[i].Line)
	}
	return shown
}

func TestFixedExamplesAreTheSameForAll(t *testing.T) {
	e, q, c := read(t, examples)
	choice, err := Choose(e, q, c, c.AnswersOf(q), Options{Count: 2, Seed: 7, PassOver: true})
	if err != nil {
		t.Fatal(err)
	}
	got := lines(choice, 0)
	slices.Sort(got)
	// 3 and 5 answer a query (5 by an equal text), 4 and 6 are one; what is left may be shown.
	if diff := cmp.Diff([]int{1, 2}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(choice.Of(0), choice.Of(1)); diff != "" {
		t.Errorf("two queries are shown different examples: %s", diff)
	}
}

func TestExamplesByField(t *testing.T) {
	e, q, c := read(t, examples)
	choice, err := Choose(e, q, c, c.AnswersOf(q), Options{Count: 2, Seed: 7, By: []string{"construct", "subject"}, PassOver: true})
	if err != nil {
		t.Fatal(err)
	}
	// q1: line 1 has its construct, line 4 too but is the query; line 3 has its subject. q2: line 2 has its construct, 1 or 4
	// its subject.
	if diff := cmp.Diff([]int{1, 3}, lines(choice, 0)); diff != "" {
		t.Errorf("q1: %s", diff)
	}
	if got := lines(choice, 1); got[0] != 2 || got[1] != 1 && got[1] != 4 {
		t.Errorf("q2: %v", got)
	}
}

// TestExamplesOneByOne: without fields, too, an example that leaks to one query may stand before another.
func TestExamplesOneByOne(t *testing.T) {
	e, q, c := read(t, strings.Join(strings.Split(strings.TrimSpace(examples), "\n")[2:4], "\n"))
	choice, err := Choose(e, q, c, c.AnswersOf(q), Options{Count: 1, Seed: 7, PassOver: true, OneByOne: true})
	if err != nil {
		t.Fatal(err)
	}
	// Line 1 has the answer of q2, line 2 is q1.
	if got := [][]int{lines(choice, 0), lines(choice, 1)}; !cmp.Equal(got, [][]int{{1}, {2}}) {
		t.Errorf("shown are lines %v", got)
	}
	_, err = Choose(e[:1], q, c, c.AnswersOf(q), Options{Count: 1, Seed: 7, PassOver: true, OneByOne: true})
	if err == nil || !strings.HasPrefix(err.Error(), "dev.jsonl:2: 1 in-context examples are to be shown, but there are 0") {
		t.Errorf("got %v", err)
	}
}

func TestTheDrawDependsOnSeedAndTextsAlone(t *testing.T) {
	rows := make([]string, 20)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"query":"x %d","response":"y %d","construct":1,"subject":1}`, i, i)
	}
	shownOf := func(rows []string, seed uint64) string {
		e, q, c := read(t, strings.Join(rows, "\n"))
		choice, err := Choose(e, q, c, c.AnswersOf(q), Options{Count: 3, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(choice.Of(0))
	}
	first := shownOf(rows, 1)
	reversed := slices.Clone(rows)
	slices.Reverse(reversed)
	if got := shownOf(reversed, 1); got != first {
		t.Errorf("another order of the file: %s, not %s", got, first)
	}
	if shownOf(rows, 2) == first {
		t.Error("another seed draws the same examples")
	}
}

func TestLeaksAndTooFewAreErrors(t *testing.T) {
	all := strings.Split(strings.TrimSpace(examples), "\n")
	for _, tc := range []struct {
		name string
		rows []string
		o    Options
		want string
	}{
		{"the query's text", all[3:4], Options{Count: 1}, `line 1 is query "q1" (line 1)`},
		{"the query's id", all[5:6], Options{Count: 1}, `line 1 is query "q2" (line 2)`},
		{"an answer", all[2:3], Options{Count: 1}, `line 1 has an answer of query "q2"`},
		{"the text of an answer under another id", all[4:5], Options{Count: 1}, `has an answer of query "q1"`},
		{"too few", all[:1], Options{Count: 2}, "2 in-context examples are to be shown, but there are 1"},
		{"too few are left", all[2:], Options{Count: 1, PassOver: true}, "but there are 0"},
		{"by field", all[3:4], Options{Count: 1, By: []string{"construct"}}, `is query "q1"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, q, c := read(t, strings.Join(tc.rows, "\n"))
			if _, err := Choose(e, q, c, c.AnswersOf(q), tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "\n", "examples.jsonl: no examples"},
		{"no response", `{"query":"x"}`, `examples.jsonl:1: no "response"`},
		{"empty query", `{"query":"","response":"x"}`, `"query" is empty`},
		{"not text", `{"query":[1],"response":"x"}`, `examples.jsonl:1: "query"`},
		{"no field", `{"query":"x","response":"y","subject":1}`, `no "construct", by which examples are chosen`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tc.text), "examples.jsonl", []string{"construct"})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(examples)
	f.Add(`{"query":"x","response":"y","construct":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		read, err := Read(strings.NewReader(text), "f", []string{"construct"})
		for _, e := range read {
			if err == nil && (e.Query == "" || e.Response == "" || e.Line == 0) {
				t.Errorf("read %+v of %q", e, text)
			}
		}
	})
}
