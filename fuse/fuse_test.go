package fuse

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/ranking"
)

func hits(scores ...any) ranking.Ranked {
	var r ranking.Ranked
	for i := 0; i < len(scores); i += 2 {
		r.Hits = append(r.Hits, ranking.Hit{Passage: int32(scores[i].(int)), Score: float32(scores[i+1].(float64))})
	}
	return r
}

func TestFuse(t *testing.T) {
	a, b := hits(3, 0.9, 1, 0.5, 0, 0.1), hits(1, 12.0, 4, 6.0)
	for _, tc := range []struct {
		name      string
		o         Options
		want      ranking.Ranking
		positives []ranking.Positive // of passages 4, 2 and 5, of 6
	}{
		{"reciprocal ranks", Options{Method: ReciprocalRank, K: 1}, ranking.Ranking{
			{Passage: 1, Score: float32(1./3 + 1./2)}, {Passage: 3, Score: 0.5}, {Passage: 4, Score: float32(1. / 3)}, {Passage: 0, Score: 0.25},
		}, []ranking.Positive{{Passage: 4, Score: float32(1. / 3), Rank: 2}, {Passage: 2, Rank: 4}, {Passage: 5, Rank: 5}}},
		{"with weights", Options{Method: ReciprocalRank, K: 1, Weights: []float64{3, 0}}, ranking.Ranking{
			{Passage: 3, Score: 1.5}, {Passage: 1, Score: 1}, {Passage: 0, Score: 0.75},
		}, []ranking.Positive{{Passage: 2, Rank: 3}, {Passage: 4, Rank: 4}, {Passage: 5, Rank: 5}}},
		// 3: 1; 1: 0.5 + 2*1; 0 and 4 are the last that their sources keep; 2 and 5 come behind
		{"weighted scores", Options{Method: Weighted, Weights: []float64{1, 2}}, ranking.Ranking{
			{Passage: 1, Score: 2.5}, {Passage: 3, Score: 1}, {Passage: 0}, {Passage: 4},
		}, []ranking.Positive{{Passage: 4, Rank: 3}, {Passage: 2, Rank: 4}, {Passage: 5, Rank: 5}}},
		{"weighted scores, of one source", Options{Method: Weighted, Weights: []float64{0, 1}}, ranking.Ranking{
			{Passage: 1, Score: 1}, {Passage: 4},
		}, []ranking.Positive{{Passage: 4, Rank: 1}, {Passage: 2, Rank: 3}, {Passage: 5, Rank: 5}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Fuse([]ranking.Ranked{a, b}, 10, nil, []int32{4, 2, 5}, tc.o)
			if diff := cmp.Diff(ranking.Ranked{Hits: tc.want, Positives: tc.positives}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestOneSourceKeepsItsOrder, cut to the depth, whatever the method.
func TestOneSourceKeepsItsOrder(t *testing.T) {
	source := draw.New(1, "test", 0, 0, "fuse")
	var all ranking.Ranking
	for p := range 50 {
		all = append(all, ranking.Hit{Passage: int32(p), Score: float32(source.Float64())})
	}
	ranking.Order(nil).Sort(all)
	for _, method := range []Method{ReciprocalRank, Weighted} {
		got := Fuse([]ranking.Ranked{{Hits: all}}, 20, nil, []int32{all[30].Passage}, Options{Method: method, K: 60})
		for rank, h := range got.Hits {
			if h.Passage != all[rank].Passage {
				t.Errorf("%s: rank %d has passage %d, want %d", method, rank, h.Passage, all[rank].Passage)
			}
		}
		if len(got.Hits) != 20 || got.Positives[0].Rank != 30 {
			t.Errorf("%s: %d hits, the positive at rank %d", method, len(got.Hits), got.Positives[0].Rank)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultOptions().Validate(3); err != nil {
		t.Error(err)
	}
	for want, o := range map[string]Options{
		`"max" is neither`:         {Method: "max"},
		"constant -1":              {Method: ReciprocalRank, K: -1},
		"1 weights for 2 sources":  {Method: Weighted, Weights: []float64{1}},
		"weight -2: want a number": {Method: Weighted, Weights: []float64{1, -2}},
		"weight NaN":               {Method: Weighted, Weights: []float64{1, math.NaN()}},
		"weights [0 0]: want one":  {Method: Weighted, Weights: []float64{0, 0}},
	} {
		if err := o.Validate(2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v does not contain %q", fmt.Sprint(o), err, want)
		}
	}
	if text := (Options{Method: ReciprocalRank, K: 60, Weights: []float64{1, 0.5}}).String(); text != "rrf 60, weights [1 0.5]" {
		t.Error(text)
	}
}
