package ranking

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOrderSort(t *testing.T) {
	hits := []Hit{{0, 0.5}, {1, 0.9}, {2, 0.5}, {3, -1}}
	for _, tc := range []struct {
		name  string
		order Order
		want  []Hit
	}{
		{"corpus order breaks ties", nil, []Hit{{1, 0.9}, {0, 0.5}, {2, 0.5}, {3, -1}}},
		{"id order breaks ties", Order{3, 0, 1, 2}, []Hit{{1, 0.9}, {2, 0.5}, {0, 0.5}, {3, -1}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := slices.Clone(hits)
			tc.order.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestZeroesTie(t *testing.T) {
	negative := float32(math.Copysign(0, -1))
	if got := Order(nil).Compare(Hit{0, negative}, Hit{1, 0}); got != -1 {
		t.Errorf("passage 0 at -0 against passage 1 at 0: got %d, want a tie that corpus order breaks (-1)", got)
	}
}

func TestTop(t *testing.T) {
	for _, tc := range []struct {
		name  string
		k     int
		order Order
		hits  []Hit
		want  Ranking
	}{
		{"fewer hits than k", 5, nil, []Hit{{0, 1}, {1, 2}}, Ranking{{1, 2}, {0, 1}}},
		{"none", 3, nil, nil, nil},
		{"k of zero", 0, nil, []Hit{{0, 1}}, nil},
		{"k of one", 1, nil, []Hit{{2, 1}, {0, 3}, {1, 2}}, Ranking{{0, 3}}},
		{"ties by corpus order", 2, nil, []Hit{{3, 1}, {1, 1}, {2, 1}, {0, 1}}, Ranking{{0, 1}, {1, 1}}},
		{"ties by id order", 2, Order{3, 2, 1, 0}, []Hit{{0, 1}, {1, 1}, {2, 1}, {3, 1}}, Ranking{{3, 1}, {2, 1}}},
		{"infinities", 2, nil, []Hit{{0, float32(math.Inf(-1))}, {1, 0}, {2, float32(math.Inf(1))}}, Ranking{{2, float32(math.Inf(1))}, {1, 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			top := NewTop(tc.k, tc.order)
			for _, h := range tc.hits {
				top.Push(h)
			}
			if diff := cmp.Diff(tc.want, top.Ranking()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the order of pushing, the selection is the head of the sorted list.
func TestTopIsHeadOfSortedList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for trial := range 300 {
		n, k := random.IntN(60), random.IntN(20)
		hits := make([]Hit, n)
		order := Order(nil)
		if trial%2 == 0 {
			for _, p := range random.Perm(n) {
				order = append(order, int32(p))
			}
		}
		for i := range hits {
			hits[i] = Hit{int32(i), float32(random.IntN(8))} // few scores, many ties
		}
		sorted := slices.Clone(hits)
		order.Sort(sorted)
		want := Ranking(sorted[:min(n, k)])

		random.Shuffle(n, func(i, j int) { hits[i], hits[j] = hits[j], hits[i] })
		top := NewTop(k, order)
		for _, h := range hits {
			top.Push(h)
		}
		if got := top.Ranking(); !slices.Equal(got, want) {
			t.Fatalf("trial %d: n=%d k=%d: got %v, want %v", trial, n, k, got, want)
		}
	}
}

func TestTopThreshold(t *testing.T) {
	top := NewTop(2, nil)
	top.Push(Hit{5, 1})
	if _, ok := top.Threshold(); ok {
		t.Error("a selection that is not full has a threshold")
	}
	top.Push(Hit{6, 3})
	if score, ok := top.Threshold(); !ok || score != 1 {
		t.Errorf("threshold: got %v, %v; want 1, true", score, ok)
	}
	if !top.Push(Hit{4, 1}) {
		t.Error("a hit at the threshold with the better place was refused")
	}
	if top.Push(Hit{9, 1}) {
		t.Error("a hit at the threshold with the worse place was kept")
	}
}

func TestTopRefusesNaN(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a NaN score was taken")
		}
	}()
	NewTop(1, nil).Push(Hit{0, float32(math.NaN())})
}

// TestKeep: what is cut off keeps the ranks of its positives, and what the ranking lacks has none.
func TestKeep(t *testing.T) {
	r := Ranking{{4, 0.9}, {2, 0.5}, {7, 0.1}}
	got := r.Keep(2, []int32{1, 7, 4})
	want := Ranked{Hits: r[:2], Positives: []Positive{{4, 0.9, 0}, {7, 0.1, 2}, {1, 0, -1}}}
	if !slices.Equal(got.Hits, want.Hits) || !slices.Equal(got.Positives, want.Positives) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Ranking(nil).Keep(5, []int32{3}); len(got.Hits) != 0 || got.Positives[0].Rank != -1 {
		t.Errorf("of nothing: %+v", got)
	}
}

// TestPartialIsTheRankingOfAll: ranks are those of sorting every passage, those without a score behind all that have one, even 0.
func TestPartialIsTheRankingOfAll(t *testing.T) {
	scores := map[int32]float32{5: 2, 1: 3, 8: 2, 6: 0}
	scored := []Hit{{5, 2}, {1, 3}, {8, 2}, {6, 0}}
	for _, order := range []Order{nil, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}} {
		var all Ranking
		var everyone []int32
		for p := range int32(10) {
			score, scored := scores[p]
			if !scored {
				score = -1
			}
			all = append(all, Hit{p, score})
			everyone = append(everyone, p)
		}
		order.Sort(all)
		got := Partial(scored, 2, order, everyone)
		if !slices.Equal(got.Hits, all[:2]) {
			t.Errorf("hits %v, want %v", got.Hits, all[:2])
		}
		for rank, p := range got.Positives {
			if want := (Positive{all[rank].Passage, max(0, all[rank].Score), int32(rank)}); p != want {
				t.Errorf("positive %+v, want %+v", p, want)
			}
		}
	}
}
