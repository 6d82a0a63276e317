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
	_, scores, err := o.readScores(h)
	if err != nil {
		return err
	}
	return ranked.each(ctx, func(query int, c ranking.Candidates) error {
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
}

// askTeacher ranks all queries, has the teacher score what counts of them, and gives each query its scores: with a margin of its
// positives and of what the other rules leave, without one of the rows that are mined, which no score changes.
func (m *mining) askTeacher(ctx context.Context, h *host) error {
	if !m.o.taught() {
		return nil
	}
	asks := m.rowPassages
	if m.o.Mine.TeacherMargin != nil {
		asks = m.marginPassages
	}
	asked, err := asks(ctx, h)
	if err != nil {
		return err
	}
	if m.o.TeacherScores != "" {
		return m.lookUp(h, asked)
	}
	return m.teach(ctx, h, asked)
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

func (m *mining) pair(query int, passage int32) rerank.Pair {
	return rerank.Pair{Query: m.data.queries[query].Text, Passage: m.data.corpus.Passages[passage].Full()}
}

// teach asks the teacher.
func (m *mining) teach(ctx context.Context, h *host, asked [][]int32) error {
	var pairs []rerank.Pair
	for i, passages := range asked {
		for _, p := range passages {
			pairs = append(pairs, m.pair(i, p))
		}
	}
	answer, err := m.o.Teacher.score(ctx, h, pairs)
	if err != nil {
		return err
	}
	scores := answer.scores
	m.ranked.by.Teacher = answer.header.Model
	if cut := answer.counts.CutNote(func(c rerank.Cut) string { return c.Place(m.data.queryPlace, m.data.passagePlace) }); cut != "" {
		h.note("%s", cut)
	}
	counts := answer.counts
	h.note("teacher: %d pairs, %d scored now, %d kept from earlier", counts.Pairs, counts.Asked, counts.Stored)
	m.teacher = newTeacherSummary(answer.header, counts.Pairs)
	m.teacher.Scored, m.teacher.Kept, m.teacher.Truncated = &counts.Asked, &counts.Stored, &counts.Truncated
	for i, passages := range asked {
		said := make(map[int32]float32, len(passages))
		for _, p := range passages {
			said[p], scores = scores[0], scores[1:]
		}
		m.queries[i].Teacher = said
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
func (m *mining) lookUp(h *host, asked [][]int32) error {
	header, scores, err := m.o.readScores(h)
	if err != nil {
		return err
	}
	m.ranked.by.Teacher = header.Model
	m.teacher = newTeacherSummary(header, len(scores))
	for i, passages := range asked {
		said := make(map[int32]float32, len(passages))
		for _, p := range passages {
			score, ok := scores[m.pair(i, p).Digest()]
			if !ok && m.o.Mine.TeacherMargin == nil {
				q := m.data.queries[i]
				return badInputf("%s:%d: --teacher-scores %s: the teacher has no score of passage %q, which is in a row of the query: ask it (--teacher), or leave its scores out",
					m.o.Rank.Data.Queries, q.Line, m.o.TeacherScores, m.data.corpus.ID(p))
			}
			if ok {
				said[p] = score
			}
		}
		m.queries[i].Teacher = said
	}
	return nil
}

// readScores reads what a teacher said of pairs, and whose scores they are.
func (o *MineOptions) readScores(h *host) (header teacherscores.Header, scores teacherscores.Scores, err error) {
	err = readInput(h, "teacher-scores", o.TeacherScores, func(r io.Reader) error {
		header, scores, err = teacherscores.ReadAny(r, o.TeacherScores, nil)
		return err
	})
	return header, scores, err
}
