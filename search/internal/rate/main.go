// Command rate times search.Exact for bench/run: vectors in memory, as they are in a peer's index, and no result written.
// It prints the seconds of searching for all queries and for the first alone, which is little more than checking,
// measuring and packing the passages.
//
//	go run ./search/internal/rate --passages P.npy --queries Q.npy [--depth 200] [--cpu PATH] [--workers N]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/vectors"
)

type options struct {
	passages, queries, cpu string
	depth, workers         int
}

func main() {
	var o options
	flag.StringVar(&o.passages, "passages", "", "vectors of the passages, .npy `file`")
	flag.StringVar(&o.queries, "queries", "", "vectors of the queries")
	flag.StringVar(&o.cpu, "cpu", "", "processor `path` (the best there is)")
	flag.IntVar(&o.depth, "depth", 200, "hits of a query")
	flag.IntVar(&o.workers, "workers", 0, "goroutines (all processors)")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(o options) error {
	passages, err := read(o.passages)
	if err != nil {
		return err
	}
	queries, err := read(o.queries)
	if err != nil {
		return err
	}
	kernels, err := kernel.New(kernel.Path(o.cpu))
	if err != nil {
		return err
	}
	in := search.Input{Dim: passages.Dim, Passages: search.Rows(passages.Data, passages.Dim, search.BlockRows), Depth: o.depth, Kernels: kernels, Workers: o.workers}
	var result struct {
		Seconds  float64 `json:"seconds"`
		OneQuery float64 `json:"one_query"`
	}
	if result.OneQuery, err = seconds(in, queries.Row(0)); err != nil {
		return err
	}
	if result.Seconds, err = seconds(in, queries.Data); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// read copies a file's vectors into memory, so that its pages are not read while the search is timed.
func read(path string) (vectors.Matrix, error) {
	mapped, err := vectors.OpenNPY(path)
	if err != nil {
		return vectors.Matrix{}, err
	}
	m := mapped.Matrix
	m.Data = slices.Clone(m.Data)
	return m, errors.Join(mapped.CheckFinite(path), mapped.Close())
}

// seconds is how long the search for some queries takes.
func seconds(in search.Input, queries []float32) (float64, error) {
	in.Queries = queries
	start := time.Now()
	err := search.Exact(context.Background(), in, func(int, ranking.Candidates) error { return nil })
	return time.Since(start).Seconds(), err
}
