package search

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/quarry-ml/quarry/ranking"
)

// A panel of passages is scored against tiles of queries. 8 widened query rows of dimension 384 are 24 KiB and stay in
// the first-level cache while the passages of a panel pass by; 512 passage rows are 1.5 MiB and stay in the second.
const (
	tileQueries   = 8
	panelPassages = 512
)

// scan is one pass over the passages for the queries [first, last).
type scan struct {
	in          Input
	first, last int
	queries     []float64 // [last-first, padded dim]
	panel       []float64 // [panelPassages, padded dim]
	tops        []*ranking.Top
	standings   []standing
}

func newScan(in Input, standings []standing, first, last int) *scan {
	s := &scan{
		in: in, first: first, last: last,
		queries:   make([]float64, (last-first)*padded(in.Dim)),
		panel:     make([]float64, panelPassages*padded(in.Dim)),
		tops:      make([]*ranking.Top, last-first),
		standings: standings[first:last],
	}
	widen(s.queries, in.Queries[first*in.Dim:last*in.Dim], in.Dim)
	for i := range s.tops {
		s.tops[i] = ranking.NewTop(in.Depth, in.Order)
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
			end := min(row+panelPassages, rows)
			if err := s.load(b, row, end); err != nil {
				return err
			}
			if err := s.scanPanel(ctx, b.First+row, end-row); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && passages == 0 {
		err = errNoPassages
	}
	return err
}

// load checks and widens the rows [row, end) of a block into the panel.
func (s *scan) load(b Block, row, end int) error {
	dim := s.in.Dim
	for r := row; r < end; r++ {
		if err := checkVector(b.Vectors[r*dim : (r+1)*dim]); err != nil {
			return fmt.Errorf("passage vector of row %d: %w", b.First+r, err)
		}
	}
	widen(s.panel, b.Vectors[row*dim:end*dim], dim)
	return nil
}

// scanPanel scores the panel's rows against all queries. Each tile of queries belongs to one worker, so what a query
// keeps needs no lock, and no sum depends on who computed it.
func (s *scan) scanPanel(ctx context.Context, first, rows int) error {
	tiles := (len(s.tops) + tileQueries - 1) / tileQueries
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(s.in.workers(), tiles) {
		wait.Go(func() {
			scores := make([]float32, tileQueries*rows)
			for tile := int(next.Add(1)) - 1; tile < tiles && ctx.Err() == nil; tile = int(next.Add(1)) - 1 {
				from := tile * tileQueries
				to := min(from+tileQueries, len(s.tops))
				s.score(scores, from, to, rows)
				for q := from; q < to; q++ {
					s.keep(q, first, scores[(q-from)*rows:(q-from+1)*rows])
				}
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

// score fills scores [to-from, rows] with the canonical scores of a tile of queries against the panel. A prefilter
// would stand here: approximate scores with a bound first, and canonical ones only for passages that the bound leaves.
func (s *scan) score(scores []float32, from, to, rows int) {
	wide := padded(s.in.Dim)
	for row := range rows {
		passage := s.panel[row*wide : (row+1)*wide]
		zero := isZero(passage)
		for q := from; q < to; q++ {
			score := Lowest
			if !zero {
				score = float32(dot(s.queries[q*wide:(q+1)*wide], passage))
			}
			scores[(q-from)*rows+row] = score
		}
	}
}

// keep offers the scores of one query against consecutive passages to its best hits and to its positives' standing.
func (s *scan) keep(q, first int, scores []float32) {
	top, standing := s.tops[q], &s.standings[q]
	threshold, full := top.Threshold()
	for row, score := range scores {
		h := ranking.Hit{Passage: int32(first + row), Score: score}
		standing.count(h, s.in.Order)
		if full && score < threshold {
			continue
		}
		if top.Push(h) {
			threshold, full = top.Threshold()
		}
	}
}

// candidates is what the pass has found of its i-th query.
func (s *scan) candidates(i int) ranking.Candidates {
	c := ranking.Candidates{Hits: s.tops[i].Ranking(), Positives: s.standings[i].ranked()}
	if s.in.Keys != nil {
		c.Query = s.in.Keys[s.first+i]
	}
	return c
}
