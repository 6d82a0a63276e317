package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rerank"
)

// addTeacherFlags adds the flags of the teacher that candidates are held against.
func (o *MineOptions) addTeacherFlags(f *pflag.FlagSet) {
	o.Teacher.prefix = "teacher-"
	f.StringVar(&o.Teacher.Model.Model, "teacher", "", "model `directory` or Hugging Face name of a teacher that scores what the other rules leave, for --teacher-margin")
	f.StringVar(&o.Teacher.Kind, "teacher-kind", crossEncoderKind, "cross-encoder or embedder")
	f.BoolVar(&o.Teacher.Logits, "teacher-logits", false, "score by a cross-encoder's logits, whatever activation it names")
	optionalFloat(f, &o.Mine.TeacherMargin, "teacher-margin", "the teacher scores a negative at least this much less than the query's lowest positive")
}

// validateTeacher checks that teacher and margin are there together, or neither.
func (o *MineOptions) validateTeacher() error {
	switch {
	case o.Teacher.Model.Model == "" && o.Mine.TeacherMargin != nil:
		return badInputf("--teacher-margin needs --teacher: the model that scores")
	case o.Teacher.Model.Model == "":
		return o.Rank.Texts.set.needs("--teacher", "teacher-kind", "teacher-logits")
	case o.WhatIf.Run:
		return badInputf("--teacher has no part in --what-if, which asks no model")
	case o.Mine.TeacherMargin == nil:
		return badInputf("--teacher needs --teacher-margin: how much less it scores a negative than the positive; 0 drops what it scores above")
	}
	o.Teacher.Engine = o.Rank.Engine
	return o.Teacher.validate()
}

// askTeacher ranks all queries, has the teacher score what the other rules leave of them, and gives each query its scores.
func (m *mining) askTeacher(ctx context.Context, h *host) error {
	if m.o.Mine.TeacherMargin == nil {
		return nil
	}
	ranked := make([]ranking.Candidates, len(m.queries))
	asked := make([][]int32, len(m.queries)) // passages, by query
	var pairs []rerank.Pair
	err := m.ranked.each(ctx, func(query int, c ranking.Candidates) error {
		q, known := m.data.queries[query], m.queries[query]
		known.Candidates = c
		passages, err := m.miner.AsksTeacher(known)
		if err != nil {
			return badInputf("%s:%d: %w", m.o.Rank.Data.Queries, q.Line, err)
		}
		for _, p := range passages {
			pairs = append(pairs, rerank.Pair{Query: q.Text, Passage: m.data.corpus.Passages[p].Full()})
		}
		ranked[query], asked[query] = c, passages
		return nil
	})
	if err != nil {
		return err
	}
	scores, counts, err := m.o.Teacher.score(ctx, h, pairs)
	if err != nil {
		return err
	}
	h.note("teacher: %d pairs, %d scored now, %d kept from earlier", counts.Pairs, counts.Asked, counts.Stored)
	for i, passages := range asked {
		said := make(map[int32]float32, len(passages))
		for _, p := range passages {
			said[p], scores = scores[0], scores[1:]
		}
		m.queries[i].Teacher = said
	}
	m.ranked.each = func(ctx context.Context, sink func(int, ranking.Candidates) error) error {
		for i, c := range ranked {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := sink(i, c); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}
