package search

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/quarry-ml/quarry/compute"
)

// A panel of passages is scored against tiles of queries. 512 packed passages of dimension 384 take 0.4 MB in bf16 and stay
// in the second-level cache while the queries pass by.
const (
	panelPassages = 512
	groupPassages = 64 // that one task packs: whole blocks of columns on every path
)

// panel is a run of passages, packed and measured.
type panel struct {
	first   int       // passage of the first row
	rows    int       //
	vectors []float32 // [rows, dim], as they came
	packed  []float32
	groups  [panelPassages / groupPassages]group
	largest compute.Size // each the largest of any passage
}

// group is what one task has found of its passages.
type group struct {
	largest compute.Size
	zeros   []int // rows without anything in them
	err     error
}

// load checks, measures and packs the rows [row, end) of a block.
func (s *scan) load(b Block, row, end int) error {
	p, dim := &s.panel, s.in.Dim
	p.first, p.rows, p.vectors = b.First+row, end-row, b.Vectors[row*dim:end*dim]
	groups := (p.rows + groupPassages - 1) / groupPassages
	s.parallel(groups, func(_, g int) { p.groups[g] = s.loadGroup(g) })
	p.largest = compute.Size{}
	for _, g := range p.groups[:groups] {
		if g.err != nil {
			return g.err
		}
		p.largest.Length = max(p.largest.Length, g.largest.Length)
		p.largest.Lost = max(p.largest.Lost, g.largest.Lost)
	}
	return nil
}

func (s *scan) loadGroup(g int) group {
	p, dim := &s.panel, s.in.Dim
	from, to := g*groupPassages, min((g+1)*groupPassages, p.rows)
	var found group
	for r := from; r < to; r++ {
		v := p.vectors[r*dim : (r+1)*dim]
		if err := checkVector(v); err != nil {
			found.err = fmt.Errorf("passage vector of row %d: %w", p.first+r, err)
			return found
		}
		size := s.dots.Size(v)
		found.largest.Length = max(found.largest.Length, size.Length)
		found.largest.Lost = max(found.largest.Lost, size.Lost)
		if size.Length == 0 && isZero(v) {
			found.zeros = append(found.zeros, r)
		}
	}
	s.dots.PackColumns(p.packed[s.dots.ColumnWords(from):], p.vectors[from*dim:to*dim], to-from)
	return found
}

// parallel does tasks on the search's workers and returns when all are done.
func (s *scan) parallel(tasks int, do func(worker, task int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for worker := range min(s.in.workers(), tasks) {
		wait.Go(func() {
			for task := int(next.Add(1)) - 1; task < tasks; task = int(next.Add(1)) - 1 {
				do(worker, task)
			}
		})
	}
	wait.Wait()
}
