package drift_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/drift"
	"github.com/quarry-ml/quarry/ranking"
)

// side ranks passages by scores that fall from 1 in steps of 0.1, its positives being those named.
func side(query string, negatives []int32, positives []int32, hits ...int32) drift.Side {
	s := drift.Side{Candidates: ranking.Candidates{Query: query}, Negatives: negatives}
	for rank, p := range hits {
		hit := ranking.Hit{Passage: p, Score: 1 - 0.125*float32(rank)}
		s.Hits = append(s.Hits, hit)
		if slices.Contains(positives, p) {
			s.Positives = append(s.Positives, ranking.Positive{Passage: p, Score: hit.Score, Rank: int32(rank)})
		}
	}
	return s
}

func report(t *testing.T, o drift.Options, pairs ...[2]drift.Side) drift.Report {
	t.Helper()
	c, err := drift.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		if err := c.Add(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Report()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Two queries by hand. The first's positive (9) rises from rank 3 to 1, one of its two negatives (1) stays and the other (2) is
// gone; the second's (8) falls from 1 to 4, so that three passages of the window score above it.
func TestByHand(t *testing.T) {
	o := drift.Options{From: 1, To: 4, Near: 0.2, Allowed: 0.1}
	r := report(t, o,
		[2]drift.Side{side("a", []int32{1, 3}, []int32{9}, 0, 1, 9, 2), side("a", []int32{1}, []int32{9}, 9, 1, 3, 4)},
		[2]drift.Side{side("b", []int32{2}, []int32{8}, 8, 5, 6, 7), side("b", []int32{0, 1}, []int32{8}, 6, 5, 7, 8)},
	)
	want := drift.Report{
		Queries:   2,
		Positives: drift.Positives{Rose: 1, Fell: 1, First: drift.Pair{0.5, 0.5}, Median: drift.Pair{2, 2.5}, Score: &drift.Pair{(0.75 + 1) / 2, (1 + 0.625) / 2}},
		Window: drift.Window{
			From: 1, To: 4,
			// Before: a has passages 1, 2 at 0.875, 0.625 and b 5, 6, 7 at 0.875, 0.75, 0.625. After: a has 1, 3, 4 and b 5, 7.
			Score:   &drift.Pair{(0.875 + 0.625 + 0.875 + 0.75 + 0.625) / 5, (0.875 + 0.75 + 0.625 + 0.875 + 0.75) / 5},
			Gap:     &drift.Pair{(-0.125 + 0.125 + 0.125 + 0.25 + 0.375) / 5, (0.125 + 0.25 + 0.375 - 0.25 - 0.125) / 5},
			Above:   &drift.Pair{1. / 5, 2. / 5},
			Near:    &drift.Pair{1. / 5, 2. / 5},
			Warning: "40.0 % of the window's passages score like the weakest positive or above it, and may answer the query",
			// At rank 4 stands a's 4, far below its positive.
			Suggested: "3-4", SuggestedNear: new(float64),
		},
		Negatives: drift.Negatives{
			Before: 3, After: 3, Both: 2, Overlap: number(2. / 3), Lost: 1, // both: a's 1 and b's 6
			Above: count(1), Near: count(1), // b's 6, now first
			Median: &drift.Pair{3, 2}, // before 2, 4 and 3; after 2, 5 (beyond the last) and 1
		},
		// Of a's later 9, 1, 3, 4 the earlier round has 9 and 1; of b's all four.
		Candidates: (2. + 4) / 8,
		Moves:      []drift.Move{{Query: "b", From: 1, To: 4}, {Query: "a", From: 3, To: 1}},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })
	r.Window.Spread = nil // is held by a property below
	if diff := cmp.Diff(want, r, near); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func number(v float64) *float64 { return &v }
func count(n int) *int          { return &n }

// drawn are queries of both rounds with drawn rankings.
func drawn(n int) [][2]drift.Side {
	source := draw.New(3, "drift test", 0, 0, "rankings")
	one := func(key string) drift.Side {
		hits := make([]int32, 12)
		for i := range hits {
			hits[i] = int32(i)
		}
		for i := range hits {
			j := i + source.IntN(len(hits)-i)
			hits[i], hits[j] = hits[j], hits[i]
		}
		return side(key, []int32{int32(source.IntN(6)), 6 + int32(source.IntN(6))}, []int32{0, 1}, hits...)
	}
	var all [][2]drift.Side
	for i := range n {
		key := strings.Repeat("q", i%3) + string(rune('a'+i))
		all = append(all, [2]drift.Side{one(key), one(key)})
	}
	return all
}

func TestProperties(t *testing.T) {
	o := drift.Options{From: 2, To: 9, Near: 0.05, Allowed: 0.05}
	pairs := drawn(20)
	r := report(t, o, pairs...)
	t.Run("the order of queries does not matter", func(t *testing.T) {
		slices.Reverse(pairs)
		if diff := cmp.Diff(r, report(t, o, pairs...)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a round beside itself has not changed", func(t *testing.T) {
		var same [][2]drift.Side
		for _, p := range pairs {
			same = append(same, [2]drift.Side{p[1], p[1]})
		}
		s := report(t, o, same...)
		if s.Positives.Same != s.Queries || s.Candidates != 1 || *s.Negatives.Overlap != 1 || s.Negatives.Lost != 0 || len(s.Moves) != 0 {
			t.Errorf("%+v", s)
		}
		for _, p := range []*drift.Pair{s.Window.Score, s.Window.Spread, s.Window.Gap, s.Window.Above, s.Window.Near, s.Positives.Score, s.Negatives.Median} {
			if p[0] != p[1] {
				t.Errorf("%v and %v of one round", p[0], p[1])
			}
		}
	})
	t.Run("the other way round", func(t *testing.T) {
		var swapped [][2]drift.Side
		for _, p := range pairs {
			swapped = append(swapped, [2]drift.Side{p[1], p[0]})
		}
		s := report(t, o, swapped...)
		if s.Positives.Rose != r.Positives.Fell || s.Positives.Fell != r.Positives.Rose || s.Window.Near[0] != r.Window.Near[1] || s.Negatives.Both != r.Negatives.Both || s.Window.Spread[1] != r.Window.Spread[0] {
			t.Errorf("%+v\n%+v", r, s)
		}
	})
	t.Run("more are near a longer way off", func(t *testing.T) {
		wider := o
		wider.Near = 0.5
		if s := report(t, wider, pairs...); s.Window.Near[1] <= r.Window.Near[1] || s.Window.Above[1] != r.Window.Above[1] {
			t.Errorf("near %v, then %v", *r.Window.Near, *s.Window.Near)
		}
	})
	t.Run("ranks are no scores", func(t *testing.T) {
		fused := o
		fused.Ranks = true
		s := report(t, fused, pairs...)
		if s.Window.Score != nil || s.Window.Near != nil || s.Positives.Score != nil || s.Negatives.Above != nil || s.Window.Warning != "" {
			t.Errorf("%+v", s)
		}
	})
	t.Run("scores of two scales", func(t *testing.T) {
		scaled := o
		scaled.Scales = true
		s := report(t, scaled, pairs...)
		if s.Window.Score != nil || s.Window.Spread != nil || s.Window.Gap != nil || s.Positives.Score != nil {
			t.Errorf("how scores moved is told: %+v", s)
		}
		if *s.Window.Near != *r.Window.Near || *s.Window.Above != *r.Window.Above || s.Window.Warning != r.Window.Warning || *s.Negatives.Above != *r.Negatives.Above {
			t.Errorf("what each round's own scores say: %+v, want %+v", s.Window, r.Window)
		}
	})
	t.Run("queries that say nothing are counted", func(t *testing.T) {
		s := report(t, o, append(slices.Clone(pairs), [2]drift.Side{side("without", nil, nil, 0, 1), side("without", nil, nil, 1, 0)})...)
		if s.Left != 1 || r.Left != 0 || s.Queries != r.Queries {
			t.Errorf("%d queries, %d left out", s.Queries, s.Left)
		}
	})
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name          string
		before, after drift.Side
		want          string
	}{
		{"another query", side("a", nil, []int32{0}, 0, 1), side("b", nil, []int32{0}, 0, 1), `query "a" of the earlier round stands beside "b" of the later one`},
		{"a negative beyond the candidates", side("a", []int32{2}, []int32{0}, 0, 1), side("a", nil, []int32{0}, 0, 1), `query "a": a negative of rank 2 among 2 candidates`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := drift.New(drift.DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Add(tc.before, tc.after); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
	for _, o := range []drift.Options{{From: 3, To: 3, Near: 0.1}, {From: 0, To: 3, Near: 1}, {From: 0, To: 3, Near: 0.1, Allowed: 1}} {
		if _, err := drift.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	c, err := drift.New(drift.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(side("a", nil, nil, 0, 1), side("a", nil, nil, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Report(); !errors.Is(err, drift.ErrNothing) {
		t.Errorf("error %v", err)
	}
}
