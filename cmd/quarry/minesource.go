package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/lexical"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// source is one of those that rank, ready to rank any shard.
type source struct {
	inputs func(shard int) []rundir.Input // what its rankings of a shard depend on beside corpus, queries and parameters
	rank   func(ctx context.Context, s span, sink func(query int, r ranking.Ranked) error) error
	close  func() error
}

// open makes a source ready. What embeds has its vectors then.
func (s *shards) open(ctx context.Context, at int) (source, error) {
	name := s.o.Sources.list()[at]
	kind, file := kindOf(name)
	switch kind {
	case bm25:
		return s.openBM25(), nil
	case run:
		return s.openRun(name, file)
	}
	ranker := s.o.Rank
	switch kind {
	case byVectors:
		ranker.Model, ranker.Given = ModelOptions{}, s.o.Sources.vectorsOf(name)
	case other:
		ranker.Model, ranker.Given = ranker.Model.ofSource(name, file), VectorOptions{}
	}
	return s.openVectors(ctx, at, name, ranker)
}

func (s *shards) openVectors(ctx context.Context, at int, name string, ranker RankOptions) (source, error) {
	digest := s.header.ModelDigest
	if len(s.header.Sources) > 0 {
		digest = s.header.Sources[at].ModelDigest
	}
	var kept *keptSides
	if s.work != nil {
		kept = &keptSides{work: s.work, source: at, shard: s.o.Shard, model: digest, name: name}
	}
	v, err := ranker.sides(ctx, s.host, s.data, kept)
	if err != nil {
		return source{}, err
	}
	if s.o.Sources.fused() {
		v.label = "search by " + name
	}
	ofPassages := v.passages.digest()
	ids := ""
	if v.given && s.work != nil {
		if ids, err = ranker.Given.digestIDs(s.host); err != nil {
			return source{}, errors.Join(err, v.close())
		}
	}
	inputs := func(shard int) []rundir.Input {
		if v.given {
			return []rundir.Input{{Name: strings.TrimSpace(ranker.Given.source + " vectors"), Digest: digest + ids}}
		}
		return []rundir.Input{{Name: name + " vectors of passages", Digest: ofPassages}, {Name: name + " vectors of queries", Digest: v.queries.pieces[shard].digest}}
	}
	rank := func(ctx context.Context, part span, sink func(int, ranking.Ranked) error) error {
		return v.rank(ctx, s.host, s.data, part, s.depth, func(query int, c ranking.Candidates) error {
			return sink(query, ranking.Ranked{Hits: c.Hits, Positives: c.Positives})
		})
	}
	return source{inputs, rank, v.close}, nil
}

// openBM25 makes the index when the first shard asks for it.
func (s *shards) openBM25() source {
	var index *lexical.Index
	rank := func(ctx context.Context, part span, sink func(int, ranking.Ranked) error) error {
		if index == nil {
			var err error
			index, err = lexical.NewIndex(s.data.corpus.Texts(), s.o.Sources.BM25)
			if err != nil {
				return badInput(err)
			}
		}
		query := func(i int) (string, []int32) {
			q := s.data.queries[part.first+i]
			return q.Text, q.Positives
		}
		return index.Search(ctx, part.len(), query, s.depth, s.data.corpus.Order(), s.o.Rank.Engine.workers(s.host), func(i int, kept ranking.Ranked) error {
			s.host.progress(progress{Label: "bm25", Done: int64(part.first + i + 1), Total: int64(len(s.data.queries)), Unit: "queries"})
			return sink(part.first+i, kept)
		})
	}
	return source{func(int) []rundir.Input { return nil }, rank, func() error { return nil }}
}

// openRun reads a TREC run, also where no shard asks for it: by its scores, ties by passage. The window has to lie within what it
// keeps, of which shards that are kept say nothing.
func (s *shards) openRun(name, file string) (source, error) {
	digest := ""
	for _, of := range s.header.Sources {
		if of.Name == name {
			digest = of.ModelDigest
		}
	}
	var kept []ranking.Ranked
	err := readInput(s.host, "source", file, func(r io.Reader) (err error) {
		kept, err = s.readRun(r, file)
		return err
	})
	if err != nil {
		return source{}, err
	}
	rank := func(ctx context.Context, part span, sink func(int, ranking.Ranked) error) error {
		for i := part.first; i < part.end; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := sink(i, kept[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return source{func(int) []rundir.Input { return []rundir.Input{{Name: name, Digest: digest}} }, rank, func() error { return nil }}, nil
}

func (s *shards) readRun(r io.Reader, file string) ([]ranking.Ranked, error) {
	all, err := trec.ReadRun(r, file)
	if err != nil {
		return nil, err
	}
	wanted := trec.Wanted{Depth: s.depth, Order: s.data.corpus.Order(), Position: s.data.corpus.ByID}
	for _, q := range s.data.queries {
		wanted.Queries, wanted.Positives = append(wanted.Queries, q.Key), append(wanted.Positives, q.Positives)
	}
	kept, err := all.Keep(wanted)
	if err != nil {
		return nil, err
	}
	if kept.Found == 0 {
		return nil, fmt.Errorf("%s: none of its %d queries is among those of %s", file, len(all.Queries), s.o.Rank.Data.Queries)
	}
	if want := min(s.o.Mine.Window.To, s.data.corpus.Len()); kept.Longest < want && !s.o.Sources.fused() {
		return nil, fmt.Errorf("%s: it keeps at most %d passages a query, but the window %s needs %d", file, kept.Longest, s.o.Mine.Window, want)
	}
	if all := len(s.data.queries); kept.Found < all {
		s.host.note("%s: %d of the %d queries of %s are not in it and have no candidates of it", file, all-kept.Found, all, s.o.Rank.Data.Queries)
	}
	return kept.Ranked, nil
}

// digest is one of all pieces.
func (r rows) digest() string {
	var all []string
	for _, p := range r.pieces {
		all = append(all, p.digest)
	}
	return rundir.DigestBytes([]byte(strings.Join(all, "\n")))
}
