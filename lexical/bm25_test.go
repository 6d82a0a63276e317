package lexical

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/ranking"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"The CAT's 2 hats, x_1 (a)!": {"the", "cat", "hats", "x_1"},
		"żółw 10² ½x":                {"żółw", "10²", "½x"},
		"":                           nil,
		"a b c":                      nil,
		"a-bc\tde":                   {"bc", "de"},
	} {
		if got := slices.Collect(Words(text)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for range Words("one two three") {
		break // stops where its reader does
	}
}

// TestByHand: three passages of 2, 4 and 0 words; cat is in both, hat twice in the second.
func TestByHand(t *testing.T) {
	x, err := NewIndex(slices.Values([]string{"cat dog", "cat hat hat mat", ""}), Options{K1: 1, B: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	cat, hat := math.Log(1+1.5/2.5), math.Log(1+2.5/1.5) // of three passages, two and one have them
	// Mean length 2: the norms are 0.5 + 0.5*2/2 = 1 and 0.5 + 0.5*4/2 = 1.5.
	first, second := float32(cat*1/(1+1)), float32(float64(float32(cat*1/(1+1.5)))+2*float64(float32(hat*2/(2+1.5))))
	got := x.one("Cat, hat hat, unknown", []int32{0, 2}, 10, nil)
	want := ranking.Ranked{
		Hits:      ranking.Ranking{{Passage: 1, Score: second}, {Passage: 0, Score: first}},
		Positives: []ranking.Positive{{Passage: 0, Score: first, Rank: 1}, {Passage: 2, Rank: 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRanksOfPositives: those without a word of the query stand behind all others, by id, and the depth does not matter.
func TestRanksOfPositives(t *testing.T) {
	texts := []string{"xx", "word", "yy", "word word", "zz"}
	x, err := NewIndex(slices.Values(texts), DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	order := ranking.Order{4, 3, 2, 1, 0} // ids against the corpus: ranking 3, 1, 4, 2, 0
	for depth := range 6 {
		got := x.one("word", []int32{0, 1, 2, 3, 4}, depth, order)
		var ranked []int32
		for rank, p := range got.Positives {
			ranked = append(ranked, p.Passage)
			if int(p.Rank) != rank {
				t.Errorf("positive %d: rank %d, want %d", p.Passage, p.Rank, rank)
			}
		}
		if !slices.Equal(ranked, []int32{3, 1, 4, 2, 0}) || len(got.Hits) != min(depth, 2) {
			t.Errorf("depth %d: %v with %d hits", depth, ranked, len(got.Hits))
		}
	}
}

func TestValidate(t *testing.T) {
	for want, o := range map[string]Options{"k1 -1": {-1, 0}, "b 2": {1, 2}, "b NaN": {1, math.NaN()}, "k1 +Inf": {math.Inf(1), 0}} {
		if _, err := NewIndex(slices.Values([]string{"a"}), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", o, err)
		}
	}
	if _, err := NewIndex(slices.Values([]string(nil)), DefaultOptions()); err != nil {
		t.Error(err)
	}
}

// TestParity holds every score against bm25s, and ranks against its scores.
func TestParity(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "parity.json"))
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct {
		Cases []struct {
			Name           string
			K1, B          float64
			Texts, Queries []string
			Scores         [][]float64 // by query and passage
		}
	}
	if err := json.Unmarshal(raw, &fixture); err != nil {
		t.Fatal(err)
	}
	for _, tc := range fixture.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			x, err := NewIndex(slices.Values(tc.Texts), Options{K1: tc.K1, B: tc.B})
			if err != nil {
				t.Fatal(err)
			}
			all := make([]int32, len(tc.Texts))
			for i := range all {
				all[i] = int32(i)
			}
			for i, query := range tc.Queries {
				for _, p := range x.one(query, all, 10, nil).Positives {
					want := tc.Scores[i][p.Passage]
					if math.Abs(float64(p.Score)-want) > 1e-6*max(1, want) {
						t.Errorf("query %q, passage %d: score %v, want %v", query, p.Passage, p.Score, want)
					}
					above := 0
					for other, s := range tc.Scores[i] {
						if s > want+1e-6 || math.Abs(s-want) <= 1e-6 && int32(other) < p.Passage {
							above++
						}
					}
					if int(p.Rank) != above {
						t.Errorf("query %q, passage %d: rank %d, want %d", query, p.Passage, p.Rank, above)
					}
				}
			}
		})
	}
}
