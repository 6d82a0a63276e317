package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

// stored are the candidates of a file, matched to the queries by their keys.
func (o MineOptions) stored(h *host, d data, answers corpus.Answers) (rankedBy, error) {
	r := rankedBy{round: o.Round}
	records := map[string]int{} // by query key
	var index *candidates.Index
	err := readInput(h, "candidates", o.Candidates, func(in io.Reader) (err error) {
		r.header, err = numberRecords(in, o.Candidates, records)
		return err
	})
	if err == nil {
		index, err = indexStored(h, o.Candidates)
	}
	if err != nil {
		return r, err
	}
	digest, err := digestInput(h, "corpus", o.Rank.Data.Corpus)
	if err != nil {
		return r, err
	}
	if digest != r.header.CorpusDigest || r.header.Passages != d.corpus.Len() {
		return r, badInputf("--candidates %s: they are of another corpus than %s: rank again", o.Candidates, o.Rank.Data.Corpus)
	}
	sources, err := o.chosenSources(r.header, d.corpus)
	if err != nil {
		return r, err
	}
	if sources != nil {
		r.header = sources.made()
	}
	if r.header.Depth < d.corpus.Len() && !o.WhatIf.Run { // every setting of a grid is checked by itself
		if err := o.Mine.ValidateDepth(r.header.Depth, mine.MostTaken(d.queries, answers.Excluded, d.said.Struck)); err != nil {
			return r, badInputf("--candidates %s: %w", o.Candidates, err)
		}
	}
	if name := o.Mine.NeedsScores(); name != "" && !scored(r.header) {
		return r, badInputf("--%s compares scores, and the reciprocal ranks of %s are none: leave it out%s", flagOf(name), o.Candidates, otherRanking(r.header))
	}
	if err := o.noteQueries(h, d, r.header); err != nil {
		return r, err
	}
	if !o.Rank.Texts.set["round"] {
		r.round = r.header.Round
	}
	r.by = rankerOf(r.header)
	r.again = func(query int) (ranking.Candidates, error) {
		q := d.queries[query]
		var c ranking.Candidates
		record, ok := records[q.Key]
		if ok {
			var err error
			if c, err = index.At(record); err != nil {
				return c, badInput(err)
			}
			c = d.said.Candidates(q, sources.candidates(c))
		}
		if !ok || !samePositives(c, q) {
			return c, badInputf("%s:%d: %s has no candidates of the query %q with these positives: rank again, or give the --verdicts that promoted some", o.Rank.Data.Queries, q.Line, o.Candidates, q.Key)
		}
		return c, nil
	}
	r.each = func(ctx context.Context, sink func(int, ranking.Candidates) error) error {
		for i := range d.queries {
			c, err := r.again(i)
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if err := sink(i, c); err != nil {
				return err
			}
		}
		return nil
	}
	return r, nil
}

// noteQueries tells of candidates that were ranked for another file of queries, where ids alone say which query is which: what is stored
// has no texts.
func (o MineOptions) noteQueries(h *host, d data, header candidates.Header) error {
	if !slices.ContainsFunc(d.queries, func(q corpus.Query) bool { return q.ID != "" }) {
		return nil // a key without an id is of the text
	}
	digest, err := digestInput(h, "queries", o.Rank.Data.Queries)
	if err == nil && header.QueriesDigest != "" && digest != header.QueriesDigest {
		h.note("%s was ranked for other queries than those of %s: one that has kept its id but not its text is mined from what its old text found", o.Candidates, o.Rank.Data.Queries)
	}
	return err
}

// numberRecords checks a whole file of candidates and says which record is of which query. It holds the keys alone.
func numberRecords(in io.Reader, name string, records map[string]int) (candidates.Header, error) {
	file, err := candidates.NewReader(in, name)
	if err != nil {
		return candidates.Header{}, err
	}
	for c, err := range file.All() {
		if err != nil {
			return file.Header(), err
		}
		records[c.Query] = len(records)
	}
	return file.Header(), nil
}

// indexStored finds single records of the file.
func indexStored(h *host, path string) (*candidates.Index, error) {
	open := func() (io.ReadCloser, error) { return h.open("candidates", path) }
	f, err := open()
	if err != nil {
		return nil, badInputf("--candidates: %w", err)
	}
	size, err := sizeOf(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, badInputf("--candidates: %w", err)
	}
	index, err := candidates.IndexOf(open, size, path)
	return index, badInput(err)
}

// sizeOf is the length of what host.open has opened.
func sizeOf(f io.ReadCloser) (int64, error) {
	switch f := f.(type) {
	case interface{ Size() int64 }:
		return f.Size(), nil
	case *os.File:
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return 0, errors.New("its length is not known")
}

// scored says whether the scores of candidates compare with their positives': reciprocal ranks do not.
func scored(h candidates.Header) bool {
	return fuse.ScoredBy(h.Fusion)
}

// otherRanking says how scores are had of candidates that reciprocal ranks order.
func otherRanking(h candidates.Header) string {
	return ", mine by one of its sources (--source " + h.Names()[0] + "), or fuse their scores (--fuse weighted)"
}

// samePositives says whether candidates were made for the positives that a query has.
func samePositives(c ranking.Candidates, q corpus.Query) bool {
	var positives []int32
	for _, p := range c.Positives {
		positives = append(positives, p.Passage)
	}
	slices.Sort(positives)
	return slices.Equal(positives, q.Positives)
}
