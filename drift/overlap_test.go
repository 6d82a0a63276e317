package drift_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/drift"
	"github.com/quarry-ml/quarry/mine"
)

// TestOverlap: of a round with itself all, of two that have nothing in common none, and of any other the later round's share.
func TestOverlap(t *testing.T) {
	o := drift.Options{From: 1, To: 4}
	one := side("a", []int32{1, 2}, []int32{9}, 9, 1, 2, 3)
	for _, tc := range []struct {
		name                  string
		before, after         drift.Side
		candidates, negatives float64
	}{
		{"with itself", one, one, 1, 1},
		{"disjoint", side("a", []int32{0, 1}, []int32{8}, 4, 5, 6, 8), one, 0, 0},
		{"a longer earlier round", side("a", []int32{0, 1, 2}, []int32{9}, 1, 2, 3, 9), one, 1, 1},
		{"a longer later round", side("a", []int32{1}, []int32{9}, 9, 1), one, 0.5, 0.5},
		{"two rows of a query took one passage", side("a", []int32{1}, []int32{9}, 9, 1, 2, 3), side("a", []int32{1, 1, 3}, []int32{9}, 9, 1, 2, 3), 1, 2. / 3},
		{"two rows of the earlier round took one passage", side("a", []int32{1, 1}, []int32{9}, 9, 1, 2, 3), one, 1, 0.5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := report(t, o, [2]drift.Side{tc.before, tc.after})
			if r.Candidates != tc.candidates || *r.Negatives.Overlap != tc.negatives {
				t.Errorf("candidates %v, negatives %v; want %v and %v", r.Candidates, *r.Negatives.Overlap, tc.candidates, tc.negatives)
			}
		})
	}
	mined := side("a", []int32{1}, []int32{9}, 9, 1)
	if r := report(t, o, [2]drift.Side{mined, side("a", nil, []int32{9}, 9, 1)}); r.Negatives.Overlap != nil {
		t.Errorf("an overlap of a round that has not mined: %v", *r.Negatives.Overlap)
	}
}

// TestOverlapIsWhatIfs: two rounds are mined, and mine.WhatIf is asked for the later one beside the negatives of the earlier.
func TestOverlapIsWhatIfs(t *testing.T) {
	passages := make([]corpus.Passage, 12)
	for i := range passages {
		passages[i] = corpus.Passage{ID: fmt.Sprint(i), Text: fmt.Sprintf("the passage of number %d", i)}
	}
	c, err := corpus.New(passages)
	if err != nil {
		t.Fatal(err)
	}
	// Rounds of unlike size and queries that get unlike numbers: means over queries would be others.
	options := mine.Options{Window: mine.Window{From: 0, To: 9}, Negatives: 5, Sampling: mine.Uniform}
	for _, margin := range []*float64{nil, number(0)} {
		pairs := drawn(20)
		queries := make([]mine.Query, len(pairs))
		for round := range 2 {
			options.Negatives, options.Margin = 5-2*round, []*float64{nil, margin}[round]
			for i := range pairs {
				queries[i].Candidates = pairs[i][round].Candidates
				queries[i].Text = "asked"
			}
			m, err := mine.New(options, round, c)
			if err != nil {
				t.Fatal(err)
			}
			results, err := m.Mine(t.Context(), queries)
			if err != nil {
				t.Fatal(err)
			}
			for i := range pairs {
				pairs[i][round].Negatives = nil
				for _, n := range results[i].Negatives {
					pairs[i][round].Negatives = append(pairs[i][round].Negatives, n.Rank)
				}
			}
			if round == 0 {
				for i := range queries {
					for _, n := range results[i].Negatives {
						queries[i].Last = append(queries[i].Last, n.Passage)
					}
				}
			}
		}
		want, err := mine.WhatIf(t.Context(), options, 1, c, queries, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := report(t, drift.Options{From: 0, To: 9}, slices.Clone(pairs)...).Negatives
		if *got.Overlap != *want.Overlap || *got.Overlap == 0 || *got.Overlap == 1 || got.Before == got.After {
			t.Errorf("margin %v: overlap %v of %+v, what-if's %v", margin, *got.Overlap, got, *want.Overlap)
		}
	}
}
