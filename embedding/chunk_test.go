package embedding

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/model"
)

func TestChunksOfAGreatNetworkAreFewTokens(t *testing.T) {
	for _, c := range []struct {
		name            string
		multiplications int64
		budget, want    int
	}{
		{"no products", 0, leastBudget, chunkTokens},
		{"all-MiniLM-L6-v2", 10_616_832, leastBudget, chunkTokens},
		{"Mistral-7B", 6_979_321_856, leastBudget, 10_082},
		{"70 billion", 70_000_000_000, leastBudget, leastBudget},
		{"70 billion, longer texts than a batch", 70_000_000_000, 8192, 8192},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := chunkOf(c.multiplications, c.budget); got != c.want {
				t.Errorf("%d tokens, want %d", got, c.want)
			}
		})
	}
}

func TestBatchesOfAChunkAreEven(t *testing.T) {
	for _, c := range []struct {
		name    string
		lengths []int
		budget  int
		want    []int // tokens of the batches
	}{
		{"all in one", []int{5, 3, 1}, 9, []int{9}},
		{"a little more than one", []int{4, 4, 4}, 9, []int{8, 4}},
		{"a little more than two", []int{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 10, []int{8, 8, 6}},
		{"a text beyond the budget", []int{20, 3, 3}, 10, []int{20, 6}},
		{"texts that do not fit together", []int{6, 6, 6, 1}, 10, []int{6, 6, 7}},
		{"a budget of one token", []int{2, 1}, 1, []int{2, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rest, left := c.lengths, 0
			for _, n := range rest {
				left += n
			}
			var got []int
			for len(rest) > 0 {
				n, tokens := share(func(i int) int { return rest[i] }, len(rest), left, c.budget)
				got, rest, left = append(got, tokens), rest[n:], left-tokens
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("batches of %v tokens, want %v", got, c.want)
			}
		})
	}
}

// TestABatchOccupiesEveryWorker compares with what an engine says keeps all of its workers busy, where no memory is short.
func TestABatchOccupiesEveryWorker(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, tinymodel.Options{Layers: 1}); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, c := range []struct{ workers, want int }{{1, 2048}, {8, 2048}, {33, 33 * 256}, {128, 128 * 256}} {
		e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: c.workers})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		x, err := New(m, e)
		if err != nil {
			t.Fatal(err)
		}
		var o Options
		if err := x.prepare(&o); err != nil {
			t.Fatal(err)
		}
		if o.Budget != c.want || o.Budget < e.Filling() || x.plan.Tokens < o.Budget {
			t.Errorf("%d workers: batches of %d tokens in a plan of %d, want %d", c.workers, o.Budget, x.plan.Tokens, c.want)
		}
	}
}

// TestBatchesKeepTheirMemory embeds the texts of a chunk in several batches again and again.
func TestBatchesKeepTheirMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	if err := tinymodel.Write(dir, tinymodel.Options{Layers: 1}); err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(dir, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := compute.New(compute.Options{Path: kernel.Portable, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	x, err := New(m, e)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Budget: 16}
	if err := x.prepare(&o); err != nil {
		t.Fatal(err)
	}
	sequences := make([]model.Sequence, 24)
	for i := range sequences {
		n := 1 + i%5
		sequences[i] = model.Sequence{IDs: []int32{5, 6, 7, 8, 9}[:n], Types: []int32{0, 1, 0, 1, 0}[:n]}
	}
	vectors := make([]float32, len(sequences)*x.Dimension())
	allocations := testing.AllocsPerRun(5, func() {
		if err := x.embed(t.Context(), sequences, o, vectors, func(int) {}); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a chunk, want none", allocations)
	}
}
