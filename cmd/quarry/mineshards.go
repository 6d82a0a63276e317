package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// shards are the queries of a mining, cut into runs of a fixed number, and what ranks them.
type shards struct {
	o      MineOptions
	host   *host
	data   data
	depth  int
	header candidates.Header
	work   *work

	sources []source
	made    []rundir.Stage       // all there
	indexes []*candidates.Index  // of those
	held    []ranking.Candidates // of a small mining that asks again
}

// openWork opens the working directory; nil where a single shard is all there is, and a teacher does not ask for it twice.
func (o *MineOptions) openWork(h *host, d data) (*work, error) {
	embedded := 0
	if o.embeds() {
		embedded = d.corpus.Len()
	}
	wanted := o.Work != "" || o.KeepWork
	if !wanted && len(d.queries) <= o.Shard && embedded <= o.Shard && !o.taught() {
		return nil, nil
	}
	place := o.workPlace()
	if place == "" {
		return temporaryWork(h)
	}
	w, err := openWork(h, place, o.Work != "")
	if err != nil {
		return nil, err
	}
	w.keeps = o.KeepWork
	return w, nil
}

// embeds says whether a model makes vectors.
func (o *MineOptions) embeds() bool {
	return slices.ContainsFunc(o.Sources.list(), func(name string) bool {
		kind, _ := kindOf(name)
		return kind == other || kind == dense && o.Rank.Model.Model != ""
	})
}

// each hands the candidates of every query to sink, in order. With a work all are made first, those of a shard kept when it is
// ranked, and a further call reads them again.
func (s *shards) each(ctx context.Context, sink func(query int, c ranking.Candidates) error) error {
	if s.work == nil {
		return s.withSources(ctx, func() error {
			for _, part := range spans(len(s.data.queries), s.o.Shard) {
				err := s.rank(ctx, part, func(query int, c ranking.Candidates) error {
					if s.o.Mine.HubLimit > 0 {
						s.held = append(s.held, c)
					}
					return sink(query, c)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if s.made == nil {
		s.tellPlan()
		if err := s.withSources(ctx, func() error { return s.make(ctx) }); err != nil {
			return err
		}
	}
	for i, part := range spans(len(s.data.queries), s.o.Shard) {
		if err := s.read(ctx, s.made[i], part, sink); err != nil {
			return err
		}
	}
	return nil
}

// tellPlan says how much there is to do.
func (s *shards) tellPlan() {
	queries := len(s.data.queries)
	count := len(spans(queries, s.o.Shard))
	place := string(s.work.dir.Layout)
	if s.work.own {
		place = "a temporary folder"
	}
	s.host.note("%d passages x %d queries to depth %d, memory %s: %s of %d queries, kept in %s",
		s.data.corpus.Len(), queries, s.depth, humanSize(s.o.Rank.Engine.limit(s.host.machine), "not limited"), countOf(count, "shard"), min(s.o.Shard, queries), place)
}

// withSources opens the sources for as long as use runs.
func (s *shards) withSources(ctx context.Context, use func() error) (err error) {
	defer func() {
		for _, from := range s.sources {
			err = errors.Join(err, from.close())
		}
		s.sources = nil
	}()
	for i := range s.o.Sources.list() {
		from, err := s.open(ctx, i)
		if err != nil {
			return err
		}
		s.sources = append(s.sources, from)
	}
	return use()
}

// rank hands the candidates of a span of the queries to sink, in order. Those of several sources are held until all have ranked, of
// no more queries than the memory has room for.
func (s *shards) rank(ctx context.Context, part span, sink func(query int, c ranking.Candidates) error) error {
	one := func(query int, parts ...ranking.Ranked) error {
		q := s.data.queries[query]
		return sink(query, fuse.Candidates(q.Key, parts, s.depth, s.data.corpus.Order(), q.Positives, s.o.Sources.Fuse))
	}
	if len(s.sources) == 1 {
		return s.sources[0].rank(ctx, part, func(query int, r ranking.Ranked) error { return one(query, r) })
	}
	held := fuse.Span(part.len(), s.o.Rank.Engine.memory(s.host, model.Footprint{}), s.depth, len(s.sources))
	for _, p := range spans(part.len(), held) {
		if err := s.rankBySeveral(ctx, span{part.first + p.first, part.first + p.end}, one); err != nil {
			return err
		}
	}
	return nil
}

func (s *shards) rankBySeveral(ctx context.Context, part span, one func(query int, parts ...ranking.Ranked) error) error {
	parts := make([][]ranking.Ranked, part.len())
	for _, from := range s.sources {
		err := from.rank(ctx, part, func(query int, r ranking.Ranked) error {
			parts[query-part.first] = append(parts[query-part.first], r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i, ranked := range parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := one(part.first+i, ranked...); err != nil {
			return err
		}
	}
	return nil
}

// make ranks and keeps the shards that there are not yet.
func (s *shards) make(ctx context.Context) error {
	cut := spans(len(s.data.queries), s.o.Shard)
	stages := s.stages(cut)
	kept, err := s.work.ready(ctx, "shards of candidates", stages)
	if err != nil {
		return err
	}
	for i, part := range cut {
		if kept[i] != nil {
			continue
		}
		_, err := s.work.make(ctx, stages[i], nil, func(w io.Writer) error {
			header := s.header
			header.Round, header.Queries = 0, part.len()
			out, err := candidates.NewWriter(w, header)
			if err != nil {
				return err
			}
			if err := s.rank(ctx, part, func(_ int, c ranking.Candidates) error { return out.Write(c) }); err != nil {
				return err
			}
			return out.Close()
		})
		if err != nil {
			return err
		}
	}
	s.made = stages
	return nil
}

// stages say what the candidates of each shard are made from.
func (s *shards) stages(cut []span) []rundir.Stage {
	options := struct {
		Shard   int      `json:"shard"`
		Depth   int      `json:"depth"`
		Sources []string `json:"sources"`
		Fusion  string   `json:"fusion,omitempty"`
	}{s.o.Shard, s.depth, s.o.Sources.list(), s.header.Fusion}
	for _, from := range s.header.Sources {
		if from.Parameters != "" {
			options.Sources = append(slices.Clone(options.Sources), from.Parameters)
		}
	}
	passages := digestParts([]string{s.data.corpus.Digest(), strconv.FormatBool(s.data.corpus.GivenIDs())})
	var stages []rundir.Stage
	for i, part := range cut {
		inputs := []rundir.Input{{Name: "corpus", Digest: passages}, {Name: "queries", Digest: digestQueries(s.data.queries[part.first:part.end])}}
		for _, from := range s.sources {
			inputs = append(inputs, from.inputs(i)...)
		}
		stages = append(stages, rundir.Stage{Name: fmt.Sprintf("candidates-%05d.cand", i), Algorithm: pipeline.AlgorithmSearch(len(s.o.Sources.list())), Inputs: inputs, Options: options})
	}
	return stages
}

// read hands on the candidates of a shard that is kept.
func (s *shards) read(ctx context.Context, stage rundir.Stage, part span, sink func(query int, c ranking.Candidates) error) (err error) {
	path := s.work.path(stage)
	f, err := s.work.dir.FS.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in, err := candidates.NewReader(f, path)
	if err != nil {
		return err
	}
	query := part.first
	for c, err := range in.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = sink(query, c)
		}
		if err != nil {
			return err
		}
		query++
	}
	return nil
}

// again finds the candidates of one query that each has made.
func (s *shards) again(query int) (ranking.Candidates, error) {
	if s.work == nil {
		return s.held[query], nil
	}
	if s.indexes == nil {
		s.indexes = make([]*candidates.Index, len(s.made))
	}
	shard := query / s.o.Shard
	if s.indexes[shard] == nil {
		path, files := s.work.path(s.made[shard]), s.work.dir.FS
		info, err := files.Stat(path)
		if err != nil {
			return ranking.Candidates{}, err
		}
		s.indexes[shard], err = candidates.IndexOf(func() (io.ReadCloser, error) { return files.Open(path) }, info.Size(), path)
		if err != nil {
			return ranking.Candidates{}, err
		}
	}
	return s.indexes[shard].At(query % s.o.Shard)
}
