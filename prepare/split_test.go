package prepare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/draw"
)

// table of n questions with one to three labelled answers; misconceptions have a long tail, as the real ones have.
func synthetic(n int) (train, misconceptions string) {
	source := draw.New(3, draw.Split, 0, 0, "synthetic")
	var b strings.Builder
	b.WriteString(header)
	for q := range n {
		ids := [3]string{}
		for i := range 1 + source.IntN(3) {
			rank := math.Pow(float64(n), source.Float64()) // log-uniform
			ids[i] = fmt.Sprint(int(rank))
		}
		text := fmt.Sprintf("Question number %d", q)
		if q%50 == 1 {
			text = fmt.Sprintf("Question  number %d ", q-1) // the question before it, under another id
		}
		fmt.Fprintf(&b, "%d,%d,Hint,%d,Subject,A,%s,right,b,c,d,,%s,%s,%s\n", q, q%7, q%3, text, ids[0], ids[1], ids[2])
	}
	var m strings.Builder
	m.WriteString("MisconceptionId,MisconceptionName\n")
	for id := range n + 1 {
		fmt.Fprintf(&m, "%d,Misconception %d\n", id, id)
	}
	return b.String(), m.String()
}

// syntheticQueries reads the table back.
func syntheticQueries(t *testing.T, train, misconceptions string) []query {
	t.Helper()
	m, err := readMisconceptions(t.Context(), input("mapping.csv", misconceptions))
	if err != nil {
		t.Fatal(err)
	}
	questions, err := readQuestions(t.Context(), input("train.csv", train), m)
	if err != nil {
		t.Fatal(err)
	}
	return judged(questions, m)
}

func TestSplitMeetsShares(t *testing.T) {
	train, misconceptions := synthetic(600)
	queries := syntheticQueries(t, train, misconceptions)
	for _, o := range []Options{
		{Seed: 1, DevShare: 0.2, UnseenShare: 0.25},
		{Seed: 2, DevShare: 0.2, TestShare: 0.1, UnseenShare: 0.25},
		{Seed: 3, DevShare: 0.1, TestShare: 0.1, UnseenShare: 0},
		{Seed: 4, DevShare: 0.3, TestShare: 0.2, UnseenShare: 0.1},
		{Seed: 5, DevShare: 0.1, UnseenShare: 0.4},
	} {
		t.Run(fmt.Sprintf("dev %v test %v unseen %v", o.DevShare, o.TestShare, o.UnseenShare), func(t *testing.T) {
			s := split(queries, o)
			if err := s.check(o); err != nil {
				t.Fatal(err)
			}
			r := s.report(0, 0)
			if got := r.Train.Queries + r.Dev.Queries + r.Test.Queries; got != len(queries) {
				t.Errorf("%d queries in the splits, want %d", got, len(queries))
			}
			near := func(name string, p Part, share float64) {
				want, unseen := share*float64(len(queries)), o.UnseenShare*share*float64(len(queries))
				if got := float64(p.Queries); math.Abs(got-want) > 3 {
					t.Errorf("%s has %v queries, want about %v", name, got, want)
				}
				if got := float64(p.Unseen); math.Abs(got-unseen) > 3 {
					t.Errorf("%s has %v unseen queries, want about %v", name, got, unseen)
				}
			}
			near("dev", r.Dev, o.DevShare)
			near("test", r.Test, o.TestShare)
			if r.Train.Unseen != 0 {
				t.Errorf("train has %d queries that train lacks", r.Train.Unseen)
			}
			checkApart(t, s)
		})
	}
}

// checkApart sees that no question, and no text of a question, lies in two splits.
func checkApart(t *testing.T, s splits) {
	t.Helper()
	where := map[string]string{}
	for name, queries := range map[string][]query{"train": s.train, "dev": s.dev, "test": s.test} {
		for _, q := range queries {
			for _, key := range []string{"id " + q.question, "text " + q.group} {
				if other, known := where[key]; known && other != name {
					t.Errorf("question %s is in %s and %s", key, other, name)
				}
				where[key] = name
			}
		}
	}
}

func TestSplitIgnoresFileOrder(t *testing.T) {
	train, misconceptions := synthetic(300)
	o := Options{Seed: 6, DevShare: 0.2, TestShare: 0.1, UnseenShare: 0.2}
	ids := func(train string) (parts [3][]string) {
		s := split(syntheticQueries(t, train, misconceptions), o)
		for i, queries := range [][]query{s.train, s.dev, s.test} {
			for _, q := range queries {
				parts[i] = append(parts[i], q.id)
			}
			slices.Sort(parts[i])
		}
		return parts
	}
	lines := strings.SplitAfter(strings.TrimPrefix(train, header), "\n")
	slices.Reverse(lines)
	want := ids(train)
	if diff := cmp.Diff(want, ids(header+strings.Join(lines, ""))); diff != "" {
		t.Errorf("reversed file (-as it was +reversed):\n%s", diff)
	}
	o.Seed = 7
	if cmp.Equal(want, ids(train)) {
		t.Error("another seed gives the same split")
	}
}

func TestExamplesComeFromTrain(t *testing.T) {
	train, misconceptions := synthetic(300)
	s := split(syntheticQueries(t, train, misconceptions), Options{Seed: 6, DevShare: 0.2, TestShare: 0.1, UnseenShare: 0.2})
	pairs := map[string]bool{}
	for _, e := range examplesOf(s.train, 6) {
		if !slices.ContainsFunc(s.train, func(q query) bool { return q.id == e.id }) {
			t.Errorf("example %s is no train query", e.id)
		}
		for _, q := range append(slices.Clone(s.dev), s.test...) {
			if q.text == e.text || q.group == e.group {
				t.Errorf("example %s shows the held-out question of %s", e.id, q.id)
			}
		}
		if pair := e.subject + "/" + e.construct; pairs[pair] {
			t.Errorf("two examples for %s", pair)
		} else {
			pairs[pair] = true
		}
	}
	for _, q := range s.train {
		if !pairs[q.subject+"/"+q.construct] {
			t.Errorf("no example for %s/%s", q.subject, q.construct)
		}
	}
}
