package search_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/search/searchtest"
)

// TestExact runs the contract on every path: each estimates otherwise.
func TestExact(t *testing.T) {
	for _, path := range kernel.Available() {
		t.Run(string(path), func(t *testing.T) {
			kernels, err := kernel.New(path)
			if err != nil {
				t.Fatal(err)
			}
			searchtest.Run(t, func(ctx context.Context, in search.Input, sink func(int, ranking.Candidates) error) error {
				in.Kernels = kernels
				return search.Exact(ctx, in, sink)
			})
		})
	}
}

// TestManyPasses checks that queries beyond one pass's memory are found alike: a depth that large leaves room for few, and
// so does a small memory.
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
	for _, memory := range []int64{1, 50_000, 1 << 40} {
		in.Memory = memory
		done := 0
		in.Progress = func(first, last, seen int) {
			if now := first*passages + (last-first)*seen; now > done && seen <= passages && last <= queries {
				done = now
				return
			}
			t.Errorf("queries %d to %d, %d passages after %d pairs", first, last, seen, done)
		}
		within, err := search.All(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, within); diff != "" {
			t.Errorf("-one pass +memory of %d bytes:\n%s", memory, diff)
		}
		if done != queries*passages {
			t.Errorf("%d pairs were told of %d", done, queries*passages)
		}
	}
}
