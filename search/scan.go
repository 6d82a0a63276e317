package search

import (
	"context"
	"math"

	"github.com/quarry-ml/quarry/compute"
	"github.com/quarry-ml/quarry/compute/kernel"
	"github.com/quarry-ml/quarry/ranking"
)

// tileQueries is about how many queries are estimated together: 64 rows of estimates against a panel are 128 KiB.
const tileQueries = 64

// scan is one pass over the passages for the queries [first, last). Estimates of all scores come from one matrix product;
// the canonical score is taken only of pairs that the estimate's bound leaves in question.
type scan struct {
	in          Input
	kernels     *kernel.Set
	first, last int
	dots        *compute.Dots
	tile        int            // queries of a tile: whole blocks of rows
	queries     []float32      // packed, tile by tile
	sizes       []compute.Size // of queries
	panel       panel
	tops        []*ranking.Top
	standings   []standing
	scored      []int       // canonical scores taken, by query
	scratch     [][]float32 // of each worker: estimates, and what multiplying them takes
}

func newScan(in Input, kernels *kernel.Set, standings []standing, first, last int) *scan {
	s := &scan{in: in, kernels: kernels, first: first, last: last, dots: compute.NewDots(kernels, in.Dim), standings: standings[first:last]}
	n, block := last-first, s.dots.RowBlock()
	if groupPassages%s.dots.ColumnBlock() != 0 {
		panic("search: a group of passages is no whole number of blocks of columns")
	}
	// Few queries make small tiles, so that every worker has some.
	wanted := min(tileQueries, (n+2*in.workers()-1)/(2*in.workers()))
	s.tile = (wanted + block - 1) / block * block
	s.queries = make([]float32, s.dots.RowWords(n))
	s.dots.PackRows(s.queries, in.Queries[first*in.Dim:last*in.Dim], n)
	s.panel.packed = make([]float32, s.dots.ColumnWords(panelPassages))
	s.scratch, s.scored = make([][]float32, in.workers()), make([]int, n)
	for i := range n {
		s.sizes = append(s.sizes, s.dots.Size(in.query(first+i)))
		s.tops = append(s.tops, ranking.NewTop(in.Depth, in.Order))
	}
	return s
}

// run visits every passage.
func (s *scan) run(ctx context.Context) error {
	passages := 0
	err := s.in.blocks(func(b Block) error {
		rows := len(b.Vectors) / s.in.Dim
		passages += rows
		for row := 0; row < rows; row += panelPassages {
			if err := s.load(b, row, min(row+panelPassages, rows)); err != nil {
				return err
			}
			if err := s.scanPanel(ctx); err != nil {
				return err
			}
		}
		if s.in.Progress != nil {
			s.in.Progress(s.first, s.last, passages)
		}
		return nil
	})
	if err == nil && passages == 0 {
		err = errNoPassages
	}
	return err
}

// scanPanel holds the panel against all queries. Each tile of queries belongs to one worker, so what a query keeps needs
// no lock.
func (s *scan) scanPanel(ctx context.Context) error {
	n := len(s.tops)
	s.parallel((n+s.tile-1)/s.tile, func(worker, tile int) {
		if ctx.Err() != nil {
			return
		}
		from, to := tile*s.tile, min((tile+1)*s.tile, n)
		estimates := s.estimate(worker, from, to)
		for q := from; q < to; q++ {
			s.keep(q, estimates[(q-from)*panelPassages:][:s.panel.rows])
		}
	})
	return ctx.Err()
}

// estimate returns the estimated scores of queries [from, to) and the panel's passages, rows panelPassages apart.
func (s *scan) estimate(worker, from, to int) []float32 {
	size := s.tile * panelPassages
	if s.scratch[worker] == nil {
		s.scratch[worker] = make([]float32, size+s.dots.ScratchWords(s.tile))
	}
	estimates, rest := s.scratch[worker][:size], s.scratch[worker][size:]
	p := &s.panel
	s.dots.Multiply(estimates, panelPassages, s.queries[s.dots.RowWords(from):], p.packed, to-from, p.rows, rest)
	for _, g := range p.groups[:(p.rows+groupPassages-1)/groupPassages] {
		for _, row := range g.zeros { // their score is no product
			for q := range to - from {
				estimates[q*panelPassages+row] = Lowest
			}
		}
	}
	return estimates
}

// keep offers the passages of the panel to a query's best hits and to its positives' standing.
func (s *scan) keep(q int, estimates []float32) {
	top, standing := s.tops[q], &s.standings[q]
	off := s.bound(q)
	threshold, full := top.Threshold()
	cut := s.cut(threshold, full, standing, off)
	for row, estimate := range estimates {
		if estimate < cut {
			continue
		}
		low, high := float64(estimate)-off, float64(estimate)+off
		if full && high < float64(threshold) {
			if first, sure := standing.place(low, high); sure {
				if first < len(standing.above) {
					standing.above[first]++
				}
				continue
			}
		}
		h := ranking.Hit{Passage: int32(s.panel.first + row), Score: s.score(q, row)}
		s.scored[q]++
		standing.count(h, s.in.Order)
		if top.Push(h) {
			threshold, full = top.Threshold()
			cut = s.cut(threshold, full, standing, off)
		}
	}
}

// bound is how far an estimate of the panel may be from the query's canonical score: the product's own error, and the
// rounding of the canonical score to float32, with room for its float64 sums.
func (s *scan) bound(q int) float64 {
	query, passage := s.sizes[q], s.panel.largest
	rounding := 0x1p-23*(query.Length+query.Lost)*(passage.Length+passage.Lost) + 0x1p-148
	return s.dots.Error(query, passage) + rounding
}

// cut is the estimate below which a passage can neither be a hit nor beat a positive.
func (s *scan) cut(threshold float32, full bool, standing *standing, off float64) float32 {
	if !full {
		return float32(math.Inf(-1))
	}
	lowest := float64(threshold)
	if n := len(standing.hits); n > 0 {
		lowest = min(lowest, float64(standing.hits[n-1].Score))
	}
	cut := float32(lowest - off)
	if float64(cut) > lowest-off {
		cut = math.Nextafter32(cut, float32(math.Inf(-1)))
	}
	return cut
}

// score is the canonical score of a query and a passage of the panel.
func (s *scan) score(q, row int) float32 {
	passage := s.panel.vectors[row*s.in.Dim : (row+1)*s.in.Dim]
	return scoreOf(s.kernels.Dot64(s.in.query(s.first+q), passage), passage)
}

// candidates is what the pass has found of its i-th query.
func (s *scan) candidates(i int) ranking.Candidates {
	c := ranking.Candidates{Hits: s.tops[i].Ranking(), Positives: s.standings[i].ranked()}
	if s.in.Keys != nil {
		c.Query = s.in.Keys[s.first+i]
	}
	return c
}
