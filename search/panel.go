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

// A stretch is panels that are packed together, while the queries pass by those before: one for every four workers, whose
// eight groups a panel give each of them two to pack, and no more than keep what is packed small.
const (
	workersPerPanel = 4
	mostPanels      = 16
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

// panelsOf is how many panels make a stretch. Two stretches take an eighth of a limited memory, or one panel each.
func (s *scan) panelsOf() int {
	n := min((s.in.workers()+workersPerPanel-1)/workersPerPanel, mostPanels)
	if s.in.Memory > 0 {
		n = int(min(int64(n), s.in.Memory/8/int64(2*4*s.dots.ColumnWords(panelPassages))))
	}
	return max(1, n)
}

// stretchRows is the passages of a stretch.
func (s *scan) stretchRows() int { return len(s.now) * panelPassages }

// take cuts the rows of a block from one on into the panels of a stretch that is yet to be packed.
func (s *scan) take(panels []panel, b Block, row int) {
	dim := s.in.Dim
	for i := range panels {
		p, end := &panels[i], min(row+panelPassages, len(b.Vectors)/dim)
		p.first, p.rows = b.First+row, max(0, end-row)
		if p.rows > 0 {
			p.vectors = b.Vectors[row*dim : end*dim]
		}
		row += panelPassages
	}
}

// groupsOf is the groups of passages of a panel.
func (p *panel) groupsOf() []group {
	return p.groups[:(p.rows+groupPassages-1)/groupPassages]
}

// packed says what of a stretch is at fault, if anything, and measures its panels, when all groups are packed.
func packed(panels []panel) error {
	for i := range panels {
		p := &panels[i]
		p.largest = compute.Size{}
		for _, g := range p.groupsOf() {
			if g.err != nil {
				return g.err
			}
			p.largest.Length = max(p.largest.Length, g.largest.Length)
			p.largest.Lost = max(p.largest.Lost, g.largest.Lost)
		}
	}
	return nil
}

// pack checks, measures and packs a group of a panel.
func (s *scan) pack(p *panel, g int) {
	dim := s.in.Dim
	from, to := g*groupPassages, min((g+1)*groupPassages, p.rows)
	found := &p.groups[g]
	*found = group{zeros: found.zeros[:0]}
	for r := from; r < to; r++ {
		v := p.vectors[r*dim : (r+1)*dim]
		if err := checkVector(v); err != nil {
			found.err = fmt.Errorf("passage vector of row %d: %w", p.first+r, err)
			return
		}
		size := s.dots.Size(v)
		found.largest.Length = max(found.largest.Length, size.Length)
		found.largest.Lost = max(found.largest.Lost, size.Lost)
		if size.Length == 0 && isZero(v) {
			found.zeros = append(found.zeros, r)
		}
	}
	s.dots.PackColumns(p.packed[s.dots.ColumnWords(from):], p.vectors[from*dim:to*dim], to-from)
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
