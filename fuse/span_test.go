package fuse

import "testing"

func TestSpan(t *testing.T) {
	for _, tc := range []struct {
		name           string
		most           int
		memory         int64
		depth, sources int
		want           int
	}{
		{"as many as are worth it", 0, 0, 200, 3, 4096},
		{"no limit of memory", 30, 0, 200, 3, 30},
		{"memory for more", 30, 1 << 30, 200, 3, 30},
		{"an eighth of the memory", 4096, 8 * 8 * 200 * 3 * 17, 200, 3, 17},
		{"memory for none", 4096, 1, 200, 3, 1},
		{"no depth", 10, 1 << 20, 0, 2, 10},
	} {
		if got := Span(tc.most, tc.memory, tc.depth, tc.sources); got != tc.want {
			t.Errorf("%s: %d queries, want %d", tc.name, got, tc.want)
		}
	}
}
