package mine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/ranking"
)

// ten is a query whose ten hits are passages 0 to 9 with scores 1.0, 0.9, … 0.1; passages 2 (0.8) and 5 (0.5) answer it.
func ten() ranking.Candidates {
	c := ranking.Candidates{Query: "q"}
	for p := range 10 {
		c.Hits = append(c.Hits, ranking.Hit{Passage: int32(p), Score: float32(10-p) / 10})
	}
	c.Positives = []ranking.Positive{{Passage: 2, Score: c.Hits[2].Score, Rank: 2}, {Passage: 5, Score: c.Hits[5].Score, Rank: 5}}
	return c
}

// numbered is a corpus of 400 passages that differ in text; their groups are a, b and c in turn.
var numbered = sync.OnceValue(func() *corpus.Corpus {
	passages := make([]corpus.Passage, 400)
	for i := range passages {
		passages[i] = corpus.Passage{ID: fmt.Sprintf("p%03d", i), Text: fmt.Sprintf("passage number %d", i), Group: string("abc"[i%3])}
	}
	c, err := corpus.New(passages)
	if err != nil {
		panic(err) // The ids are different and none is empty.
	}
	return c
})

// mineOne mines one query.
func mineOne(c ranking.Candidates, excluded []int32, round int, o Options) (Result, error) {
	results, err := mineAll(round, o, Query{Candidates: c, Excluded: excluded})
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

func mineAll(round int, o Options, queries ...Query) ([]Result, error) {
	m, err := New(o, round, numbered())
	if err != nil {
		return nil, err
	}
	return m.Mine(context.Background(), queries)
}

func passagesOf(r Result) []int32 {
	passages := []int32{}
	for _, n := range r.Negatives {
		passages = append(passages, n.Passage)
	}
	return passages
}

func TestRules(t *testing.T) {
	all := Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top}
	for _, tc := range []struct {
		name     string
		change   func(o *Options)
		excluded []int32
		want     []int32
		dropped  Dropped
	}{
		{"positives out", func(*Options) {}, nil, []int32{0, 1, 3, 4, 6, 7, 8, 9}, Dropped{Positive: 2}},
		{"excluded out", func(*Options) {}, []int32{2, 3, 77}, []int32{0, 1, 4, 6, 7, 8, 9}, Dropped{Positive: 2, Excluded: 1}},
		{"raw window: positives use slots", func(o *Options) { o.Window = Window{1, 4} }, nil, []int32{1, 3}, Dropped{Window: 7, Positive: 1}},
		{"survivors: the window counts what is left", func(o *Options) { o.Window, o.Survivors = Window{1, 4}, true }, nil, []int32{1, 3, 4}, Dropped{Window: 5, Positive: 2}},
		{"survivors after a margin", func(o *Options) { o.Window, o.Survivors, o.Margin = Window{1, 3}, true, number(0) }, nil, []int32{7, 8}, Dropped{Window: 2, Positive: 2, Margin: 4}},
		{"window beyond the hits", func(o *Options) { o.Window = Window{8, 100} }, nil, []int32{8, 9}, Dropped{Window: 8}},
		{"margin 0: only what is above the lowest positive", func(o *Options) { o.Margin = number(0) }, nil, []int32{6, 7, 8, 9}, Dropped{Positive: 2, Margin: 4}},
		{"margin", func(o *Options) { o.Margin = number(0.15) }, nil, []int32{7, 8, 9}, Dropped{Positive: 2, Margin: 5}},
		{"negative margin lets some above", func(o *Options) { o.Margin = number(-0.35) }, nil, []int32{3, 4, 6, 7, 8, 9}, Dropped{Positive: 2, Margin: 2}},
		{"relative margin", func(o *Options) { o.RelativeMargin = number(0.5) }, nil, []int32{8, 9}, Dropped{Positive: 2, RelativeMargin: 6}}, // above 0.25
		{"max score", func(o *Options) { o.MaxScore = number(0.65) }, nil, []int32{4, 6, 7, 8, 9}, Dropped{Positive: 2, MaxScore: 3}},
		{"min score", func(o *Options) { o.MinScore = number(0.35) }, nil, []int32{0, 1, 3, 4, 6}, Dropped{Positive: 2, MinScore: 3}},
		{"the first rule counts", func(o *Options) { o.Margin, o.MaxScore, o.MinScore = number(0), number(0.35), number(0.15) }, nil, []int32{7, 8}, Dropped{Positive: 2, Margin: 4, MaxScore: 1, MinScore: 1}},
		{"top keeps the best", func(o *Options) { o.Negatives = 3 }, nil, []int32{0, 1, 3}, Dropped{Positive: 2}},
		{"nothing left", func(o *Options) { o.MaxScore = number(-1) }, nil, []int32{}, Dropped{Positive: 2, MaxScore: 8}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := all
			o.Window.To, o.Negatives = 10, 10
			tc.change(&o)
			o.Negatives = min(o.Negatives, o.Window.Len())
			got, err := mineOne(ten(), tc.excluded, 0, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, passagesOf(got)); diff != "" {
				t.Errorf("negatives, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.dropped, got.Dropped); diff != "" {
				t.Errorf("dropped, -want +got:\n%s", diff)
			}
			d := got.Dropped
			if sum := d.Window + d.Positive + d.Excluded + d.Margin + d.RelativeMargin + d.MaxScore + d.MinScore; sum+got.Eligible != 10 {
				t.Errorf("%d dropped and %d eligible are not 10 hits", sum, got.Eligible)
			}
			for _, n := range got.Negatives {
				if n.Rank != n.Passage || n.Score != ten().Hits[n.Rank].Score || n.PositiveScore != 0.5 {
					t.Errorf("provenance of %d: %+v", n.Passage, n)
				}
			}
		})
	}
}

// TestRelativeMarginOfNegativeScores: at p = -0.4, half of |p| is 0.2, so only what scores above -0.6 is dropped.
// p*(1-margin), the usual formula, would be -0.2 and keep everything between.
func TestRelativeMarginOfNegativeScores(t *testing.T) {
	c := ranking.Candidates{
		Query:     "q",
		Hits:      ranking.Ranking{{Passage: 0, Score: -0.3}, {Passage: 1, Score: -0.4}, {Passage: 2, Score: -0.5}, {Passage: 3, Score: -0.7}},
		Positives: []ranking.Positive{{Passage: 1, Score: -0.4, Rank: 1}},
	}
	got, err := mineOne(c, nil, 0, Options{Window: Window{0, 4}, Negatives: 4, Sampling: Top, RelativeMargin: number(0.5)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{3}, passagesOf(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNegativesErrors(t *testing.T) {
	nan := float32(math.NaN())
	change := func(f func(c *ranking.Candidates)) ranking.Candidates {
		c := ten()
		f(&c)
		return c
	}
	for _, tc := range []struct {
		name     string
		c        ranking.Candidates
		excluded []int32
		o        Options
		want     string
	}{
		{"bad options", ten(), nil, Options{}, "is empty"},
		{"no positives", change(func(c *ranking.Candidates) { c.Positives = nil }), nil, DefaultOptions(), `query "q": no positives`},
		{"unsorted hits", change(func(c *ranking.Candidates) { c.Hits[3].Score = 2 }), nil, DefaultOptions(), `query "q": its hits are not sorted by score: rank 3`},
		{"hit NaN", change(func(c *ranking.Candidates) { c.Hits[9].Score = nan }), nil, DefaultOptions(), "rank 9 has NaN"},
		{"positive NaN", change(func(c *ranking.Candidates) { c.Positives[1].Score = nan }), nil, DefaultOptions(), "the score of positive 5 is not a number"},
		{"excluded unsorted", ten(), []int32{4, 3}, DefaultOptions(), "excluded passages are not sorted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := mineOne(tc.c, tc.excluded, 0, tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not contain %q", err, tc.want)
			}
		})
	}
	_, err := mineOne(ranking.Candidates{}, nil, 0, DefaultOptions())
	if !errors.Is(err, ErrNoPositives) {
		t.Errorf("%v is not ErrNoPositives", err)
	}
}

// drawn makes the candidates of one query out of a corpus of 400, with scores of either sign that often tie.
func drawn(query string) (ranking.Candidates, []int32) {
	source := draw.New(9, "test", 0, 0, query)
	hits := make(ranking.Ranking, 400)
	for p := range hits {
		hits[p] = ranking.Hit{Passage: int32(p), Score: float32(source.IntN(100)-40) / 50}
	}
	ranking.Order(nil).Sort(hits)
	c := ranking.Candidates{Query: query, Hits: hits[:250]}
	for _, rank := range source.Sample(400, 1+source.IntN(4)) {
		c.Positives = append(c.Positives, ranking.Positive{Passage: hits[rank].Passage, Score: hits[rank].Score, Rank: int32(rank)})
	}
	var excluded []int32
	for _, p := range source.Sample(400, 5) {
		excluded = append(excluded, int32(p))
	}
	slices.Sort(excluded)
	return c, excluded
}

func TestNoPositiveOrExcludedAmongNegatives(t *testing.T) {
	for i := range 200 {
		c, excluded := drawn(fmt.Sprint(i))
		o := DefaultOptions()
		o.Survivors = i%2 == 0
		if i%3 == 0 {
			o.Margin = number(0)
		}
		got, err := mineOne(c, excluded, 0, o)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(o.Negatives, got.Eligible); len(got.Negatives) != want {
			t.Errorf("query %d: %d negatives out of %d, want %d", i, len(got.Negatives), got.Eligible, want)
		}
		for j, n := range got.Negatives {
			if slices.ContainsFunc(c.Positives, func(p ranking.Positive) bool { return p.Passage == n.Passage }) || slices.Contains(excluded, n.Passage) {
				t.Errorf("query %d: passage %d must not be a negative", i, n.Passage)
			}
			if j > 0 && got.Negatives[j-1].Rank >= n.Rank {
				t.Errorf("query %d: ranks do not ascend", i)
			}
			if c.Hits[n.Rank].Passage != n.Passage || !o.Survivors && !o.Window.Contains(int(n.Rank)) {
				t.Errorf("query %d: %+v is not in the window", i, n)
			}
		}
	}
}

// TestDrawKey: the draw depends on seed, round and query key, and on nothing else: not on what was mined before.
func TestDrawKey(t *testing.T) {
	mined := func(query string, round int, seed uint64) []int32 {
		c, excluded := drawn("same candidates")
		c.Query = query
		o := DefaultOptions()
		o.Seed = seed
		r, err := mineOne(c, excluded, round, o)
		if err != nil {
			t.Fatal(err)
		}
		return passagesOf(r)
	}
	first := mined("a", 0, 42)
	others := [][]int32{mined("b", 0, 42), mined("a", 1, 42), mined("a", 0, 43)}
	if again := mined("a", 0, 42); !slices.Equal(first, again) {
		t.Errorf("the same key draws %v, then %v", first, again)
	}
	for i, other := range others {
		if slices.Equal(first, other) {
			t.Errorf("another key (%d) draws the same", i)
		}
	}
}

// TestSamplingIsFair: over many queries, each of 20 eligible candidates is drawn about equally often.
func TestSamplingIsFair(t *testing.T) {
	c := ranking.Candidates{Positives: []ranking.Positive{{Passage: 99, Score: 1, Rank: 0}}}
	for p := range 20 {
		c.Hits = append(c.Hits, ranking.Hit{Passage: int32(p), Score: 0.5})
	}
	const queries, negatives = 4000, 5
	counts := make([]int, 20)
	for i := range queries {
		c.Query = fmt.Sprint(i)
		r, err := mineOne(c, nil, 0, Options{Window: Window{0, 20}, Negatives: negatives, Sampling: Uniform})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range r.Negatives {
			counts[n.Passage]++
		}
	}
	// Each count is binomial(4000, 1/4): 1000 with a standard deviation of 27; 5 of them is one chance in a million.
	for p, n := range counts {
		if n < 1000-137 || n > 1000+137 {
			t.Errorf("passage %d was drawn %d times, want about 1000", p, n)
		}
	}
}

// eligible is the set before sampling.
func eligible(t *testing.T, c ranking.Candidates, excluded []int32, o Options) []int32 {
	t.Helper()
	o.Sampling, o.Negatives = Top, o.Window.Len()
	r, err := mineOne(c, excluded, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	return passagesOf(r)
}

// TestEligibleSetsNest: each tightening of a raw-rank window, a margin or a score limit leaves a subset.
func TestEligibleSetsNest(t *testing.T) {
	wide := Options{Window: Window{0, 250}}
	tightenings := map[string]func(o *Options, step float64){
		"window end":      func(o *Options, s float64) { o.Window.To = 250 - int(100*s) },
		"window start":    func(o *Options, s float64) { o.Window.From = int(100 * s) },
		"margin":          func(o *Options, s float64) { o.Margin = number(s - 0.5) },
		"relative margin": func(o *Options, s float64) { o.RelativeMargin = number(s - 0.5) },
		"max score":       func(o *Options, s float64) { o.MaxScore = number(1 - s) },
		"min score":       func(o *Options, s float64) { o.MinScore = number(s - 1) },
		"positive share":  func(o *Options, s float64) { o.ShareOfPositive = number(1.5 - s) },
		"near text":       func(o *Options, s float64) { o.NearText = number(1 - s/2) },
	}
	for name, tighten := range tightenings {
		t.Run(name, func(t *testing.T) {
			for i := range 30 {
				c, excluded := drawn(fmt.Sprint(i))
				before := eligible(t, c, excluded, wide)
				for step := 0.0; step <= 1.5; step += 0.25 {
					o := wide
					tighten(&o, step)
					after := eligible(t, c, excluded, o)
					for _, p := range after {
						if !slices.Contains(before, p) {
							t.Errorf("query %d, step %v: passage %d appears", i, step, p)
						}
					}
					before = after
				}
			}
		})
	}
}

// TestMarginZeroDropsExactlyWhatIsAbove, and an absent margin changes nothing.
func TestMarginZeroDropsExactlyWhatIsAbove(t *testing.T) {
	for i := range 100 {
		c, excluded := drawn(fmt.Sprint(i))
		o := Options{Window: Window{0, 250}}
		without := eligible(t, c, excluded, o)
		lowest := float32(math.Inf(1))
		for _, p := range c.Positives {
			lowest = min(lowest, p.Score)
		}
		want := []int32{}
		for _, h := range c.Hits {
			if h.Score <= lowest && slices.Contains(without, h.Passage) {
				want = append(want, h.Passage)
			}
		}
		o.Margin = number(0)
		if diff := cmp.Diff(want, eligible(t, c, excluded, o)); diff != "" {
			t.Errorf("query %d, margin 0, -want +got:\n%s", i, diff)
		}
		o.Margin, o.RelativeMargin = nil, number(0)
		if diff := cmp.Diff(want, eligible(t, c, excluded, o)); diff != "" {
			t.Errorf("query %d, relative margin 0, -want +got:\n%s", i, diff)
		}
		o.RelativeMargin, o.ShareOfPositive = nil, number(1)
		if diff := cmp.Diff(want, eligible(t, c, excluded, o)); diff != "" {
			t.Errorf("query %d, all of the positive's score, -want +got:\n%s", i, diff)
		}
	}
}

// TestVerdicts: what people struck from a query's negatives is none of them, wherever it comes from, and counts as a rule.
func TestVerdicts(t *testing.T) {
	all := Options{Window: Window{0, 10}, Negatives: 10, Sampling: Top, Verdicts: true}
	for _, tc := range []struct {
		name    string
		change  func(o *Options, q *Query)
		want    []int32
		dropped Dropped
	}{
		{"none struck", func(*Options, *Query) {}, []int32{0, 1, 3, 4, 6, 7, 8, 9}, Dropped{Positive: 2}},
		{"mined", func(_ *Options, q *Query) { q.Struck = []int32{0, 7, 300} }, []int32{1, 3, 4, 6, 8, 9}, Dropped{Positive: 2, Verdict: 2}},
		{"a positive stays one", func(_ *Options, q *Query) { q.Struck = []int32{2} }, []int32{0, 1, 3, 4, 6, 7, 8, 9}, Dropped{Positive: 2}},
		{"before every other rule of texts and scores", func(o *Options, q *Query) { q.Struck, o.MaxScore = []int32{0}, number(0.95) }, []int32{1, 3, 4, 6, 7, 8, 9}, Dropped{Positive: 2, Verdict: 1}},
		{"given", func(o *Options, q *Query) {
			o.Given, o.Negatives, q.Given, q.Struck = Keep, 2, []int32{7, 9, 8}, []int32{7}
		}, []int32{8, 9}, Dropped{Positive: 2, Verdict: 1}},
		{"kept", func(o *Options, q *Query) {
			o.Kept, q.Last, q.Struck, o.Negatives = 1, []int32{300, 301}, []int32{301}, 1
		}, []int32{300}, Dropped{Positive: 2}},
		{"survivors close ranks", func(o *Options, q *Query) {
			o.Survivors, o.Window, o.Negatives, q.Struck = true, Window{0, 3}, 3, []int32{1}
		}, []int32{0, 3, 4}, Dropped{Positive: 2, Verdict: 1, Window: 4}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, q := all, Query{Candidates: ten()}
			tc.change(&o, &q)
			results, err := mineAll(0, o, q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, passagesOf(results[0])); diff != "" {
				t.Errorf("negatives, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.dropped, results[0].Dropped); diff != "" {
				t.Errorf("dropped, -want +got:\n%s", diff)
			}
		})
	}
	t.Run("random", func(t *testing.T) {
		struck := []int32{}
		for p := range int32(399) {
			struck = append(struck, p)
		}
		results, err := mineAll(0, Options{Window: Window{0, 10}, Negatives: 3, Sampling: Uniform, Random: 1, Verdicts: true}, Query{Candidates: ten(), Struck: struck})
		if err != nil || !slices.Equal(passagesOf(results[0]), []int32{399}) {
			t.Errorf("got %v, %v", results, err)
		}
	})
	t.Run("the trail has the rule", func(t *testing.T) {
		m, err := New(all, 0, numbered())
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"window 0-10", "positive", "excluded", "verdict", "repeated_text", "sampling top"}
		if got := m.Trail(Negative{From: Mined}); !slices.Equal(got, want) || !slices.Equal(all.Rules(), want) {
			t.Errorf("trail %v, rules %v", got, all.Rules())
		}
		if got := m.Trail(Negative{From: FromGiven, Rank: -1}); !slices.Equal(got, []string{"positive", "excluded", "verdict", "given"}) {
			t.Errorf("trail of a given one %v", got)
		}
	})
	t.Run("struck without the option", func(t *testing.T) {
		o := all
		o.Verdicts = false
		if _, err := mineAll(0, o, Query{Candidates: ten(), Struck: []int32{1}}); err == nil || !strings.Contains(err.Error(), "verdicts") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a struck negative that would not be drawn leaves the draw of the others", func(t *testing.T) {
		o := all
		o.Sampling, o.Negatives = ByRank, 3
		before, err := mineAll(0, o, Query{Candidates: ten()})
		if err != nil {
			t.Fatal(err)
		}
		for p := range int32(10) {
			if slices.Contains(passagesOf(before[0]), p) {
				continue
			}
			after, err := mineAll(0, o, Query{Candidates: ten(), Struck: []int32{p}})
			if err != nil || !slices.Equal(passagesOf(after[0]), passagesOf(before[0])) {
				t.Errorf("struck %d: %v, before %v (%v)", p, after, before, err)
			}
		}
	})
}
