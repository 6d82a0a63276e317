package mine

import (
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/ranking"
)

// TestATextIsANegativeOnce: of passages 1, 3 and 5, whose text is one, and 4 and 6, whose text is another.
func TestATextIsANegativeOnce(t *testing.T) {
	c, err := corpus.New([]corpus.Passage{
		{ID: "answer", Text: "answer"}, {ID: "c", Text: "one"}, {ID: "other", Text: "other"}, {ID: "b", Text: "one "}, {ID: "y", Text: "two"}, {ID: "a", Title: "one"}, {ID: "x", Text: "two"},
	})
	if err != nil {
		t.Fatal(err)
	}
	hits := func(passages ...int32) ranking.Candidates {
		found := ranking.Candidates{Query: "q", Positives: []ranking.Positive{{Passage: 0, Rank: 9}}}
		for i, p := range passages {
			found.Hits = append(found.Hits, ranking.Hit{Passage: p, Score: -float32(i)})
		}
		return found
	}
	window := func(from, to int) Options { return Options{Window: Window{from, to}, Negatives: 5, Sampling: Top} }
	mixed := func(change func(*Options)) Options {
		o := window(0, 5)
		change(&o)
		return o
	}
	for _, tc := range []struct {
		name     string
		o        Options
		q        Query
		want     []int32
		eligible int
		dropped  Dropped
	}{
		{"the best ranked of a text stays", window(0, 6), Query{Candidates: hits(3, 2, 1, 5, 6, 4)}, []int32{3, 2, 6}, 3, Dropped{RepeatedText: 3}},
		{"one above the window counts", window(1, 6), Query{Candidates: hits(3, 2, 1, 5, 6, 4)}, []int32{2, 6}, 2, Dropped{Window: 1, RepeatedText: 3}},
		{"one that another rule drops too", mixed(func(o *Options) { o.MaxScore = number(-0.5) }), Query{Candidates: hits(3, 2, 1)}, []int32{2}, 1, Dropped{MaxScore: 1, RepeatedText: 1}},
		{"a window over survivors has other texts in their places", mixed(func(o *Options) { o.Survivors, o.Window, o.Negatives = true, Window{1, 3}, 2 }),
			Query{Candidates: hits(3, 2, 1, 5, 6, 4)}, []int32{2, 6}, 2, Dropped{Window: 1, RepeatedText: 3}},
		{"an excluded text is excluded under every id", window(0, 6), Query{Candidates: hits(3, 2, 1), Excluded: []int32{1, 3, 5}}, []int32{2}, 1, Dropped{Excluded: 2}},
		{"given ones repeat no text", mixed(func(o *Options) { o.Given = Keep }), Query{Candidates: hits(3, 2), Given: []int32{1, 5, 6}}, []int32{2, 1, 6}, 2, Dropped{}},
		{"kept ones neither, and the ranked one counts", mixed(func(o *Options) { o.Kept = 1 }), Query{Candidates: hits(3, 2), Last: []int32{1, 5, 4, 6}}, []int32{3, 2, 6}, 2, Dropped{}},
		{"random ones are each text of the corpus", mixed(func(o *Options) { o.Random = 1 }), Query{Candidates: ranking.Candidates{Query: "q", Positives: []ranking.Positive{{}}}, Excluded: []int32{0}},
			[]int32{2, 5, 6}, 3, Dropped{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := New(tc.o, 0, c)
			if err != nil {
				t.Fatal(err)
			}
			results, err := m.Mine(t.Context(), []Query{tc.q})
			if err != nil {
				t.Fatal(err)
			}
			got := passagesOf(results[0])
			if tc.o.Random > 0 {
				slices.Sort(got)
			}
			if !slices.Equal(got, tc.want) || results[0].Eligible != tc.eligible || results[0].Dropped != tc.dropped {
				t.Errorf("got %v of %d eligible, dropped by %s; want %v of %d, %s", got, results[0].Eligible, results[0].Dropped, tc.want, tc.eligible, tc.dropped)
			}
		})
	}
}
