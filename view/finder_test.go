package view

import "testing"

func TestFinder(t *testing.T) {
	for _, tc := range []struct {
		words, text string
		want        bool
	}{
		{"", "anything", true},
		{"äPFEL", "zwei Äpfel", true},
		{"STRASSE", "Straße", false}, // ß is no ss
		{"ΣΊΣΥΦΟΣ", "Σίσυφοσ", true},
		{"a b", "a  b", false},
		{"longer than the text", "longer", false},
		{"\u2028", "a\u2028b", true},
	} {
		if got := newFinder(tc.words).in("key", tc.text); got != tc.want {
			t.Errorf("%q in %q: %v", tc.words, tc.text, got)
		}
	}
	f := newFinder("ey t")
	if f.in("key", "text") {
		t.Error("words run from one text into the next")
	}
}
