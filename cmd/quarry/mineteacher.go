package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rerank"
)

// addTeacherFlags adds the flags of the teacher that candidates are held against.
func (o *MineOptions) addTeacherFlags(f *pflag.FlagSet) {
	o.Teacher.prefix = "teacher-"
	f.StringVar(&o.Teacher.Model.Model, "teacher", "", "model `directory` or Hugging Face name of a teacher that scores what the other rules leave, for --teacher-margin")
	f.StringVar(&o.Teacher.Kind, "teacher-kind", crossEncoderKind, "cross-encoder or embedder")
	f.BoolVar(&o.Teacher.Logits, "teacher-logits", false, "score by a cross-encoder's logits, whatever activation it names")
	f.StringVar(&o.TeacherScores, "teacher-scores", "", "what a teacher said, in place of --teacher: `file` that a round of a run (teacher-scores.jsonl) or quarry teach --cache wrote; no model is asked")
	optionalFloat(f, &o.Mine.TeacherMargin, "teacher-margin", "the teacher scores a negative at least this much less than the query's lowest positive")
}

// validateTeacher checks that margin and teacher, or its scores, are there together, or neither.
func (o *MineOptions) validateTeacher() error {
	margins := o.Mine.TeacherMargin != nil || len(o.WhatIf.TeacherMargins) > 0
	switch {
	case o.TeacherScores == standard:
		return badInputf("--teacher-scores -: name a file")
	case o.TeacherScores != "" && o.Teacher.Model.Model != "":
		return badInputf("--teacher-scores takes the place of --teacher: leave one out")
	case o.TeacherScores != "" && !margins:
		return badInputf("--teacher-scores needs --teacher-margin: how much less the teacher scores a negative than the positive; 0 drops what it scores above")
	case o.TeacherScores != "":
		return o.Rank.Texts.set.needs("--teacher", "teacher-kind", "teacher-logits")
	case o.Teacher.Model.Model == "" && margins:
		return badInputf("--teacher-margin needs --teacher: the model that scores, or --teacher-scores")
	case o.Teacher.Model.Model == "":
		return o.Rank.Texts.set.needs("--teacher", "teacher-kind", "teacher-logits")
	case o.WhatIf.Run:
		return badInputf("--teacher has no part in --what-if, which asks no model: give what it said by --teacher-scores")
	case o.Mine.TeacherMargin == nil:
		return badInputf("--teacher needs --teacher-margin: how much less it scores a negative than the positive; 0 drops what it scores above; quarry teach scores mined rows without one")
	}
	o.Teacher.Engine = o.Rank.Engine
	return o.Teacher.validate()
}

// storedScores gives each query what a file has of its positives and candidates, and says whose scores they are. Those that
// rules need and the file lacks are mining's to tell.
func (o *MineOptions) storedScores(ctx context.Context, h *host, d data, ranked rankedBy, queries []mine.Query) (header teacherscores.Header, err error) {
	var scores teacherscores.Scores
	err = readInput(h, "teacher-scores", o.TeacherScores, func(r io.Reader) error {
		header, scores, err = teacherscores.ReadAny(r, o.TeacherScores, nil)
		return err
	})
	if err != nil {
		return header, err
	}
	err = ranked.each(ctx, func(query int, c ranking.Candidates) error {
		q, said := d.queries[query], map[int32]float32{}
		take := func(p int32) {
			if score, ok := scores[(rerank.Pair{Query: q.Text, Passage: d.corpus.Passages[p].Full()}).Digest()]; ok {
				said[p] = score
			}
		}
		for _, p := range c.Positives {
			take(p.Passage)
		}
		for _, hit := range c.Hits {
			take(hit.Passage)
		}
		queries[query].Teacher = said
		return nil
	})
	return header, err
}

// askTeacher ranks all queries, has the teacher score what the other rules leave of them, and gives each query its scores.
func (m *mining) askTeacher(ctx context.Context, h *host) error {
	if m.o.Mine.TeacherMargin == nil {
		return nil
	}
	if m.o.TeacherScores != "" {
		header, err := m.o.storedScores(ctx, h, m.data, m.ranked, m.queries)
		m.ranked.by.Teacher = header.Model
		return err
	}
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
		asked[query] = passages
		return nil
	})
	if err != nil {
		return err
	}
	answer, err := m.o.Teacher.score(ctx, h, pairs)
	if err != nil {
		return err
	}
	scores := answer.scores
	m.ranked.by.Teacher = answer.header.Model
	h.note("teacher: %d pairs, %d scored now, %d kept from earlier", answer.counts.Pairs, answer.counts.Asked, answer.counts.Stored)
	for i, passages := range asked {
		said := make(map[int32]float32, len(passages))
		for _, p := range passages {
			said[p], scores = scores[0], scores[1:]
		}
		m.queries[i].Teacher = said
	}
	return nil
}
