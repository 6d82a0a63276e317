package eval

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDoubling(t *testing.T) {
	for n, want := range map[int]string{0: "0", 1: "1", 2: "2-3", 3: "2-3", 4: "4-7", 7: "4-7", 8: "8-15", 1000: "512-1023"} {
		if got := Doubling(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestLabelsInOrder(t *testing.T) {
	want := []string{"", "(none)", "0", "1", "2-3", "4.5", "10", "10-11", "10 a", "algebra", "seen"}
	// The empty label and one in brackets are words: they come before letters, and numbers before all of them.
	want = append(want[2:9:9], want[0], want[1], want[9], want[10])
	want[5], want[6] = "10 a", "10-11"
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareLabels)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParts(t *testing.T) {
	s := Scores{
		Measures: []Measure{{MAP, 1}, {Recall, 5}}, Queries: []string{"a", "b", "c"}, Groups: []string{"g", "", "g"},
		PerQuery: [][]float64{{1, 0.5}, {0, 0.25}, {0.5, 1}},
	}
	parts := s.Parts(func(query string) string { return map[string]string{"a": "x", "b": "w", "c": "x"}[query] })
	want := []Part{{"w", []int{1}, []float64{0, 0.25}}, {"x", []int{0, 2}, []float64{0.75, 0.75}}}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Error(diff)
	}
	columns, groups := s.Columns(parts[1])
	if diff := cmp.Diff([][]float64{{1, 0.5}, {0.5, 1}}, columns); diff != "" || !slices.Equal(groups, []string{"g", "g"}) {
		t.Error(diff, groups)
	}
}
