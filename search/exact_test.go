package search_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/search/searchtest"
)

func TestExact(t *testing.T) { searchtest.Run(t, search.Exact) }

// TestManyPasses checks that queries beyond one pass's memory are found alike: a depth that large leaves room for few.
func TestManyPasses(t *testing.T) {
	const queries, passages, dim = 40, 300, 5
	vectors := searchtest.Vectors(8, passages, dim, 4)
	in := search.Input{Queries: searchtest.Vectors(7, queries, dim, 4), Dim: dim, Depth: 1 << 19, Passages: search.Rows(vectors, dim, 64)}
	deep, err := search.All(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Depth = passages
	whole, err := search.All(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, deep); diff != "" {
		t.Errorf("-one pass +many:\n%s", diff)
	}
}
