package embedding_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/embedding"
	"github.com/quarry-ml/quarry/internal/tinymodel"
)

// TestWorkersAndLongTextsChangeNoVector shuffles short texts and some whose attention takes keys in blocks, changes budgets
// and workers, to more than there are heads, and compares bits; and so it does a long text alone.
func TestWorkersAndLongTextsChangeNoVector(t *testing.T) {
	m := openTiny(t, tinymodel.Options{Layers: 1, Heads: 2, Positions: 1200})
	texts := someTexts(40)
	source := draw.New(3, "embedding test", 0, 0, "long texts")
	for _, tokens := range []int{113, 513, 1200} {
		ids := make([]int32, tokens)
		for i := range ids {
			ids[i] = int32(5 + source.IntN(60))
		}
		texts = append(texts, embedding.Text{IDs: ids})
	}
	budgets := []int{64, 3000}
	if testing.Short() { // the race detector's runs take ten times as long
		budgets = budgets[:1]
	}
	for _, path := range kernel.Available() {
		t.Run(string(path), func(t *testing.T) {
			want := embed(t, m, compute.Options{Path: path, Workers: 1}, texts, embedding.Options{Budget: 1})
			for _, workers := range []int{1, 2, 3, 5, 65} {
				for _, budget := range budgets {
					t.Run(fmt.Sprintf("workers=%d/budget=%d", workers, budget), func(t *testing.T) {
						order := source.Sample(len(texts), len(texts))
						shuffled := make([]embedding.Text, len(texts))
						for i, at := range order {
							shuffled[i] = texts[at]
						}
						got := embed(t, m, compute.Options{Path: path, Workers: workers}, shuffled, embedding.Options{Budget: budget})
						for i, at := range order {
							if !slices.Equal(got[i], want[at]) {
								t.Fatalf("text %d has another vector", at)
							}
						}
					})
				}
				last := len(texts) - 1
				if alone := embed(t, m, compute.Options{Path: path, Workers: workers}, texts[last:], embedding.Options{}); !slices.Equal(alone[0], want[last]) {
					t.Errorf("%d workers: a long text alone has another vector", workers)
				}
			}
		})
	}
}
