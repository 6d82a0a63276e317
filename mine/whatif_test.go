package mine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestWhatIf by hand: of ten, passages 2 (0.8) and 5 (0.5) answer; five are wanted and margin 0 leaves 6, 7, 8 and 9.
func TestWhatIf(t *testing.T) {
	q := Query{Candidates: ten(), Last: []int32{6, 1, 8}}
	o := Options{Window: Window{0, 10}, Negatives: 5, Sampling: Top, Margin: number(0)}
	got, err := WhatIf(o, 0, numbered(), []Query{q}, map[string][]int32{"q": {7, 5, 300}})
	if err != nil {
		t.Fatal(err)
	}
	want := Outcome{
		Queries: 1, Survivors: 4, Negatives: 4, Short: 1, Filler: 1, Dropped: Dropped{Positive: 2, Margin: 4},
		Gap: number(0.25), Overlap: number(0.5), FalseNegatives: number(0.25), // 0.5 less 0.4, 0.3, 0.2 and 0.1
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-7)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	q.Last = nil
	o.Margin, o.Random = nil, 0.4
	if got, err = WhatIf(o, 0, numbered(), []Query{q}, nil); err != nil || got.Overlap != nil || got.FalseNegatives != nil || got.Filler != 2 || got.Negatives != 5 {
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
		outcome, err := WhatIf(o, 0, numbered(), queries, nil)
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
