package convert

import (
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/trainingset"
)

// TestTwinsAreTold: the format quarry has negatives as texts, so that of passages of one text it can mean the first alone. That is a loss
// where a row means another, and only there.
func TestTwinsAreTold(t *testing.T) {
	c, err := corpus.New([]corpus.Passage{{ID: "a", Text: "same"}, {ID: "b", Text: "same "}, {ID: "c", Text: "answer"}, {ID: "d", Text: "answer"}})
	if err != nil {
		t.Fatal(err)
	}
	row := func(positive, negative trainingset.Passage) []*trainingset.Row {
		return []*trainingset.Row{{ID: "q", Query: "q", Positives: []trainingset.Passage{positive}, Negatives: []trainingset.Passage{negative}}}
	}
	quarry, err := ByName("quarry")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		rows   []*trainingset.Row
		corpus *corpus.Corpus
		want   int
	}{
		{"the second of two of the corpus", row(passage("c", "", "answer"), passage("b", "", "same ")), c, 1},
		{"the first", row(passage("c", "", "answer"), passage("a", "", "same")), c, 0},
		{"positives have their ids", row(passage("d", "", "answer"), passage("a", "", "same")), c, 0},
		{"of rows alone", append(row(passage("c", "", "answer"), passage("a", "", "same")), row(passage("d", "", "answer"), passage("b", "", "same "))...), nil, 1},
		// Both rows have both positives when read back.
		{"a positive without an id", append(row(passage("", "T", "one"), passage("", "", "same")), row(passage("", "", "T one"), passage("", "", "other"))...), nil, 1},
		{"no twins", append(row(passage("", "", "one"), passage("", "", "two")), row(passage("", "", "two"), passage("", "", "one"))...), nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for i, r := range tc.rows {
				if r.ID = ""; tc.rows[0].Positives[0].ID != "" {
					r.ID = string(rune('p' + i))
				}
			}
			set := setOf(func() []*trainingset.Row { return tc.rows })
			set.Corpus = tc.corpus
			survey, err := set.Look()
			if err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, loss := range quarry.Losses(survey, Options{}) {
				if loss.What == "which of several passages of one text a row means: the first of them" {
					told = loss.Rows
				}
			}
			if told != tc.want {
				t.Errorf("told of %d rows, want %d", told, tc.want)
			}
			back, _ := through(t, t.TempDir(), set, quarry, Options{})
			other := 0
			for i, r := range all(t, back) {
				want := tc.rows[i]
				if len(r.Positives) != 1 || keyOf(r.Positives[0]) != keyOf(want.Positives[0]) || keyOf(r.Negatives[0]) != keyOf(want.Negatives[0]) {
					other++
				}
			}
			if other < tc.want || tc.want == 0 && other > 0 {
				t.Errorf("%d rows are others when read back, %d were told of", other, tc.want)
			}
		})
	}
}
