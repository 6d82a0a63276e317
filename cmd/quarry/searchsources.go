package main

import (
	"cmp"
	"context"

	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
)

// asMine is the options by which quarry mine would rank as this search does: no window asks anything of the depth or of a run.
func (o SearchOptions) asMine() MineOptions {
	return MineOptions{Rank: o.Rank, Sources: o.Sources, Depth: o.Depth, Mine: mine.Options{Window: mine.Window{To: 1}}}
}

// validateSources refuses sources that are none, and files that they leave no choice but to read.
func (o SearchOptions) validateSources() error {
	m := o.asMine()
	if err := m.validateSources(); err != nil {
		return err
	}
	for _, source := range o.Sources.Names {
		kind, _ := kindOf(source)
		if kind == run && len(o.Typed) > 0 {
			return badInputf("--source %s has no part beside --query: what is typed has no id that a run could name", source)
		}
		if kind == byVectors && len(o.Typed) > 0 {
			return badInputf("--source %s has no part beside --query: what is typed has no vector among them", source)
		}
		if kind != dense && len(o.Typed) == 0 { // given vectors alone do without texts
			if err := need("corpus", o.Rank.Data.Corpus, "queries", o.Rank.Data.Queries); err != nil {
				return err
			}
		}
	}
	return nil
}

// rank hands the top depth of every query to sink, in order, as the sources rank it.
func (o SearchOptions) rank(ctx context.Context, h *host, d data, sink func(query int, c ranking.Candidates) error) error {
	if len(o.Sources.Names) == 0 {
		return o.Rank.rank(ctx, h, d, o.Depth, sink)
	}
	m := o.asMine()
	m.Shard = cmp.Or(o.shard, defaultShard) // of several sources, so many rankings are held at once
	ranked, err := m.rankedIn(ctx, h, d, d.corpus.AnswersOf(d.queries), nil)
	if err != nil {
		return err
	}
	return ranked.each(ctx, sink)
}
