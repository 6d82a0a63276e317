package pipeline

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/recipe"
)

// TestOtherMeasuresOfTheSameValueMakeAnotherTable asks for hit@5 after recall@5: with one positive a query the numbers
// are the same, and so are the files of the epochs.
func TestOtherMeasuresOfTheSameValueMakeAnotherTable(t *testing.T) {
	r := tinyProject(t, edit(t, "metrics: [map@25, recall@5]", "metrics: [recall@5]", "select: {metric: map@25}", "select: {metric: recall@5}", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	r = loadRecipe(t, filepath.Dir(r.File()), edit(t, "metrics: [map@25, recall@5]", "metrics: [hit@5], convention: kaggle", "select: {metric: map@25}", "select: {metric: hit@5}", "  - mine: {window: 0-6}\n", ""))
	mustRun(t, r)
	s, err := look(t, r).ReadScores(0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Measures, []string{"hit@5"}) || s.Convention != "kaggle" {
		t.Errorf("the table is of %v by %s", s.Measures, s.Convention)
	}
}

// TestTheMinersRankingScoresTheBaseToTheDepthOfOtherEpochs compares epoch 0 by the miner's own, deeper candidates with
// epoch 0 of a run that has none, under a measure that looks at every hit.
func TestTheMinersRankingScoresTheBaseToTheDepthOfOtherEpochs(t *testing.T) {
	base := func(source string) []float64 {
		r := tinyProject(t, edit(t,
			"mine: {window: 1-8, negatives: 4, depth: 12}", "mine: {source: "+source+", window: 1-8, negatives: 4, depth: 30}",
			"metrics: [map@25, recall@5]", "metrics: [map, ndcg], convention: trec_eval, depth: 3",
			"select: {metric: map@25}", "select: {metric: map}", "  - mine: {window: 0-6}\n", ""))
		mustRun(t, r)
		s, err := look(t, r).ReadScores(0)
		if err != nil {
			t.Fatal(err)
		}
		return s.Epochs[0].Dev.All
	}
	if mined, searched := base(recipe.Dense), base(recipe.Random); !slices.Equal(mined, searched) {
		t.Errorf("the base scores %v by the miner's candidates, %v by a search of its own", mined, searched)
	}
}
