package review

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/ranking"
)

// Passages 1 and 3 have one text; queries "a" and "b" too.
func texts(t *testing.T) (*corpus.Corpus, []corpus.Query) {
	t.Helper()
	c, err := corpus.New([]corpus.Passage{{ID: "p0", Text: "zero"}, {ID: "p1", Text: "one"}, {ID: "p2", Text: "two"}, {ID: "p3", Text: " one "}, {ID: "p4", Text: "which one"}})
	if err != nil {
		t.Fatal(err)
	}
	return c, []corpus.Query{
		{Key: "a", Text: "which", Positives: []int32{0}}, {Key: "b", Text: " which\n", Positives: []int32{2}}, {Key: "c", Text: "which one", Positives: []int32{0}},
	}
}

func said(kind verdicts.Kind, query, passage string) verdicts.Verdict {
	return verdicts.Verdict{Verdict: kind, Query: "key", QueryText: query, Passage: "id", PassageText: passage}
}

func TestOf(t *testing.T) {
	c, queries := texts(t)
	for _, tc := range []struct {
		name      string
		said      []verdicts.Verdict
		positives [][]int32 // of a, b and c
		struck    [][]int32
		stale     int
		effect    string // which digests there are
	}{
		{"nothing", nil, [][]int32{{0}, {2}, {0}}, [][]int32{nil, nil, nil}, 0, ""},
		{"a promotion holds for every row of the text and every passage of the text", []verdicts.Verdict{said(verdicts.Promote, "which ", "one\n")},
			[][]int32{{0, 1, 3}, {1, 2, 3}, {0}}, [][]int32{nil, nil, nil}, 0, "p"},
		{"a drop too", []verdicts.Verdict{said(verdicts.Drop, "which", "one")}, [][]int32{{0}, {2}, {0}}, [][]int32{{1, 3}, {1, 3}, nil}, 0, "d"},
		{"keep says nothing to mining", []verdicts.Verdict{said(verdicts.Keep, "which", "one")}, [][]int32{{0}, {2}, {0}}, [][]int32{nil, nil, nil}, 0, ""},
		{"the last verdict counts", []verdicts.Verdict{said(verdicts.Drop, "which", "one"), said(verdicts.Promote, "which", "one"), said(verdicts.Open, "which", "one")},
			[][]int32{{0}, {2}, {0}}, [][]int32{nil, nil, nil}, 0, ""},
		{"what another row's positive is needs no promotion", []verdicts.Verdict{said(verdicts.Promote, "which", "two"), said(verdicts.Drop, "which", "zero")},
			[][]int32{{0}, {2}, {0}}, [][]int32{nil, nil, nil}, 0, ""},
		{"the query's own text never becomes a negative anyway", []verdicts.Verdict{said(verdicts.Drop, "which one", "which one")}, [][]int32{{0}, {2}, {0}}, [][]int32{nil, nil, nil}, 0, ""},
		{"stale ones judge nothing", []verdicts.Verdict{said(verdicts.Drop, "whither", "one"), said(verdicts.Promote, "which", "eleven"), said(verdicts.Keep, "whither", "eleven"), said(verdicts.Drop, "which one", "two")},
			[][]int32{{0}, {2}, {0}}, [][]int32{nil, nil, {2}}, 3, "d"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Of(tc.said, c, queries)
			judged := v.Queries(queries)
			for i, q := range judged {
				if q.Key != queries[i].Key {
					t.Errorf("query %d has another key", i)
				}
				if diff := cmp.Diff(tc.positives[i], q.Positives); diff != "" {
					t.Errorf("positives of %s, -want +got:\n%s", q.Key, diff)
				}
				if diff := cmp.Diff(tc.struck[i], v.Struck(q)); diff != "" {
					t.Errorf("struck of %s, -want +got:\n%s", q.Key, diff)
				}
			}
			if len(v.Stale) != tc.stale || v.Counts.Stale != tc.stale {
				t.Errorf("stale: %v, counted %d", v.Stale, v.Counts.Stale)
			}
			effect := ""
			if v.Promotions().Digest != "" {
				effect += "p"
			}
			if v.Drops().Digest != "" {
				effect += "d"
			}
			if effect != tc.effect {
				t.Errorf("digests of %q, want %q", effect, tc.effect)
			}
		})
	}
	if queries[0].Positives[0] != 0 || len(queries[0].Positives) != 1 {
		t.Error("the queries that were given changed")
	}
}

// TestDigestsTellEffectsAlone: order, ids, times and verdicts without an effect do not change them, another pair does.
func TestDigestsTellEffectsAlone(t *testing.T) {
	c, queries := texts(t)
	one := []verdicts.Verdict{said(verdicts.Drop, "which", "one"), said(verdicts.Drop, "which one", "two"), said(verdicts.Promote, "which one", "one")}
	other := slices.Clone(one)
	slices.Reverse(other)
	other[0].Query, other[1].At, other[2].Round = "k", "2026-01-02T03:04:05Z", 3
	other = append(other, said(verdicts.Keep, "which", "which one"), said(verdicts.Drop, "gone", "one"))
	if got := Of(one, c, queries); got.Drops().Pairs != 2 || got.Promotions().Pairs != 1 {
		t.Errorf("pairs: %+v, %+v", got.Drops(), got.Promotions())
	}
	a, b := Of(one, c, queries), Of(other, c, queries)
	if a.Drops() != b.Drops() || a.Promotions() != b.Promotions() {
		t.Error("digests differ")
	}
	if less := Of(one[1:], c, queries); less.Drops() == a.Drops() || less.Promotions() != a.Promotions() {
		t.Error("one drop less must change the digest of drops, and no other")
	}
}

func TestStaleOnesAreNamed(t *testing.T) {
	c, queries := texts(t)
	all := []verdicts.Verdict{said(verdicts.Drop, "whither", "one"), said(verdicts.Promote, "which", "eleven"), said(verdicts.Keep, "whither", "eleven")}
	for i := range 9 {
		all = append(all, said(verdicts.Drop, "more", strings.Repeat("x", i+1)))
	}
	want := `10 drop, 1 promote, 1 keep; 12 of them judge nothing
  drop: no query has the text of query "key" ("whither")
  promote of query "key" ("which"): no passage has the text of passage "id" ("eleven")
  keep: no query has the text of query "key" ("whither"), and no passage that of passage "id" ("eleven")
`
	got := Of(all, c, queries).String()
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\n  and 2 more") || strings.Count(got, "\n") != 11 {
		t.Errorf("got\n%s", got)
	}
}

// TestCandidates: what was promoted after the search stands where the hits have it, in every source.
func TestCandidates(t *testing.T) {
	c, queries := texts(t)
	v := Of([]verdicts.Verdict{said(verdicts.Promote, "which", "one")}, c, queries)
	hits := ranking.Ranking{{Passage: 4, Score: 4}, {Passage: 3, Score: 3}, {Passage: 0, Score: 2}}
	before := ranking.Candidates{
		Query: "a", Hits: hits, Positives: []ranking.Positive{{Passage: 0, Score: 2, Rank: 2}},
		Sources: []ranking.Ranked{{Hits: ranking.Ranking{{Passage: 1, Score: 9}}, Positives: []ranking.Positive{{Passage: 0, Score: 1, Rank: 7}}}},
	}
	want := ranking.Candidates{
		Query: "a", Hits: hits, Positives: []ranking.Positive{{Passage: 3, Score: 3, Rank: 1}, {Passage: 0, Score: 2, Rank: 2}, {Passage: 1, Rank: -1}},
		Sources: []ranking.Ranked{{Hits: before.Sources[0].Hits, Positives: []ranking.Positive{{Passage: 1, Score: 9, Rank: 0}, {Passage: 0, Score: 1, Rank: 7}, {Passage: 3, Rank: -1}}}},
	}
	got := v.Candidates(queries[0], before)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, v.Candidates(queries[0], got)); diff != "" {
		t.Errorf("once more, -want +got:\n%s", diff)
	}
	if len(before.Positives) != 1 || len(before.Sources[0].Positives) != 1 {
		t.Error("the candidates that were given changed")
	}
	if diff := cmp.Diff(before, v.Candidates(queries[2], before)); diff != "" {
		t.Errorf("of a query of which nothing was said:\n%s", diff)
	}
}

func TestNoVerdictsSayNothing(t *testing.T) {
	_, queries := texts(t)
	var none *Verdicts
	if got := none.Queries(queries); &got[0] != &queries[0] || none.Struck(queries[0]) != nil || none.Promoted(queries[0]) != nil || none.Drops() != none.Promotions() || none.Drops() != (Effect{}) {
		t.Error("nil verdicts say something")
	}
}

// TestTablesLoseLineEnds: a queue as a table comes back with other line ends in its texts. They are found by key and id, and are one pair
// with what was said of the same texts before.
func TestTablesLoseLineEnds(t *testing.T) {
	c, err := corpus.New([]corpus.Passage{{ID: "p0", Text: "zero"}, {ID: "p1", Text: "first\r\nsecond"}, {ID: "p2", Text: "old\rmac"}})
	if err != nil {
		t.Fatal(err)
	}
	queries := []corpus.Query{{Key: "a", Text: "which\r\none", Positives: []int32{0}}}
	asked := func(passage int, key, id string) verdicts.Suspect {
		v := verdicts.Verdict{Verdict: verdicts.Drop, Query: key, QueryText: queries[0].Text, Passage: id, PassageText: c.Passages[passage].Full()}
		return verdicts.Suspect{Verdict: v, Evidence: verdicts.Evidence{Positives: []verdicts.Positive{}, Reasons: []string{}}}
	}
	for _, tc := range []struct {
		name  string
		queue []verdicts.Suspect
		want  []int32
	}{
		{"by key and id", []verdicts.Suspect{asked(1, "a", "p1"), asked(2, "a", "p2")}, []int32{1, 2}},
		{"another id", []verdicts.Suspect{asked(1, "a", "p2")}, nil},
		{"another key", []verdicts.Suspect{asked(1, "b", "p1")}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var table strings.Builder
			if err := verdicts.WriteQueue(&table, verdicts.CSV, tc.queue); err != nil {
				t.Fatal(err)
			}
			all, err := verdicts.Read(strings.NewReader(table.String()), "queue.csv")
			if err != nil {
				t.Fatal(err)
			}
			v := Of(all, c, queries)
			if diff := cmp.Diff(tc.want, v.Struck(queries[0])); diff != "" || v.Counts.Stale != len(tc.queue)-len(tc.want) {
				t.Errorf("%+v, -want +got:\n%s", v.Counts, diff)
			}
			before := tc.queue[0].Verdict
			before.Verdict = verdicts.Promote
			if v := Of(append([]verdicts.Verdict{before}, all...), c, queries); tc.want != nil && v.Promoted(queries[0]) != nil {
				t.Error("a verdict of the table leaves the one before it standing")
			}
		})
	}
}
