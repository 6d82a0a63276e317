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
	now, next   []panel        // stretches: that which the queries pass by, and that which is packed meanwhile
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
	s.now, s.next = s.newStretch(), s.newStretch()
	s.scratch, s.scored = make([][]float32, in.workers()), make([]int, n)
	for i := range n {
		s.sizes = append(s.sizes, s.dots.Size(in.query(first+i)))
		s.tops = append(s.tops, ranking.NewTop(in.Depth, in.Order))
	}
	return s
}

// newStretch makes room for the panels of a stretch.
func (s *scan) newStretch() []panel {
	panels := make([]panel, s.panelsOf())
	for i := range panels {
		panels[i].packed = make([]float32, s.dots.ColumnWords(panelPassages))
	}
	return panels
}

// run visits every passage.
func (s *scan) run(ctx context.Context) error {
	passages := 0
	err := s.in.blocks(func(b Block) error {
		rows := len(b.Vectors) / s.in.Dim
		passages += rows
		s.take(s.now, b, rows) // nothing
		for row := 0; row < rows+s.stretchRows(); row += s.stretchRows() {
			s.take(s.next, b, row)
			if err := s.turn(ctx); err != nil {
				return err
			}
			s.now, s.next = s.next, s.now
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

// turn holds the stretch of now against all queries and packs the next one beside that. Each tile of queries belongs to one
// worker, so what a query keeps needs no lock.
func (s *scan) turn(ctx context.Context) error {
	n, tiles, groups := len(s.tops), 0, 0
	if s.now[0].rows > 0 {
		tiles = (n + s.tile - 1) / s.tile
	}
	for i := range s.next {
		groups += len(s.next[i].groupsOf())
	}
	const each = panelPassages / groupPassages // all panels but the last are whole
	s.parallel(groups+tiles, func(worker, task int) {
		if ctx.Err() != nil {
			return
		}
		if task < groups {
			s.pack(&s.next[task/each], task%each)
			return
		}
		tile := task - groups
		s.scanTile(ctx, worker, tile*s.tile, min((tile+1)*s.tile, n))
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	return packed(s.next)
}

// scanTile holds the stretch of now against the queries [from, to).
func (s *scan) scanTile(ctx context.Context, worker, from, to int) {
	for i := range s.now {
		p := &s.now[i]
		if p.rows == 0 || ctx.Err() != nil {
			return
		}
		estimates := s.estimate(worker, p, from, to)
		for q := from; q < to; q++ {
			s.keep(q, p, estimates[(q-from)*panelPassages:][:p.rows])
		}
	}
}

// estimate returns the estimated scores of queries [from, to) and a panel's passages, rows panelPassages apart.
func (s *scan) estimate(worker int, p *panel, from, to int) []float32 {
	size := s.tile * panelPassages
	if s.scratch[worker] == nil {
		s.scratch[worker] = make([]float32, size+s.dots.ScratchWords(s.tile))
	}
	estimates, rest := s.scratch[worker][:size], s.scratch[worker][size:]
	s.dots.Multiply(estimates, panelPassages, s.queries[s.dots.RowWords(from):], p.packed, to-from, p.rows, rest)
	for _, g := range p.groupsOf() {
		for _, row := range g.zeros { // their score is no product
			for q := range to - from {
				estimates[q*panelPassages+row] = Lowest
			}
		}
	}
	return estimates
}

// keep offers the passages of a panel to a query's best hits and to its positives' standing.
func (s *scan) keep(q int, p *panel, estimates []float32) {
	top, standing := s.tops[q], &s.standings[q]
	off := s.bound(q, p)
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
		h := ranking.Hit{Passage: int32(p.first + row), Score: s.score(q, p, row)}
		s.scored[q]++
		standing.count(h, s.in.Order)
		if top.Push(h) {
			threshold, full = top.Threshold()
			cut = s.cut(threshold, full, standing, off)
		}
	}
}

// bound is how far an estimate of a panel may be from the query's canonical score: the product's own error, and the
// rounding of the canonical score to float32, with room for its float64 sums.
func (s *scan) bound(q int, p *panel) float64 {
	query, passage := s.sizes[q], p.largest
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

// score is the canonical score of a query and a passage of a panel.
func (s *scan) score(q int, p *panel, row int) float32 {
	passage := p.vectors[row*s.in.Dim : (row+1)*s.in.Dim]
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
