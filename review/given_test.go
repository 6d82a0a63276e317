package review

import (
	"testing"

	"github.com/quarry-ml/quarry/format/verdicts"
)

func TestGiven(t *testing.T) {
	lines := verdicts.Verdict{Verdict: verdicts.Keep, Query: "k", QueryText: "which\none", Passage: "p", PassageText: "two"}
	g := GivenOf([]verdicts.Verdict{
		said(verdicts.Drop, "which", "one"), said(verdicts.Keep, " which", "one\n"), said(verdicts.Promote, "which", "two"), said(verdicts.Keep, "which", "three"),
		said(verdicts.Open, "which", "three"), lines,
	})
	for _, tc := range []struct {
		name  string
		asked verdicts.Verdict
		want  verdicts.Kind
	}{
		{"the last counts, under whatever names", verdicts.Verdict{Query: "other", QueryText: "which", Passage: "other", PassageText: "one"}, verdicts.Keep},
		{"promoted", said("", "which ", "two"), verdicts.Promote},
		{"taken back", said("", "which", "three"), ""},
		{"another query", said("", "whither", "one"), ""},
		{"line ends that a table has changed, under the same names", verdicts.Verdict{Query: "k", QueryText: "which\r\none", Passage: "p", PassageText: "two"}, verdicts.Keep},
		{"line ends under other names", verdicts.Verdict{Query: "l", QueryText: "which\r\none", Passage: "p", PassageText: "two"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := g.On(tc.asked); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := (*Given)(nil).On(lines); got != "" {
		t.Errorf("nothing was given, got %q", got)
	}
}
