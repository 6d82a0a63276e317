package corpus_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/corpus"
)

func TestAnswersOf(t *testing.T) {
	c, err := corpus.New([]corpus.Passage{{ID: "a", Text: "one"}, {ID: "b", Text: "two"}, {ID: "c", Text: "one "}, {ID: "d", Text: "three"}})
	if err != nil {
		t.Fatal(err)
	}
	train := []corpus.Query{
		{Text: "what", Positives: []int32{0}},
		{Text: " what\n", Positives: []int32{1}},
		{Text: "who", Positives: []int32{3}},
	}
	dev := []corpus.Query{{Text: "what ", Positives: []int32{3}}, {Text: "when", Positives: []int32{1}}}
	for _, tc := range []struct {
		name    string
		sets    [][]corpus.Query
		queries []corpus.Query
		want    [][]int32
	}{
		{"training knows nothing of dev", [][]corpus.Query{train}, train, [][]int32{{0, 1, 2}, {0, 1, 2}, {3}}},
		{"dev knows its own judgments and training's", [][]corpus.Query{train, dev}, dev, [][]int32{{0, 1, 2, 3}, {1}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answers := c.AnswersOf(tc.sets...)
			var got [][]int32
			for _, q := range tc.queries {
				got = append(got, answers.Of(q))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestGiven: a row's own negatives are passages of the corpus, the first of each text, in the row's order.
func TestGiven(t *testing.T) {
	c, err := corpus.New([]corpus.Passage{{Text: "one"}, {Text: "two"}, {Text: "one"}})
	if err != nil {
		t.Fatal(err)
	}
	if given, unknown := c.Given(corpus.Query{Negatives: []string{" two", "one"}}); !slices.Equal(given, []int32{1, 0}) || unknown != "" {
		t.Errorf("got %v, unknown %q", given, unknown)
	}
	if _, unknown := c.Given(corpus.Query{Negatives: []string{"one", "three"}}); unknown != "three" {
		t.Errorf("unknown %q", unknown)
	}
}
