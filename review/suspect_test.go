package review

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

// ranked is a search with passages from the best on, and its positives among them.
func ranked(scores []float32, passages []int32, positives ...int32) Ranked {
	r := Ranked{Scored: true}
	for i, p := range passages {
		r.Hits = append(r.Hits, ranking.Hit{Passage: p, Score: scores[i]})
		for _, positive := range positives {
			if p == positive {
				r.Positives = append(r.Positives, ranking.Positive{Passage: p, Rank: int32(i), Score: scores[i]})
			}
		}
	}
	return r
}

// TestOrderOfSuspects: those that more voices doubt come first, then the best placed, whatever height a low positive gives others.
func TestOrderOfSuspects(t *testing.T) {
	mined := func(passages ...int32) (all []Mined) {
		for _, p := range passages {
			all = append(all, Mined{Passage: p})
		}
		return all
	}
	low := ranked([]float32{0.9, 0.8, 0.7, 0.1}, []int32{1, 2, 3, 0}, 0)       // its positive is the last
	high := ranked([]float32{0.5, 0.49, 0.48, 0.1}, []int32{0, 4, 5, 6}, 0, 5) // a positive stands above 4 and one below
	taught := []Mined{{Passage: 2}, {Passage: 3, Taught: true}, {Passage: 1}, {Passage: 7, Taught: true}}
	all := append(Suspects(1, []Ranked{high}, [][]Mined{mined(6, 4)}), Suspects(0, []Ranked{low}, [][]Mined{taught})...)
	SortSuspects(all)
	want := []Suspect{
		{Query: 0, Passage: 3, Agree: 1, Teachers: 1, Place: 2, Margin: all[0].Margin},
		{Query: 0, Passage: 1, Agree: 1, Margin: all[1].Margin},
		{Query: 1, Passage: 4, Agree: 1, Margin: all[2].Margin},
		{Query: 0, Passage: 2, Agree: 1, Place: 1, Margin: all[3].Margin},
		{Query: 0, Passage: 7, Teachers: 1, Place: math.MaxInt32, Margin: float32(math.Inf(-1))},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	part := high // as rows have it, which hold the negatives alone
	part.Hits, part.Places = ranking.Ranking{high.Hits[1], high.Hits[3]}, []int32{0, 1}
	if diff := cmp.Diff(Suspects(1, []Ranked{high}, [][]Mined{mined(6, 4)}), Suspects(1, []Ranked{part}, [][]Mined{mined(6, 4)})); diff != "" {
		t.Errorf("of a part of the candidates (-all +part):\n%s", diff)
	}
}
