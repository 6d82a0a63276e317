package corpus

import "testing"

func TestSimilarity(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want float64
	}{
		{"Adds the denominators", "adds  the denominators.", 1},
		{"x = 3", "x = -3", 0}, // x=3 and x=-, =-3
		{"abcd", "abce", 1.0 / 3},
		{"ab", "AB.", 1},
		{"", "", 1},
		{"abc", "xyz", 0},
	} {
		if got, back := NewFingerprint(tc.a).Similarity(NewFingerprint(tc.b)), NewFingerprint(tc.b).Similarity(NewFingerprint(tc.a)); got != tc.want || back != tc.want {
			t.Errorf("%q and %q: %v, and %v the other way, want %v", tc.a, tc.b, got, back, tc.want)
		}
	}
}
