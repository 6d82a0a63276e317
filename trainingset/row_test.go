package trainingset

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
)

func TestParts(t *testing.T) {
	score := 0.5
	p, n := []Passage{{Text: "p"}}, []Passage{{Text: "n"}}
	for _, tc := range []struct {
		name string
		row  Row
		want Parts
	}{
		{"plain", Row{Query: "q", Positives: p, Negatives: n}, 0},
		{"ids", Row{ID: "1", Positives: []Passage{{ID: "2"}}, Negatives: n}, QueryIDs | PassageIDs},
		{"title", Row{Positives: []Passage{{Title: "t", Text: "p"}}, Negatives: n}, Titles},
		{"prompt and type", Row{Prompt: "x", Type: "y", Positives: p, Negatives: n}, Prompts | Types},
		{"a score", Row{Positives: p, Negatives: []Passage{{Text: "n", Score: &score}}}, TeacherScores},
		{"a grade of 1 is no news", Row{Positives: []Passage{{Text: "p", Grade: 1}}, Negatives: n}, 0},
		{"a grade of 2", Row{Positives: []Passage{{Text: "p", Grade: 2}}, Negatives: n}, Grades},
		{"a grade of -1", Row{Positives: p, Negatives: []Passage{{Text: "n", Grade: -1}}}, Grades},
		{"other keys", Row{Positives: p, Negatives: n, Fields: corpus.Object{{Key: "k"}}}, Fields},
		{"nothing", Row{Query: "q"}, NoPositives | NoNegatives},
		{"two positives", Row{Positives: []Passage{{Text: "a"}, {Text: "b"}}, Negatives: n}, SeveralPositives},
		{"a negative twice", Row{Positives: p, Negatives: []Passage{{Text: "n"}, {Text: "n"}}}, RepeatedNegatives},
		{"a positive twice", Row{Positives: []Passage{{Text: "p"}, {Text: "p"}}, Negatives: n}, SeveralPositives | RepeatedPositives},
		{"a positive among the negatives", Row{Positives: p, Negatives: p}, Contradictions},
		{"a carriage return", Row{Query: "a\r\nb", Positives: p, Negatives: n}, CarriageReturns},
	} {
		if got := tc.row.Parts(); got != tc.want {
			t.Errorf("%s: %b, want %b", tc.name, got, tc.want)
		}
	}
	named := Parts(0)
	for _, part := range All() {
		if part.Name == "" || named&part.Part != 0 || part.Part&(part.Part-1) != 0 {
			t.Errorf("part %b is called %q", part.Part, part.Name)
		}
		named |= part.Part
	}
}

func TestRow(t *testing.T) {
	row := Row{Positives: []Passage{{Title: "T", Text: " x "}}, Negatives: []Passage{{Text: " y "}}}
	if all, some := row.Scored(); all || some {
		t.Error("a row without scores is scored")
	}
	SetScores(row.Positives, []float64{1})
	if all, some := row.Scored(); all || !some {
		t.Error("half of the scores are all")
	}
	SetScores(row.Negatives, []float64{2})
	if all, _ := row.Scored(); !all || Scores(row.Passages())[1] != 2 {
		t.Error("all scores are not all")
	}
	if got := row.Positives[0].Plain() + "|" + row.Negatives[0].Plain(); got != strings.Join([]string{"T  x", " y "}, "|") {
		t.Errorf("got %q", got)
	}
}
