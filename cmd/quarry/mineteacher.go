package main

import (
	"context"
	"io"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/teacherscores"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/pipeline"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rerank"
)

// addTeacherFlags adds the flags of the teacher that candidates are held against.
func (o *MineOptions) addTeacherFlags(f *pflag.FlagSet) {
	o.Teacher.prefix = "teacher-"
	f.StringVar(&o.Teacher.Model.Model, "teacher", "", "model `directory` or Hugging Face name of a teacher that scores what the other rules leave, for --teacher-margin; without a margin the mined rows, which then have its scores")
	f.StringVar(&o.Teacher.Kind, "teacher-kind", autoKind, "auto, as the teacher's directory says; cross-encoder or embedder")
	f.BoolVar(&o.Teacher.Logits, "teacher-logits", false, "score by a cross-encoder's logits, whatever activation it names")
	f.StringVar(&o.TeacherScores, "teacher-scores", "", "what a teacher said, in place of --teacher: `file` that a round of a run (teacher-scores.jsonl) or quarry teach --cache wrote; no model is asked")
	optionalFloat(f, &o.Mine.TeacherMargin, "teacher-margin", "the teacher scores a negative at least this much less than the query's lowest positive")
}

// validateTeacher checks that a margin has a teacher, or its scores. A teacher needs no margin: it then drops nothing.
func (o *MineOptions) validateTeacher() error {
	margins := o.Mine.TeacherMargin != nil || len(o.WhatIf.TeacherMargins) > 0
	switch {
	case o.TeacherScores == standard:
		return badInputf("--teacher-scores -: name a file")
	case o.TeacherScores != "" && o.Teacher.Model.Model != "":
		return badInputf("--teacher-scores takes the place of --teacher: leave one out")
	case o.TeacherScores != "" && !margins && o.WhatIf.Run:
		return badInputf("--teacher-scores has no part in --what-if without --teacher-margin or --teacher-margins: how much less the teacher scores a negative than the positive")
	case o.TeacherScores != "":
		return o.Rank.Texts.set.needs("--teacher", "teacher-kind", "teacher-logits")
	case o.Teacher.Model.Model == "" && margins:
		return badInputf("--teacher-margin needs --teacher: the model that scores, or --teacher-scores")
	case o.Teacher.Model.Model == "":
		return o.Rank.Texts.set.needs("--teacher", "teacher-kind", "teacher-logits")
	case o.WhatIf.Run:
		return badInputf("--teacher has no part in --what-if, which asks no model: give what it said by --teacher-scores")
	}
	o.Teacher.Engine = o.Rank.Engine
	return o.Teacher.validate()
}

// checkTeacher refuses, before anything is ranked, a teacher that cannot be asked and scores that cannot be read.
func (o *MineOptions) checkTeacher(ctx context.Context, h *host) error {
	if o.Teacher.Model.Model != "" {
		return o.Teacher.identify(ctx, h)
	}
	if info, err := os.Stat(o.TeacherScores); o.TeacherScores == "" || err == nil && !info.Mode().IsRegular() {
		return nil // a pipe is read once
	}
	none := func(teacherscores.Digest) bool { return false }
	return readInput(h, "teacher-scores", o.TeacherScores, func(r io.Reader) error {
		_, _, err := teacherscores.ReadAny(r, o.TeacherScores, none)
		return err
	})
}

// storedScores gives each query what a file has of its positives and candidates. Those that rules need and the file lacks are
// mining's to tell.
func (o *MineOptions) storedScores(ctx context.Context, h *host, d data, ranked rankedBy, queries []mine.Query) error {
	passages := make([][]int32, len(queries))
	err := ranked.each(ctx, func(query int, c ranking.Candidates) error {
		for _, p := range c.Positives {
			passages[query] = append(passages[query], p.Passage)
		}
		for _, hit := range c.Hits {
			passages[query] = append(passages[query], hit.Passage)
		}
		return nil
	})
	if err != nil {
		return err
	}
	found, err := o.findScores(ctx, h, d, passages)
	if err != nil {
		return err
	}
	for query := range queries {
		queries[query].Teacher = found.said.Of(query)
	}
	return nil
}

// askTeacher ranks all queries and has the teacher score what counts of them: with a margin each query's
// positives and what the other rules leave, without one the rows that are mined, which no score changes.
func (m *mining) askTeacher(ctx context.Context, h *host) error {
	if !m.o.taught() {
		return nil
	}
	asks := m.rowPassages
	if m.o.Mine.TeacherMargin != nil {
		asks = m.marginPassages
	}
	passages, err := asks(ctx, h)
	if err != nil {
		return err
	}
	if m.o.TeacherScores != "" {
		return m.lookUp(ctx, h, passages)
	}
	return m.teach(ctx, h, passages)
}

// taught says whether a teacher has a part in mining; candidates are then asked for twice.
func (o *MineOptions) taught() bool {
	return o.Mine.TeacherMargin != nil || o.Teacher.Model.Model != "" || o.TeacherScores != ""
}

// marginPassages is the passages whose scores the teacher's margin needs, by query.
func (m *mining) marginPassages(ctx context.Context, _ *host) ([][]int32, error) {
	asked := make([][]int32, len(m.queries))
	err := m.ranked.each(ctx, func(query int, c ranking.Candidates) (err error) {
		known := m.queries[query]
		known.Candidates = c
		if asked[query], err = m.miner.AsksTeacher(known); err != nil {
			return badInputf("%s:%d: %w", m.o.Rank.Data.Queries, m.data.queries[query].Line, err)
		}
		return nil
	})
	return asked, err
}

// rowPassages is the positives and negatives of the rows, by query. They are mined here once more for it.
func (m *mining) rowPassages(ctx context.Context, h *host) ([][]int32, error) {
	asked, at := make([][]int32, len(m.queries)), make(map[string]int, len(m.queries))
	pass := m.miner.NewPass(m.again, func(c mine.Query, r mine.Result) error {
		i := at[c.Query]
		asked[i] = append(asked[i], r.Scored(m.data.queries[i])...)
		return nil
	})
	err := m.ranked.each(ctx, func(query int, c ranking.Candidates) error {
		known := m.queries[query]
		known.Candidates = c
		at[known.Query] = query
		if err := pass.Add(known); err != nil {
			return badInputf("%s:%d: %w", m.o.Rank.Data.Queries, m.data.queries[query].Line, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	pass.Progress = m.coupling(h)
	err = pass.Close(ctx)
	for i := range asked {
		slices.Sort(asked[i])
		asked[i] = slices.Compact(asked[i])
	}
	return asked, err
}

// asked is the pairs of passages by query.
func (d data) asked(passages [][]int32) rerank.Asked {
	return rerank.AskedOf(passages, func(query int, p int32) rerank.Pair {
		return rerank.Pair{Query: d.queries[query].Text, Passage: d.corpus.Passages[p].Full()}
	})
}

// teach asks the teacher.
func (m *mining) teach(ctx context.Context, h *host, passages [][]int32) error {
	pairs := 0
	for _, of := range passages {
		pairs += len(of)
	}
	answer, err := m.o.Teacher.score(ctx, h, m.data.asked(passages), pairs)
	if err != nil {
		return err
	}
	m.ranked.by.Teacher = answer.header.Model
	if cut := answer.counts.CutNote(func(c rerank.Cut) string { return c.Place(m.data.queryPlace, m.data.passagePlace) }); cut != "" {
		h.note("%s", cut)
	}
	counts := answer.counts
	h.note("teacher: %d pairs, %d scored now, %d kept from earlier", counts.Pairs, counts.Asked, counts.Stored)
	m.teacher = newTeacherSummary(answer.header, counts.Pairs)
	m.teacher.Scored, m.teacher.Kept, m.teacher.Truncated = &counts.Asked, &counts.Stored, &counts.Truncated
	m.said = &mine.Taught{}
	for i, of := range passages {
		m.said.Add(of, answer.scores[i])
	}
	return nil
}

// teacherSummary is what quarry mine tells of a teacher.
type teacherSummary struct {
	pipeline.TeacherAudit
	Scored    *int `json:"scored,omitempty"`    // of the pairs, now; with --teacher-scores nothing is asked
	Kept      *int `json:"kept,omitempty"`      // of the pairs, from earlier calls
	Truncated *int `json:"truncated,omitempty"` // of those that were scored now
	Dropped   int  `json:"dropped"`             // candidates, by its margin
}

func newTeacherSummary(header teacherscores.Header, pairs int) *teacherSummary {
	return &teacherSummary{TeacherAudit: pipeline.TeacherAudit{Kind: header.Kind, Model: header.Model, Pairs: pairs}}
}

func (t *teacherSummary) add(row *flagembedding.Row) {
	if t != nil {
		t.Add(row)
	}
}

func (t *teacherSummary) tell(h *host, counts mine.Audit) {
	if t != nil {
		t.Dropped = counts.Dropped.TeacherMargin
		h.note("%s", &t.TeacherAudit)
	}
}

// lookUp takes what the teacher said from a file. What a margin needs and the file lacks is mining's to tell.
func (m *mining) lookUp(ctx context.Context, h *host, passages [][]int32) error {
	found, err := m.o.findScores(ctx, h, m.data, passages)
	if err != nil {
		return err
	}
	m.ranked.by.Teacher = found.header.Model
	m.teacher = newTeacherSummary(found.header, found.pairs)
	m.said = found.said
	return nil
}

// foundScores is what a file has of the pairs that are looked up.
type foundScores struct {
	header teacherscores.Header
	pairs  int // that differ in content
	said   *mine.Taught
}

// findScores looks passages up, by query, in the file of --teacher-scores. One that a row has and the file lacks is an error.
func (o *MineOptions) findScores(ctx context.Context, h *host, d data, passages [][]int32) (f foundScores, err error) {
	f.said = &mine.Taught{}
	find := func(wanted func(rerank.Digest) bool) (scores teacherscores.Scores, err error) {
		err = readInput(h, "teacher-scores", o.TeacherScores, func(r io.Reader) error {
			f.header, scores, err = teacherscores.ReadAny(r, o.TeacherScores, wanted)
			return err
		})
		return scores, err
	}
	query := 0
	f.pairs, err = rerank.Find(ctx, d.asked(passages), rerank.Options{}, find, func(scores []float32, known []bool) error {
		of, q := passages[query], d.queries[query]
		query++
		if i := slices.Index(known, false); i >= 0 {
			if o.Mine.TeacherMargin == nil && !o.WhatIf.Run {
				return badInputf("%s:%d: --teacher-scores %s: the teacher has no score of passage %q, which is in a row of the query: ask it (--teacher), or leave its scores out",
					o.Rank.Data.Queries, q.Line, o.TeacherScores, d.corpus.ID(of[i]))
			}
			of, scores = mine.Known(of, scores, known)
		}
		f.said.Add(of, scores)
		return nil
	})
	return f, err
}
