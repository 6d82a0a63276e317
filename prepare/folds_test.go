package prepare

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
)

// answers is invented queries: three to a question, positives with a long tail as the competition's have.
func answers(questions int, tail float64) []corpus.Query {
	source := draw.New(3, "test", 0, 0, fmt.Sprint(questions, tail))
	var queries []corpus.Query
	for q := range questions {
		for a := range 1 + source.IntN(3) {
			positive := int32(source.IntN(20))
			if source.Float64() < tail {
				positive = int32(1000 + len(queries)) // nobody else has it
			} else if source.Float64() < 0.4 {
				positive = int32(100 + source.IntN(questions/2)) // two or so have it
			}
			id := fmt.Sprintf("%d_%d", q, a)
			queries = append(queries, corpus.Query{ID: id, Key: id, Text: "answer " + id, Group: fmt.Sprint(q), Positives: []int32{positive}})
		}
	}
	return queries
}

func share(v float64) *float64 { return &v }

// checkFolds holds what is true of all folds.
func checkFolds(t *testing.T, queries []corpus.Query, f Folds, o FoldOptions) {
	t.Helper()
	held := make([]int, len(queries))
	for i, rows := range f.Dev {
		groups := map[string]bool{}
		inDev := map[int]bool{}
		for _, row := range rows {
			held[row]++
			groups[queries[row].Group] = true
			inDev[row] = true
		}
		trained := map[int32]bool{}
		for row, q := range queries {
			if inDev[row] {
				continue
			}
			if groups[q.Group] {
				t.Fatalf("fold %d: question %s is in train and dev", i, q.Group)
			}
			trained[q.Positives[0]] = true
		}
		unseen := 0
		for _, row := range rows {
			if !trained[queries[row].Positives[0]] {
				unseen++
			}
		}
		if f.Parts[i].Unseen != unseen || f.Parts[i].Dev != len(rows) || f.Parts[i].Train != len(queries)-len(rows) || f.Parts[i].Units != len(groups) {
			t.Errorf("fold %d: %+v, counted %d unseen of %d in %d groups", i, f.Parts[i], unseen, len(rows), len(groups))
		}
		if o.UnseenShare != nil {
			if got := float64(unseen) / float64(len(rows)); math.Abs(got-*o.UnseenShare) > 0.05 {
				t.Errorf("fold %d: %.3f of its dev are unseen, want %.2f", i, got, *o.UnseenShare)
			}
		}
	}
	for _, row := range f.Train {
		held[row]++
	}
	for row, n := range held {
		if n != 1 {
			t.Fatalf("query %s is held out %d times", queries[row].Key, n)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		name  string
		tail  float64
		share *float64
		all   bool // every query is in some dev
	}{
		{"as the data has it", 0.2, nil, true},
		{"more than the data has", 0.05, share(0.25), true},
		{"fewer than the data has", 0.4, share(0.2), false},
		{"none", 0.1, share(0), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			queries := answers(400, tc.tail)
			o := FoldOptions{Folds: 5, UnseenShare: tc.share, Seed: 42}
			f, err := Cut(t.Context(), queries, o)
			if err != nil {
				t.Fatal(err)
			}
			checkFolds(t, queries, f, o)
			if (len(f.Train) == 0) != tc.all {
				t.Errorf("%d queries stay in train", len(f.Train))
			}
			sizes := []int{f.Parts[0].Dev}
			for _, part := range f.Parts {
				sizes = append(sizes, part.Dev)
			}
			if least, most := slices.Min(sizes), slices.Max(sizes); most-least > 10 {
				t.Errorf("folds of %v queries", sizes)
			}
			// Turned around, every query is where it was; under another seed it is not.
			turned := slices.Clone(queries)
			slices.Reverse(turned)
			again, err := Cut(t.Context(), turned, o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range f.Dev {
				if a, b := keysOf(queries, f.Dev[i]), keysOf(turned, again.Dev[i]); a != b {
					t.Fatalf("fold %d depends on the order of the file:\n%s\n%s", i, a, b)
				}
			}
			o.Seed = 43
			other, err := Cut(t.Context(), queries, o)
			if err != nil || keysOf(queries, f.Dev[0]) == keysOf(queries, other.Dev[0]) {
				t.Errorf("another seed cuts the same folds: %v", err)
			}
		})
	}
}

// TestMissed: folds near the share are left alone, others are told with the numbers of all and of the two farthest.
func TestMissed(t *testing.T) {
	part := func(dev, unseen int) FoldPart { return FoldPart{Train: 100, Dev: dev, Unseen: unseen} }
	for _, tc := range []struct {
		name   string
		wanted float64
		parts  []FoldPart
		want   string // how the sentence begins; empty is none
	}{
		{"met", 0.25, []FoldPart{part(100, 25), part(100, 25)}, ""},
		{"by one query of few", 0.25, []FoldPart{part(10, 2), part(10, 3)}, ""},
		{"one fold by two of few", 0.25, []FoldPart{part(8, 4), part(8, 2), part(8, 2)}, "25.0 % of the dev queries were to be unseen, and 33.3 % are (from 25.0 % in fold 1 to 50.0 % in fold 0)"},
		{"folds that even out", 0.25, []FoldPart{part(100, 32), part(100, 18)}, "25.0 % of the dev queries were to be unseen, and 25.0 % are (from 18.0 % in fold 1 to 32.0 % in fold 0)"},
		{"all of them by a little", 0.25, []FoldPart{part(1000, 270), part(1000, 271)}, "25.0 % of the dev queries were to be unseen, and 27.1 % are (from 27.0 % in fold 0 to 27.1 % in fold 1)"},
		{"none to be had", 0.5, []FoldPart{part(50, 0), part(50, 0)}, "50.0 % of the dev queries were to be unseen, and 0.0 % are"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Folds{Parts: tc.parts}.Missed(tc.wanted)
			if (tc.want == "") != (got == "") || !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	// Of real cuts: one that the data allows, and one that it does not, for each query is alone with its group and positive's.
	queries := answers(400, 0.1)
	met, err := Cut(t.Context(), queries, FoldOptions{Folds: 5, UnseenShare: share(0.25), Seed: 42})
	if err != nil || met.Missed(0.25) != "" || math.Abs(met.Unseen()-0.25) > 0.01 {
		t.Errorf("%v: %q, %v", err, met.Missed(0.25), met.Unseen())
	}
	for i := range queries {
		queries[i].Positives = []int32{0} // one answer to all: it can be in no fold alone
	}
	missed, err := Cut(t.Context(), queries, FoldOptions{Folds: 5, UnseenShare: share(0.25), Seed: 42})
	if err != nil || !strings.Contains(missed.Missed(0.25), "and 0.0 % are") {
		t.Errorf("%v: %q", err, missed.Missed(0.25))
	}
}

func keysOf(queries []corpus.Query, rows []int) string {
	var keys []string
	for _, row := range rows {
		keys = append(keys, queries[row].Key)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

func TestCutErrors(t *testing.T) {
	queries := answers(3, 0)
	for _, tc := range []struct {
		name    string
		queries []corpus.Query
		o       FoldOptions
		want    string
	}{
		{"one fold", queries, FoldOptions{Folds: 1}, "folds: 1, want 2 or more"},
		{"share", queries, FoldOptions{Folds: 2, UnseenShare: share(1.5)}, "unseen share: 1.5 is not from 0 to 1"},
		{"too many", queries, FoldOptions{Folds: 1_000_000_000}, " queries: each holds one out at least: make fewer folds"},
		{"more folds than groups", queries, FoldOptions{Folds: 4}, "make fewer folds"},
		{"no queries", nil, FoldOptions{Folds: 2}, "2 folds of 0 queries"},
		{"nothing is seen by others", answers(5, 1), FoldOptions{Folds: 2, UnseenShare: share(0)}, "or ask for another unseen share"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Cut(t.Context(), tc.queries, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}
