package main

import (
	"fmt"
	"iter"

	"github.com/quarry-ml/quarry/search"
	"github.com/quarry-ml/quarry/vectors"
)

// rows are vectors to search with or in: a matrix, or the pieces of one in files.
type rows struct {
	matrix vectors.Matrix
	close  func() error

	count  int // of the pieces' rows
	pieces []piece
}

// piece is a file of rows.
type piece struct {
	span
	file   string
	digest string
}

// wholeRows are those of a matrix that close gives up.
func wholeRows(m vectors.Matrix, close func() error) rows {
	return rows{matrix: m, close: close, count: m.Rows}
}

func (r rows) giveUp() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// of hands the rows of a span to use, for as long as that runs. The span of pieces is within one of them.
func (r rows) of(s span, use func(vectors.Matrix) error) error {
	cut := func(m vectors.Matrix, first, end int) vectors.Matrix {
		return vectors.Matrix{Rows: end - first, Dim: m.Dim, Data: m.Data[first*m.Dim : end*m.Dim]}
	}
	if r.pieces == nil {
		return use(cut(r.matrix, s.first, s.end))
	}
	for _, p := range r.pieces {
		if p.first <= s.first && s.end <= p.end {
			return p.open(func(m vectors.Matrix) error { return use(cut(m, s.first-p.first, s.end-p.first)) })
		}
	}
	return fmt.Errorf("rows %d to %d are no piece", s.first, s.end)
}

// blocks are all rows in order. A piece is mapped only while its blocks are looked at.
func (r rows) blocks() iter.Seq2[search.Block, error] {
	if r.pieces == nil {
		return search.Rows(r.matrix.Data, r.matrix.Dim, search.BlockRows)
	}
	return func(yield func(search.Block, error) bool) {
		for _, p := range r.pieces {
			more := true
			err := p.open(func(m vectors.Matrix) error {
				for b, err := range search.Rows(m.Data, m.Dim, search.BlockRows) {
					b.First += p.first
					if more = yield(b, err); !more {
						break
					}
				}
				return nil
			})
			if err != nil && more {
				more = yield(search.Block{}, err)
			}
			if !more {
				return
			}
		}
	}
}

// open maps a piece while use runs.
func (p piece) open(use func(vectors.Matrix) error) (err error) {
	m, err := vectors.OpenNPY(p.file)
	if err != nil {
		return err
	}
	defer func() {
		if e := m.Close(); err == nil {
			err = e
		}
	}()
	if err := m.CheckRows(p.file, p.len()); err != nil {
		return err
	}
	return use(m.Matrix)
}
