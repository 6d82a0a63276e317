package lexical

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

// one is a search for one query.
func (x *Index) one(text string, positives []int32, depth int, order ranking.Order) ranking.Ranked {
	return (&searching{index: x}).search(text, positives, depth, order)
}

type query struct {
	text      string
	positives []int32
}

type queries []query

func (all queries) at(i int) (string, []int32) { return all[i].text, all[i].positives }

// manyTexts are texts and queries of few words, so that most share some.
func manyTexts(n int) (texts []string, all queries) {
	for i := range n {
		texts = append(texts, strings.Repeat(fmt.Sprintf("w%d ", i%7), i%4)+fmt.Sprintf("v%d u%d", i%5, i%11))
		all = append(all, query{fmt.Sprintf("w%d v%d u%d u%d", i%3, i%5, i%13, i%13), []int32{int32(i), int32((7 * i) % n)}})
	}
	return texts, all
}

// TestEachIsEveryQueryByItself, in order, by any number of goroutines.
func TestEachIsEveryQueryByItself(t *testing.T) {
	texts, all := manyTexts(150)
	x, err := NewIndex(slices.Values(texts), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	var want []ranking.Ranked
	for _, q := range all {
		want = append(want, x.one(q.text, q.positives, 20, nil))
	}
	for _, workers := range []int{0, 1, 2, 3, 500} {
		var got []ranking.Ranked
		err := x.Search(t.Context(), len(all), all.at, 20, nil, workers, func(query int, kept ranking.Ranked) error {
			if query != len(got) {
				t.Fatalf("%d workers: query %d comes behind %d others", workers, query, len(got))
			}
			got = append(got, kept)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers (-want +got):\n%s", workers, diff)
		}
	}
}

func TestEachEndsEarly(t *testing.T) {
	texts, all := manyTexts(150)
	x, err := NewIndex(slices.Values(texts), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("full")
	if err := x.Search(t.Context(), len(all), all.at, 1, nil, 2, func(query int, _ ranking.Ranked) error {
		if query == 3 {
			return full
		}
		return nil
	}); !errors.Is(err, full) {
		t.Errorf("sink's error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	if err := x.Search(ctx, len(all), all.at, 1, nil, 2, func(int, ranking.Ranked) error { seen++; cancel(); return nil }); !errors.Is(err, context.Canceled) || seen == len(all) {
		t.Errorf("cancelled: %v, %d queries", err, seen)
	}
	if err := x.Search(t.Context(), 0, nil, 1, nil, 2, nil); err != nil {
		t.Errorf("no queries: %v", err)
	}
}

func BenchmarkSearch(b *testing.B) {
	texts, all := manyTexts(20_000)
	x, err := NewIndex(slices.Values(texts), DefaultOptions())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := x.Search(b.Context(), 200, all.at, 200, nil, 2, func(int, ranking.Ranked) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*200)/b.Elapsed().Seconds(), "queries/s")
}
