package audit

import (
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/format/flagembedding"
)

// TestScoresOfOneKind: a negative stands above the positive by the scores of the one that mined both, whatever a teacher says;
// random negatives have none. The teacher's are looked at where nothing else is known.
func TestScoresOfOneKind(t *testing.T) {
	const taught = `"query": "q", "pos": ["p"], "neg": ["a", "b"], "pos_scores": [1], "neg_scores": [2, 3]`
	for _, tc := range []struct {
		name string
		row  string
		want int
	}{
		{"the teacher's alone", `{` + taught + `}`, 2},
		{"mined and random", `{` + taught + `, "quarry": {"key": "q", "positives": ["1"], "positive_score": 0.5, "negatives": [{"id": "2", "rank": 0, "score": 0.6}, {"id": "3", "from": "random"}]}}`, 1},
		{"random alone", `{` + taught + `, "quarry": {"key": "q", "positives": ["1"], "negatives": [{"id": "2", "from": "random"}, {"id": "3", "from": "random"}]}}`, 0},
		{"below the miner's positive", `{` + taught + `, "quarry": {"key": "q", "positives": ["1"], "positive_score": 0.5, "negatives": [{"id": "2", "rank": 1, "score": 0.4}, {"id": "3", "from": "given"}]}}`, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			row, err := flagembedding.NewReader(strings.NewReader(tc.row+"\n"), "rows.jsonl").Next()
			if err != nil {
				t.Fatal(err)
			}
			r, err := FromFlagEmbedding(row, Fused)
			if err != nil {
				t.Fatal(err)
			}
			a, err := New(DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			a.Add(r)
			if f := a.Report().Get(AbovePositive); f.Count != tc.want {
				t.Errorf("%d above the positive, want %d: %q", f.Count, tc.want, f.Examples)
			}
		})
	}
}

// TestAboveByWhat: what fused rows hold are reciprocal ranks or scores, as the fusion says, which the row itself does not.
func TestAboveByWhat(t *testing.T) {
	for _, tc := range []struct {
		name, source string
		fused        Measure
		want         string
	}{
		{"reciprocal ranks", "fused", ReciprocalRanks, `line 1: negative 0 ranks above the positive, by reciprocal ranks of 0.03125 and 0.015625: "a"`},
		{"weighted", "fused", Scores, `line 1: negative 0 scores 0.03125, the positive 0.015625: "a"`},
		{"fused, not known how", "fused", Fused, `line 1: negative 0 ranks above the positive, as fused at 0.03125 and 0.015625: "a"`},
		{"one source", "dense", ReciprocalRanks, `line 1: negative 0 scores 0.03125, the positive 0.015625: "a"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := `{"query": "q", "pos": ["p"], "neg": ["a"], "quarry": {"key": "q", "source": "` + tc.source + `", "positives": ["1"], "positive_score": 0.015625, "negatives": [{"id": "2", "rank": 0, "score": 0.03125}]}}`
			row, err := flagembedding.NewReader(strings.NewReader(text+"\n"), "rows.jsonl").Next()
			if err != nil {
				t.Fatal(err)
			}
			r, err := FromFlagEmbedding(row, tc.fused)
			if err != nil {
				t.Fatal(err)
			}
			a, err := New(DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			a.Add(r)
			if f := a.Report().Get(AbovePositive); len(f.Examples) != 1 || f.Examples[0] != tc.want {
				t.Errorf("%q, want %s", f.Examples, tc.want)
			}
		})
	}
}
