// Package searchtest is the contract of an exact search: what every way of searching must find, checked against a
// plain sort of all scores.
package searchtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
)

// Search is the function under test; search.Exact is one.
type Search func(ctx context.Context, in search.Input, sink func(query int, c ranking.Candidates) error) error

// Run runs the whole contract.
func Run(t *testing.T, find Search) {
	t.Run("equals a plain sort", func(t *testing.T) { plainSort(t, find) })
	t.Run("workers and blocks change nothing", func(t *testing.T) { workersAndBlocks(t, find) })
	t.Run("scores that no estimate tells apart", func(t *testing.T) { close(t, find) })
	t.Run("by hand", func(t *testing.T) { byHand(t, find) })
	t.Run("bad input", func(t *testing.T) { badInput(t, find) })
	t.Run("stops", func(t *testing.T) { stops(t, find) })
}

// Vectors draws rows of small whole numbers, so that many scores tie, or, where levels is 0, of numbers in [-1, 1).
func Vectors(seed uint64, rows, dim, levels int) []float32 {
	source := draw.New(seed, "searchtest", 0, 0, "")
	v := make([]float32, rows*dim)
	for i := range v {
		if levels > 0 {
			v[i] = float32(source.IntN(levels) - levels/2)
		} else {
			v[i] = float32(2*source.Float64() - 1)
		}
	}
	return v
}

func plainSort(t *testing.T, find Search) {
	for _, tc := range []struct {
		name                                 string
		queries, passages, dim, depth, level int
		ordered                              bool
	}{
		{"real numbers", 21, 700, 19, 30, 0, false},
		{"many ties", 21, 700, 3, 30, 3, false},
		{"many ties, ordered by id", 21, 700, 3, 30, 3, true},
		{"depth beyond the corpus", 3, 5, 8, 100, 0, true},
		{"depth 1", 9, 600, 16, 1, 3, true},
		{"one passage", 4, 1, 384, 10, 0, false},
		{"one query", 1, 1100, 9, 20, 0, true},
		{"dimension 1", 5, 50, 1, 50, 3, true},
		{"all zero", 3, 40, 8, 10, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := search.Input{
				Queries: Vectors(1, tc.queries, tc.dim, tc.level), Dim: tc.dim, Depth: tc.depth, Workers: 2,
				Positives: make([][]int32, tc.queries),
			}
			passages := Vectors(2, tc.passages, tc.dim, tc.level)
			in.Passages = search.Rows(passages, tc.dim, 37)
			source := draw.New(3, "searchtest", 0, 0, "")
			if tc.ordered {
				in.Order = make(ranking.Order, tc.passages)
				for place, p := range source.Sample(tc.passages, tc.passages) {
					in.Order[p] = int32(place)
				}
			}
			for q := range in.Positives {
				for _, p := range source.Sample(tc.passages, q%5) {
					in.Positives[q] = append(in.Positives[q], int32(p))
				}
				in.Keys = append(in.Keys, fmt.Sprint("q", q))
			}
			want := reference(in, passages)
			if diff := cmp.Diff(want, collect(t, find, in)); diff != "" {
				t.Errorf("-sorted +found:\n%s", diff)
			}
		})
	}
}

// close has passages that differ by less than a rounding to 8 bits, some at a thousandth of the others' length, and depths and
// positives in the middle of them.
func close(t *testing.T, find Search) {
	const queries, passages, dim, depth = 70, 1500, 40, 20
	in := search.Input{Queries: Vectors(21, queries, dim, 0), Dim: dim, Depth: depth, Workers: 3, Positives: make([][]int32, queries)}
	base, noise := Vectors(22, 1, dim, 0), Vectors(23, passages, dim, 0)
	vectors := make([]float32, passages*dim)
	for i := range vectors {
		vectors[i] = base[i%dim] + noise[i]*0x1p-12
		if i/dim%7 == 3 {
			vectors[i] *= 0x1p-10
		}
	}
	in.Passages = search.Rows(vectors, dim, 600)
	for q := range queries {
		in.Keys = append(in.Keys, fmt.Sprint("q", q))
		in.Positives[q] = []int32{int32(q * 20), int32(q*20 + 3)}
	}
	if diff := cmp.Diff(reference(in, vectors), collect(t, find, in)); diff != "" {
		t.Errorf("-sorted +found:\n%s", diff)
	}
}

// reference scores every pair and sorts.
func reference(in search.Input, passages []float32) []ranking.Candidates {
	var all []ranking.Candidates
	for q := range len(in.Queries) / in.Dim {
		hits := make(ranking.Ranking, len(passages)/in.Dim)
		for p := range hits {
			hits[p] = ranking.Hit{Passage: int32(p), Score: search.Score(in.Queries[q*in.Dim:(q+1)*in.Dim], passages[p*in.Dim:(p+1)*in.Dim])}
		}
		in.Order.Sort(hits)
		c := ranking.Candidates{Query: in.Keys[q], Hits: hits[:min(in.Depth, len(hits))]}
		for rank, h := range hits {
			for _, p := range in.Positives[q] {
				if p == h.Passage {
					c.Positives = append(c.Positives, ranking.Positive{Passage: p, Score: h.Score, Rank: int32(rank)})
				}
			}
		}
		all = append(all, c)
	}
	return all
}

func workersAndBlocks(t *testing.T, find Search) {
	const queries, passages, dim = 37, 1300, 24
	vectors := Vectors(5, passages, dim, 4)
	in := search.Input{Queries: Vectors(4, queries, dim, 4), Dim: dim, Depth: 50, Workers: 1, Passages: search.Rows(vectors, dim, passages)}
	for q := range queries {
		in.Positives = append(in.Positives, []int32{int32(q * 30)})
	}
	want := collect(t, find, in)
	for _, workers := range []int{0, 2, 3, 16} {
		for _, rows := range []int{1, 100, 512, 5000} {
			in.Workers, in.Passages = workers, search.Rows(vectors, dim, rows)
			if diff := cmp.Diff(want, collect(t, find, in)); diff != "" {
				t.Errorf("%d workers, blocks of %d rows (-one worker, one block):\n%s", workers, rows, diff)
			}
		}
	}
}

func byHand(t *testing.T, find Search) {
	// Scores of query (1, 2): 1, 2, the lowest (the zero vector), -1, 2. Passages 1 and 4 tie; by id, 4 comes before 1.
	in := search.Input{
		Queries: []float32{1, 2}, Dim: 2, Depth: 3, Keys: []string{"q"}, Positives: [][]int32{{3, 1}},
		Passages: search.Rows([]float32{1, 0, 0, 1, 0, 0, -1, 0, 2, 0}, 2, 2),
		Order:    ranking.Order{4, 3, 2, 1, 0},
	}
	want := []ranking.Candidates{{
		Query:     "q",
		Hits:      ranking.Ranking{{Passage: 4, Score: 2}, {Passage: 1, Score: 2}, {Passage: 0, Score: 1}},
		Positives: []ranking.Positive{{Passage: 1, Score: 2, Rank: 1}, {Passage: 3, Score: -1, Rank: 3}},
	}}
	if diff := cmp.Diff(want, collect(t, find, in)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	in.Depth, in.Positives = 5, [][]int32{{2}} // the zero vector stands behind the one that points away
	got := collect(t, find, in)
	if last := (ranking.Hit{Passage: 2, Score: search.Lowest}); got[0].Hits[4] != last || got[0].Positives[0].Rank != 4 {
		t.Errorf("the last hit is %v at rank %d, want %v", got[0].Hits[4], got[0].Positives[0].Rank, last)
	}
	in.Depth = 3
	in.Queries = []float32{0, 0} // a zero query ties with everything but the zero passage: the order decides
	in.Positives = nil
	got = collect(t, find, in)
	if diff := cmp.Diff(ranking.Ranking{{Passage: 4}, {Passage: 3}, {Passage: 1}}, got[0].Hits); diff != "" {
		t.Errorf("zero query, -want +got:\n%s", diff)
	}
}

func badInput(t *testing.T, find Search) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := func() search.Input {
		return search.Input{Queries: []float32{1, 0, 0, 1}, Dim: 2, Depth: 2, Passages: search.Rows([]float32{1, 0, 0, 1, 1, 1}, 2, 2)}
	}
	rows := func(v ...float32) iter.Seq2[search.Block, error] { return search.Rows(v, 2, 2) }
	for _, tc := range []struct {
		name   string
		change func(in *search.Input)
		want   string
	}{
		{"NaN in a passage", func(in *search.Input) { in.Passages = rows(1, 0, 0, 1, 1, nan) }, "passage vector of row 2: NaN at dimension 1"},
		{"infinity in a passage", func(in *search.Input) { in.Passages = rows(1, 0, inf, 1) }, "passage vector of row 1: +Inf at dimension 0"},
		{"NaN in a positive", func(in *search.Input) {
			in.Passages, in.Positives = rows(1, 0, nan, 1), [][]int32{{1}, nil}
		}, "passage vector of row 1: NaN"},
		{"NaN in a query", func(in *search.Input) { in.Queries, in.Keys = []float32{1, 0, nan, 1}, []string{"a", "b"} }, `query vector of row 1 ("b"): NaN at dimension 0`},
		{"scores would overflow", func(in *search.Input) { in.Passages = rows(1e30, 0) }, "scores would overflow"},
		{"depth 0", func(in *search.Input) { in.Depth = 0 }, "depth 0"},
		{"dimension 0", func(in *search.Input) { in.Dim = 0 }, "dimension 0"},
		{"half a query", func(in *search.Input) { in.Queries = in.Queries[:3] }, "no query vectors of dimension 2"},
		{"half a passage", func(in *search.Input) { in.Passages = rows(1, 2, 3) }, "no rows of dimension 2"},
		{"no passages", func(in *search.Input) { in.Passages = rows() }, "there are no passages"},
		{"no iterator", func(in *search.Input) { in.Passages = nil }, "no passages are given"},
		{"too few keys", func(in *search.Input) { in.Keys = []string{"a"} }, "2 query vectors, but 1 query keys"},
		{"too few positives", func(in *search.Input) { in.Positives = [][]int32{nil} }, "positives of 1 queries"},
		{"order of another corpus", func(in *search.Input) { in.Order = ranking.Order{0, 1} }, "but 2 passages"},
		{"order of a larger corpus", func(in *search.Input) { in.Order = ranking.Order{0, 1, 2, 3} }, "there are 3 rows, but 4 passages"},
		{"positive beyond the corpus", func(in *search.Input) {
			in.Positives, in.Keys = [][]int32{{0}, {3}}, []string{"a", "b"}
		}, `query of row 1 ("b"): positive 3 is not among the passages`},
		{"positive twice", func(in *search.Input) { in.Positives = [][]int32{{1, 1}, nil} }, "positive 1 is negative or named twice"},
		{"gap between blocks", func(in *search.Input) {
			in.Passages = func(yield func(search.Block, error) bool) {
				yield(search.Block{First: 1, Vectors: []float32{1, 1}}, nil)
			}
		}, "begins at row 1"},
		{"reading fails", func(in *search.Input) {
			in.Passages = func(yield func(search.Block, error) bool) { yield(search.Block{}, errors.New("disk on fire")) }
		}, "passage vectors from row 0: disk on fire"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := good()
			tc.change(&in)
			err := find(context.Background(), in, func(int, ranking.Candidates) error { return nil })
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not contain %q", err, tc.want)
			}
		})
	}
}

func stops(t *testing.T, find Search) {
	in := search.Input{Queries: Vectors(1, 20, 4, 0), Dim: 4, Depth: 2, Passages: search.Rows(Vectors(2, 2000, 4, 0), 4, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := find(ctx, in, func(int, ranking.Candidates) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search returns %v", err)
	}
	full := errors.New("disk full")
	delivered := 0
	err := find(context.Background(), in, func(query int, _ ranking.Candidates) error {
		if query != delivered {
			t.Errorf("query %d delivered in place of %d", query, delivered)
		}
		if delivered++; delivered == 3 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || delivered != 3 {
		t.Errorf("after an error of sink: %v, %d delivered", err, delivered)
	}
	in.Queries = nil
	if err := find(context.Background(), in, func(int, ranking.Candidates) error { return full }); err != nil {
		t.Errorf("no queries: %v", err)
	}
}

// collect runs a search that must succeed.
func collect(t *testing.T, find Search, in search.Input) []ranking.Candidates {
	t.Helper()
	var all []ranking.Candidates
	err := find(context.Background(), in, func(query int, c ranking.Candidates) error {
		if query != len(all) {
			t.Errorf("query %d delivered in place of %d", query, len(all))
		}
		all = append(all, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
