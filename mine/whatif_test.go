package mine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestWhatIf by hand: of ten, passages 2 (0.8) and 5 (0.5) answer; five are wanted and margin 0 leaves 6, 7, 8 and 9.
func TestWhatIf(t *testing.T) {
	q := Query{Candidates: ten(), Last: []int32{6, 1, 8}}
	o := Options{Window: Window{0, 10}, Negatives: 5, Sampling: Top, Margin: number(0)}
	got, err := WhatIf(t.Context(), o, 0, numbered(), []Query{q}, map[string][]int32{"q": {1, 5, 7, 300}})
	if err != nil {
		t.Fatal(err)
	}
	want := Outcome{
		Queries: 1, Survivors: 4, Negatives: 4, Short: 1, Filler: 1, Dropped: Dropped{Positive: 2, Margin: 4},
		Gap: number(0.25), Overlap: number(0.5), FalseNegatives: number(0.25), // 0.5 less 0.4, 0.3, 0.2 and 0.1
		Judged: &Judged{Candidates: 2, Dropped: Dropped{Margin: 1}, Eligible: 1, Negatives: 1}, KeptOut: number(0.5), // of 1 and 7; 5 is known
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-7)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	q.Last = nil
	o.Margin, o.Random = nil, 0.4
	if got, err = WhatIf(t.Context(), o, 0, numbered(), []Query{q}, nil); err != nil || got.Overlap != nil || got.FalseNegatives != nil || got.Filler != 2 || got.Negatives != 5 {
		t.Errorf("without a last round and judgments, two of five random: %+v, %v", got, err)
	}
}

// TestWhatIfIsWhatIsMined: the table's counts are those of mining by the same options.
func TestWhatIfIsWhatIsMined(t *testing.T) {
	var queries []Query
	for i := range 20 {
		queries = append(queries, drawnQuery(fmt.Sprint(i)))
	}
	grid := Grid{Windows: []Window{{0, 50}, {2, 200}}, Margins: []*float64{nil, number(0)}, HubLimits: []int{0, 3}}
	all := grid.Options(DefaultOptions())
	if len(all) != 8 || all[1].HubLimit != 3 || all[2].Margin == nil || all[4].Window != (Window{2, 200}) {
		t.Fatalf("the grid is %+v", all)
	}
	for _, o := range all {
		outcome, err := WhatIf(t.Context(), o, 0, numbered(), queries, nil)
		if err != nil {
			t.Fatal(err)
		}
		results, err := mineAll(0, o, queries...)
		if err != nil {
			t.Fatal(err)
		}
		negatives := 0
		for _, r := range results {
			negatives += len(r.Negatives)
		}
		if want := float64(negatives) / 20; outcome.Negatives != want {
			t.Errorf("%+v: %v negatives a query, mined %v", o, outcome.Negatives, want)
		}
	}
}

// TestGridReachesEveryOption: each list varies an option of its own, in the order of the rules, the last the fastest.
func TestGridReachesEveryOption(t *testing.T) {
	two := func(v float64) []*float64 { return []*float64{nil, number(v)} }
	all := Grid{
		Windows: []Window{{0, 50}, {2, 200}}, NearTexts: two(0.9), Margins: two(1), RelativeMargins: two(2), SharesOfPositive: two(3),
		MaxScores: two(5), MinScores: two(4), TeacherMargins: two(6), HubLimits: []int{0, 7},
	}.Options(DefaultOptions())
	if len(all) != 1<<9 {
		t.Fatalf("%d combinations of nine lists of two", len(all))
	}
	first, last := DefaultOptions(), DefaultOptions()
	first.Window = Window{0, 50}
	last.NearText, last.Margin, last.RelativeMargin, last.ShareOfPositive = number(0.9), number(1), number(2), number(3)
	last.MaxScore, last.MinScore, last.TeacherMargin, last.HubLimit = number(5), number(4), number(6), 7
	for i, want := range map[int]Options{0: first, len(all) - 1: last} {
		if diff := cmp.Diff(want, all[i]); diff != "" {
			t.Errorf("combination %d: -want +got:\n%s", i, diff)
		}
	}
	if all[1].HubLimit != 7 || all[4].MinScore == nil || all[8].MaxScore == nil || all[16].ShareOfPositive == nil || all[128].NearText == nil {
		t.Error("the lists are not in the order of the rules")
	}
}

// TestJudgedAddUp: whatever the rules, every judged candidate is counted once, under the rule that drops it or as eligible, and
// who knows of judgments mines what others mine.
func TestJudgedAddUp(t *testing.T) {
	var queries, plain []Query
	for i := range 30 {
		q := drawnQuery(fmt.Sprint(i))
		plain = append(plain, q)
		for _, h := range q.Hits {
			if h.Passage%5 == int32(i%5) {
				q.Judged = append(q.Judged, h.Passage)
			}
		}
		slices.Sort(q.Judged)
		queries = append(queries, q)
	}
	zero := number(0)
	for name, o := range map[string]Options{
		"a window":   {Window: Window{2, 60}, Negatives: 5, Sampling: Uniform},
		"limits":     {Window: Window{0, 100}, Negatives: 5, Sampling: Uniform, Margin: zero, MinScore: number(-0.5)},
		"survivors":  {Window: Window{3, 40}, Survivors: true, Negatives: 5, Sampling: Top, Margin: zero},
		"a hub":      {Window: Window{0, 60}, Negatives: 5, Sampling: Uniform, HubLimit: 2},
		"groups":     {Window: Window{0, 60}, Negatives: 5, Sampling: ByRank, SameGroup: Never},
		"random too": {Window: Window{0, 60}, Negatives: 6, Sampling: Uniform, Random: 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := mineAll(1, o, queries...)
			if err != nil {
				t.Fatal(err)
			}
			unaware, err := mineAll(1, o, plain...)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if diff := cmp.Diff(unaware[i].Negatives, r.Negatives, cmpopts.EquateNaNs()); diff != "" {
					t.Errorf("query %d is mined otherwise: %s", i, diff)
				}
				dropped, chosen := 0, 0
				r.Judged.Dropped.each(func(_ string, n int) { dropped += n })
				for _, n := range r.Negatives {
					if slices.Contains(queries[i].Judged, n.Passage) {
						chosen++
					}
				}
				if r.Judged.Candidates != dropped+r.Judged.Eligible || r.Judged.Negatives != chosen || r.Judged.Candidates == 0 {
					t.Errorf("query %d: %+v, and %d chosen", i, r.Judged, chosen)
				}
				r.Dropped.each(func(name string, n int) {
					r.Judged.Dropped.each(func(other string, judged int) {
						if name == other && judged > n {
							t.Errorf("query %d: %s dropped %d judged ones of %d", i, name, judged, n)
						}
					})
				})
			}
		})
	}
}
