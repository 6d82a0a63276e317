package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/ranking"
)

// stored are the candidates of a file, matched to the queries by their keys.
func (o MineOptions) stored(h *host, d data, answers corpus.Answers) (rankedBy, error) {
	r := rankedBy{round: o.Round}
	var all []ranking.Candidates
	err := readInput(h, "candidates", o.Candidates, func(in io.Reader) error {
		var err error
		r.header, all, err = candidates.ReadAll(in, o.Candidates)
		return err
	})
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
	if r.header.Depth < d.corpus.Len() && !o.WhatIf.Run { // every setting of a grid is checked by itself
		if err := o.Mine.ValidateDepth(r.header.Depth, mostTaken(d, answers)); err != nil {
			return r, badInputf("--candidates %s: %w", o.Candidates, err)
		}
	}
	if name := o.Mine.NeedsScores(); name != "" && !scored(r.header) {
		return r, badInputf("--%s compares scores, and the reciprocal ranks of %s are none: leave it out", flagOf(name), o.Candidates)
	}
	if !o.Rank.Texts.set["round"] {
		r.round = r.header.Round
	}
	r.by = rankerOf(r.header)
	byKey := make(map[string]ranking.Candidates, len(all))
	for _, c := range all {
		byKey[c.Query] = c
	}
	r.each = func(_ context.Context, sink func(int, ranking.Candidates) error) error {
		for i, q := range d.queries {
			c, ok := byKey[q.Key]
			if ok {
				c = d.said.Candidates(q, c)
			}
			if !ok || !samePositives(c, q) {
				return badInputf("%s:%d: %s has no candidates of the query %q with these positives: rank again, or give the --verdicts that promoted some", o.Rank.Data.Queries, q.Line, o.Candidates, q.Key)
			}
			if err := sink(i, c); err != nil {
				return err
			}
		}
		return nil
	}
	return r, nil
}

// scored says whether the scores of candidates compare with their positives': reciprocal ranks do not.
func scored(h candidates.Header) bool {
	return fuse.ScoredBy(h.Fusion)
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

// digestInput is the SHA-256 of a file that a flag names, as a run's stamps have it.
func digestInput(h *host, flag, path string) (string, error) {
	sum := sha256.New()
	err := readInput(h, flag, path, func(r io.Reader) error {
		_, err := io.Copy(sum, r)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
