package report_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// TestAFileThatIsCutShort is told as that, whichever it is.
func TestAFileThatIsCutShort(t *testing.T) {
	for _, left := range []string{"", `{"version": 1, "ep`} {
		for name, file := range map[string]func(*run) string{
			"scores.json":         func(r *run) string { return r.Round(0).Scores() },
			"choice.json":         func(r *run) string { return r.Round(0).Choice() },
			"test.json":           func(r *run) string { return r.Round(0).TestScores() },
			"epoch-0.scores.json": func(r *run) string { return r.Round(0).EpochScores(0) },
		} {
			r := twoRounds(t)
			err := rundir.WriteFile(r.FS, file(r), func(w io.Writer) error {
				_, err := io.WriteString(w, left)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := report.Read(r.Dir); err == nil || !strings.HasSuffix(err.Error(), name+": the file is cut short: it ends before its JSON value does") {
				t.Errorf("%s, left with %q: %v", name, left, err)
			}
		}
	}
}

// TestRoundsThatAreGone: of a round whose directory was removed a report does not say that nothing is scored yet.
func TestRoundsThatAreGone(t *testing.T) {
	const remedy = ": put it back, or run the recipe again, which computes it anew"
	first := "round 0 is missing: the run has worked in it, and the directory round-0 is gone" + remedy
	second := "round 1 is missing: the run has worked in it, and the directory round-1 is gone" + remedy
	behind := "round 1 is there and is not shown: it was made from what is missing"
	for _, tc := range []struct {
		name, recipe, times string // times are the rounds that a stage was timed in
		gone                []int
		want                []string
	}{
		{"nothing gone", "rounds: [{}, {}]\n", "0011", nil, nil},
		{"the first", "rounds: [{}, {}]\n", "0011", []int{0}, []string{first, behind}},
		{"the first, without times", "rounds: [{}, {}]\n", "", []int{0}, []string{first, behind}},
		{"the last", "rounds: [{}, {}]\n", "0011", []int{1}, []string{second}},
		{"both", "rounds: [{}, {}]\n", "0011", []int{0, 1}, []string{first, second}},
		{"both, of no known recipe", "", "01", []int{0, 1}, []string{first, second}},
		{"the last of an earlier recipe", "rounds: [{}]\n", "0011", []int{1}, nil},
		{"a round that is yet to come", "rounds: [{}, {}, {}]\n", "0011", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := twoRounds(t)
			if tc.recipe != "" {
				r.recipe(tc.recipe)
			}
			var times strings.Builder
			for _, round := range tc.times {
				times.WriteString(`{"round":` + string(round) + `,"stage":"mine","seconds":1,"start":"2026-01-02T03:04:05Z"}` + "\n")
			}
			err := rundir.WriteFile(r.FS, r.Times(), func(w io.Writer) error {
				_, err := io.WriteString(w, times.String())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, round := range tc.gone {
				r.remove(r.Round(round).Dir())
			}
			got := r.read()
			if diff := cmp.Diff(tc.want, got.Lost); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, format := range []report.Format{report.Text, report.Markdown, report.LaTeX, report.JSON} {
				var out bytes.Buffer
				if err := got.Write(&out, format); err != nil {
					t.Fatal(err)
				}
				for _, text := range tc.want {
					if !strings.Contains(out.String(), text) {
						t.Errorf("%s lacks %q:\n%s", format, text, out.String())
					}
				}
				if strings.Contains(out.String(), "nothing is scored yet") {
					t.Errorf("%s says that nothing is scored yet", format)
				}
			}
		})
	}
}
