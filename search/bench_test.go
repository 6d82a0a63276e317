package search_test

import (
	"context"
	"math"
	"testing"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/search/searchtest"
)

// BenchmarkExact finds the top 200 of 200,000 passages of dimension 384 for 1,000 queries.
func BenchmarkExact(b *testing.B) {
	const passages, queries, dim, depth = 200_000, 1000, 384, 200
	p, q := unit(searchtest.Vectors(31, passages, dim, 0), dim), unit(searchtest.Vectors(32, queries, dim, 0), dim)
	for _, path := range kernel.Available() {
		if path == kernel.Portable {
			continue
		}
		b.Run(string(path), func(b *testing.B) {
			kernels, err := kernel.New(path)
			if err != nil {
				b.Fatal(err)
			}
			in := search.Input{Queries: q, Dim: dim, Depth: depth, Kernels: kernels, Passages: search.Rows(p, dim, 1024)}
			for b.Loop() {
				if err := search.Exact(context.Background(), in, func(int, ranking.Candidates) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e9, "s/search")
		})
	}
}

func unit(v []float32, dim int) []float32 {
	for row := v; len(row) > 0; row = row[dim:] {
		sum := 0.0
		for _, x := range row[:dim] {
			sum += float64(x) * float64(x)
		}
		for i := range row[:dim] {
			row[i] = float32(float64(row[i]) / math.Sqrt(sum))
		}
	}
	return v
}
