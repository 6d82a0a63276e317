package mine

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

// TestSentenceTransformersChoose: of ten hits with scores 1.0, 0.9, … 0.1 passages 2 (0.8) and 5 (0.5) are positives.
func TestSentenceTransformersChoose(t *testing.T) {
	for _, tc := range []struct {
		name  string
		s     SentenceTransformers
		want  []int32
		skips Skips
	}{
		{"the best", SentenceTransformers{RangeMax: 10, Negatives: 3}, []int32{0, 1, 3}, Skips{}},
		{"the range begins behind what is left", SentenceTransformers{RangeMin: 2, RangeMax: 10, Negatives: 3}, []int32{3, 4, 6}, Skips{}},
		{"the range ends", SentenceTransformers{RangeMin: 2, RangeMax: 4, Negatives: 2}, []int32{3, 4}, Skips{}},
		{"fewer than wanted", SentenceTransformers{RangeMin: 6, RangeMax: 20, Negatives: 3}, []int32{8, 9}, Skips{}},
		{"an absolute margin, to the lowest positive", SentenceTransformers{RangeMax: 10, Negatives: 9, AbsoluteMargin: number(0.15)}, []int32{7, 8, 9}, Skips{AbsoluteMargin: 5}},
		{"a relative margin", SentenceTransformers{RangeMax: 10, Negatives: 9, RelativeMargin: number(0.5)}, []int32{8, 9}, Skips{RelativeMargin: 6}},
		{"limits, each counted by itself", SentenceTransformers{RangeMax: 10, Negatives: 9, AbsoluteMargin: number(0), MaxScore: number(0.35), MinScore: number(0.15)}, []int32{7, 8}, Skips{AbsoluteMargin: 4, MaxScore: 1, MinScore: 1}},
		{"positives among them", SentenceTransformers{RangeMax: 10, Negatives: 4, IncludePositives: true}, []int32{0, 1, 2, 3}, Skips{}},
		// random.seed(42); sorted(random.sample(range(8), 3)) is [0, 1, 5].
		{"drawn", SentenceTransformers{RangeMax: 10, Negatives: 3, Random: NewPythonRandom(42)}, []int32{0, 1, 7}, Skips{}},
		// random.seed(42); random.sample(range(3), 3) is [2, 0, 1], and two are left.
		{"drawn of too few", SentenceTransformers{RangeMin: 6, RangeMax: 20, Negatives: 3, Random: NewPythonRandom(42)}, []int32{8, 9}, Skips{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.s.Validate(); err != nil {
				t.Fatal(err)
			}
			var skips Skips
			c := ten()
			chosen := []int32{}
			for _, h := range tc.s.Choose(c.Hits, c.Positives, &skips) {
				chosen = append(chosen, h.Passage)
				if h.Score != c.Hits[h.Passage].Score {
					t.Errorf("passage %d has the score %v", h.Passage, h.Score)
				}
			}
			if diff := cmp.Diff(tc.want, chosen); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if skips != tc.skips {
				t.Errorf("skipped %+v, want %+v", skips, tc.skips)
			}
		})
	}
}

// TestSurvivorsAreSentenceTransformersRange: the rules of Quarry's own mining with a window over survivors, the best of it taken,
// leave what the library's do.
func TestSurvivorsAreSentenceTransformersRange(t *testing.T) {
	c := ten()
	for from := range 6 {
		for _, margin := range []*float64{nil, number(0), number(0.15), number(-0.3)} {
			o := Options{Window: Window{from, from + 3}, Survivors: true, Negatives: 3, Sampling: Top, Margin: margin}
			ours, err := mineOne(c, nil, 0, o)
			if err != nil {
				t.Fatal(err)
			}
			var theirs []int32
			s := SentenceTransformers{RangeMin: from, RangeMax: from + 3, Negatives: 3, AbsoluteMargin: margin}
			for _, h := range s.Choose(c.Hits, c.Positives, &Skips{}) {
				theirs = append(theirs, h.Passage)
			}
			if got := passagesOf(ours); !slices.Equal(got, append([]int32{}, theirs...)) {
				t.Errorf("window %v, margin %v: %v, theirs %v", o.Window, margin, got, theirs)
			}
		}
	}
}

// TestSentenceTransformersRoundToFloat32: 0.3 + 0.2 is above 0.5 where both are rounded to float32 and added in double, and not
// in float32.
func TestSentenceTransformersRoundToFloat32(t *testing.T) {
	hits := ranking.Ranking{{Passage: 1, Score: 0.5}, {Passage: 0, Score: 0.3}}
	s := SentenceTransformers{RangeMax: 2, Negatives: 1, AbsoluteMargin: number(0.2)}
	if got := s.Choose(hits, []ranking.Positive{{Passage: 1, Score: 0.5}}, &Skips{}); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if sum := float64(float32(0.3)) + float64(float32(0.2)); !(sum > 0.5) {
		t.Errorf("the case is none: %v", sum)
	}
}

func TestDefaultRangeMax(t *testing.T) {
	for _, tc := range []struct {
		s    SentenceTransformers
		want int
	}{
		{SentenceTransformers{Negatives: 3}, 5},
		{SentenceTransformers{RangeMin: 4, Negatives: 3}, 9},
		{SentenceTransformers{Negatives: 3, MinScore: number(0)}, 5},
		{SentenceTransformers{Negatives: 3, MaxScore: number(0)}, 32},
		{SentenceTransformers{RangeMin: 1, Negatives: 3, RelativeMargin: number(0.05)}, 33},
	} {
		if got := tc.s.DefaultRangeMax(2); got != tc.want {
			t.Errorf("%+v: %d, want %d", tc.s, got, tc.want)
		}
	}
}
