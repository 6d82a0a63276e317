package flagembedding

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTeacher(t *testing.T) {
	file := `{"query":"q","pos":["a"],"neg":["b ","c"],"pos_scores":[3],"neg_scores":[-1,0.5]}` + "\n" +
		`{"query":"r","pos":["a"],"pos_scores":[7]}` + "\n" +
		`{"query":"q","pos":["a"],"neg":["c"],"pos_scores":[2.9999],"neg_scores":[0.5]}`
	teacher, err := ReadTeacher(strings.NewReader(file), "scored.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got, err := teacher.Scores("q", []string{"c", "b", "a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{0.5, -1, 2.9999}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := teacher.Scores("r", []string{"b"}); err == nil || err.Error() != `scored.jsonl has no score of the passage "b" for the query` {
		t.Errorf("got %v", err)
	}
}

func TestTeacherErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"no scores of positives", `{"query":"q","pos":["a"],"neg":[]}`, `f:1: the row has no "pos_scores": distillation needs a teacher's score of each "pos" text`},
		{"no scores of negatives", "\n" + `{"query":"q","pos":["a"],"neg":["b"],"pos_scores":[1]}`, `f:2: the row has no "neg_scores"`},
		{"too few", `{"query":"q","pos":["a"],"neg":["b"],"pos_scores":[1],"neg_scores":[]}`, `f:1: "neg_scores": 0 scores for 1 texts`},
		{"null in place of a score", `{"query":"q","pos":["a"],"pos_scores":[null]}`, `f:1: "pos_scores": want a list of numbers`},
		{"two scores of one pair", `{"query":"q","pos":["a","a"],"pos_scores":[1,2]}`, `f:1: the passage "a" has the score 2, and 1 for the same query on line 1`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ReadTeacher(strings.NewReader(tc.file), "f")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// FuzzTeacher reads damaged rows: an error that names the file, or a score for each pair of the rows.
func FuzzTeacher(f *testing.F) {
	f.Add(`{"query":"q","pos":["a"],"neg":["b"],"pos_scores":[3],"neg_scores":[-1]}`)
	f.Add(`{"query":"q","pos":["a","a"],"pos_scores":[1,1.0001]}` + "\n" + `{"query":"r","pos":[]}`)
	f.Add(`{"query":"q","pos":["a"],"pos_scores":[null]}`)
	f.Fuzz(func(t *testing.T, file string) {
		teacher, err := ReadTeacher(strings.NewReader(file), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, row := range read(t, file) {
			for _, texts := range [][]string{row.Pos(), row.Neg()} {
				if scores, err := teacher.Scores(row.Query(), texts); err != nil || len(scores) != len(texts) {
					t.Errorf("%q: %v, %v", row.Query(), scores, err)
				}
			}
		}
	})
}
