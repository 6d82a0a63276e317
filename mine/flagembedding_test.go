package mine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The numbers are Python's own (3.11): random.seed(42); random.sample(range(197), 15), and so on.
func TestPythonRandom(t *testing.T) {
	if diff := cmp.Diff([]int{163, 28, 6, 189, 70, 62, 57, 35, 188, 26, 173, 139, 22, 151, 108}, NewPythonRandom(42).Sample(197, 15)); diff != "" {
		t.Errorf("sample by a set: %s", diff)
	}
	r := NewPythonRandom(42) // one stream
	if diff := cmp.Diff([]int{40, 7, 1, 17, 15, 14, 8, 6, 34, 5, 37, 27, 2, 47, 49}, r.Sample(50, 15)); diff != "" {
		t.Errorf("sample by a list: %s", diff)
	}
	if diff := cmp.Diff([]int{55, 59, 129, 154, 6, 143, 50, 183, 166, 179, 139, 107, 56, 114, 150}, r.Sample(197, 15)); diff != "" {
		t.Errorf("a second sample: %s", diff)
	}
	order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	if diff := cmp.Diff([]int{1, 6, 8, 9, 7, 3, 5, 2, 0, 4}, order); diff != "" {
		t.Errorf("shuffle: %s", diff)
	}
	if diff := cmp.Diff([]int{516, 529, 275, 679}, NewPythonRandom(1<<40+5).Sample(1000, 4)); diff != "" {
		t.Errorf("a seed of two words: %s", diff)
	}
}

func TestSamplesAreSets(t *testing.T) {
	r := NewPythonRandom(7)
	for n := range 120 {
		for _, k := range []int{0, 1, 5, 6, 15, n} {
			if k > n {
				continue
			}
			drawn := r.Sample(n, k)
			slices.Sort(drawn)
			if len(drawn) != k || len(slices.Compact(drawn)) != k || k > 0 && (drawn[0] < 0 || drawn[k-1] >= n) {
				t.Fatalf("sample(%d, %d) = %v", n, k, drawn)
			}
		}
	}
}

func plainPool(n int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprint("p", i))
	}
	return texts
}

func upTo(n int) []int32 {
	var ranks []int32
	for i := range n {
		ranks = append(ranks, int32(i))
	}
	return ranks
}

func TestFlagEmbeddingChooses(t *testing.T) {
	for _, tc := range []struct {
		name      string
		window    Window
		negatives int
		ranking   []int32
		query     string
		positives []string
		want      []string
	}{
		{"all of the window, in the order of ranks", Window{From: 2, To: 5}, 3, []int32{9, 8, 7, 6, 5, 4}, "q", nil, []string{"p7", "p6", "p5"}},
		{"positives use up slots", Window{From: 0, To: 3}, 3, []int32{9, 8, 7, 6}, "q", []string{"p8"}, []string{"p9", "p7"}},
		{"the query's text", Window{From: 0, To: 3}, 3, []int32{9, 8, 7, 6}, "p7", nil, []string{"p9", "p8"}},
		{"a ranking that ends in the window", Window{From: 2, To: 9}, 3, []int32{9, 8, 7}, "q", nil, []string{"p7"}},
		{"a ranking that ends before it", Window{From: 5, To: 9}, 3, []int32{9, 8, 7}, "q", nil, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := FlagEmbedding{Pool: plainPool(10), Window: tc.window, Negatives: tc.negatives, Random: NewPythonRandom(42)}
			if diff := cmp.Diff(tc.want, f.Choose(tc.ranking, tc.query, tc.positives)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The draw of the reference: 15 of ranks 2-200 with one positive in the window, by the known answer above.
func TestFlagEmbeddingDraws(t *testing.T) {
	f := FlagEmbedding{Pool: plainPool(300), Window: Window{From: 2, To: 200}, Negatives: 15, Random: NewPythonRandom(42)}
	got := f.Choose(upTo(200), "q", []string{"p2"})
	want := []string{"p166", "p31", "p9", "p192", "p73", "p65", "p60", "p38", "p191", "p29", "p176", "p142", "p25", "p154", "p111"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlagEmbeddingFills(t *testing.T) {
	f := FlagEmbedding{Pool: plainPool(12), Negatives: 5, Random: NewPythonRandom(42)}
	got, err := f.Fill([]string{"a", "b"}, []string{"p3"})
	if err != nil || len(got) != 5 || got[0] != "a" || slices.Contains(got, "p3") {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := f.Fill([]string{"a", "b", "c", "d", "e"}, nil); err != nil || len(got) != 5 {
		t.Errorf("nothing is missing: %v, %v", got, err)
	}
	f.Pool = plainPool(3)
	if _, err := f.Fill(nil, []string{"p1"}); err == nil || !strings.Contains(err.Error(), "6 passages are to be drawn to fill up, and the pool has 3") {
		t.Errorf("got %v", err)
	}
}
