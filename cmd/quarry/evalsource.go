package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/format/beir"
	"github.com/quarry-ml/quarry/format/trec"
	"github.com/quarry-ml/quarry/ranking"
)

// JudgmentOptions are the flags that say where judgments stand, if not in the rows of the queries.
type JudgmentOptions struct {
	Qrels  string
	Folder string
	Split  string
}

// evaluation is what measures are taken of: judgments and rankings.
type evaluation struct {
	data   // corpus and queries are nil where a run and its judgments are all there is
	judged []eval.Judged
	found  func(eval.Convention) []ranking.Candidates
	depth  int // hits kept a query; 0 where rankings are whole
	order  ranking.Order
	split  string   // of the judgments, where they are a folder's
	asked  []string // files of the queries' rows, where they are a folder's

	repeated error // of a ranking that has a passage twice, which most conventions have no rule for
}

// source reads what is judged and ranks it, or reads a run of it.
func (o EvalOptions) source(ctx context.Context, h *host, measures []eval.Measure) (*evaluation, error) {
	if o.Run != "" {
		return o.ofRun(h, measures)
	}
	e, err := o.judge(h)
	if err != nil {
		return nil, err
	}
	e.keepJudged()
	found := make([]ranking.Candidates, 0, len(e.queries))
	depth := evalDepth(measures)
	if slices.Contains(o.conventions(), eval.BEIR) && depth < wholeCorpus {
		depth++ // one of the hits may be struck
	}
	err = o.Rank.rank(ctx, h, e.data, depth, func(_ int, c ranking.Candidates) error {
		found = append(found, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.found = func(eval.Convention) []ranking.Candidates { return found }
	if e.depth = depth; depth >= e.corpus.Len() {
		e.depth = 0 // ranked whole: nothing lies beyond a cutoff
	}
	return e, nil
}

// keepJudged leaves out queries without any judgment: they are not measured.
func (e *evaluation) keepJudged() {
	known := map[string]bool{}
	for _, j := range e.judged {
		known[j.Query] = true
	}
	e.queries = slices.DeleteFunc(e.queries, func(q corpus.Query) bool { return !known[q.Key] })
}

// judge reads corpus, queries and judgments.
func (o EvalOptions) judge(h *host) (*evaluation, error) {
	switch {
	case o.Judgments.Folder != "":
		return o.judgeFolder(h)
	case o.Judgments.Qrels != "":
		return o.judgeByFile(h)
	}
	d, err := o.Rank.Data.read(h, false)
	if err != nil {
		return nil, err
	}
	e := &evaluation{data: d, order: d.corpus.Order()}
	for _, q := range d.queries {
		j := eval.Judged{Query: q.Key}
		if own, ok := d.corpus.ByID(q.ID); ok && q.ID != "" {
			j.OwnID = []int32{own}
		}
		for _, p := range q.Positives {
			j.Grades = append(j.Grades, eval.Grade{Passage: p, Grade: 1})
		}
		e.judged = append(e.judged, j)
	}
	return e.describe(), nil
}

// judgeFolder reads a folder in BEIR's or MTEB's layout.
func (o EvalOptions) judgeFolder(h *host) (*evaluation, error) {
	d, err := beir.Open(o.Judgments.Folder, beir.Options{Split: o.Judgments.Split, KeepUnanswered: true, GroupField: o.Rank.Data.GroupField})
	if err != nil {
		return nil, badInputf("--data: %w", err)
	}
	warn(h, d.Warnings)
	e := &evaluation{data: data{corpus: d.Corpus, queries: d.Queries}, order: d.Corpus.Order(), split: d.Split, asked: d.Asked}
	judgments := make([]eval.Judgment, len(d.Judgments))
	for i, j := range d.Judgments {
		judgments[i] = eval.Judgment{Query: j.Query, Passage: j.Passage, Grade: float64(j.Grade)}
	}
	if e.judged, err = eval.Judge(judgments, d.Corpus.ByID); err != nil {
		return nil, badInputf("--data: %w", err)
	}
	return e.describe(), nil
}

// judgeByFile reads corpus and queries, and a file that judges them.
func (o EvalOptions) judgeByFile(h *host) (*evaluation, error) {
	d, err := o.Rank.Data.read(h, true)
	if err != nil {
		return nil, err
	}
	lines, err := readJudgments(h, o.Judgments.Qrels)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, q := range d.queries {
		known[q.Key] = true
	}
	judgments := make([]eval.Judgment, len(lines))
	for i, j := range lines {
		if _, ok := d.corpus.ByID(j.Passage); !ok {
			return nil, badInputf("%s:%d: query %q: the corpus has no passage %q", o.Judgments.Qrels, j.line, j.Query, j.Passage)
		}
		if !known[j.Query] {
			return nil, badInputf("%s:%d: %s has no query %q", o.Judgments.Qrels, j.line, o.Rank.Data.Queries, j.Query)
		}
		judgments[i] = j.Judgment
	}
	e := &evaluation{data: d, order: d.corpus.Order()}
	if e.judged, err = eval.Judge(judgments, d.corpus.ByID); err != nil {
		return nil, badInputf("--qrels: %w", err)
	}
	for i := range e.queries { // what the rows say of positives has no part
		e.queries[i].Positives = nil
	}
	return e.describe(), nil
}

// describe gives judged queries the group of their rows, and the rows the positives of the judgments: search ranks those.
func (e *evaluation) describe() *evaluation {
	at := map[string]int{}
	for i, q := range e.queries {
		at[q.Key] = i
	}
	for i := range e.judged {
		place, ok := at[e.judged[i].Query]
		if !ok {
			continue
		}
		q := &e.queries[place]
		e.judged[i].Group = q.Group
		if len(q.Positives) > 0 {
			continue
		}
		for _, g := range e.judged[i].Grades {
			if g.Grade > 0 {
				q.Positives = append(q.Positives, g.Passage)
			}
		}
	}
	return e
}

// judgmentLine is a judgment and where it stands.
type judgmentLine struct {
	eval.Judgment
	line int
}

// readJudgments reads a file of judgments: BEIR's columns where its name ends in .tsv, MTEB's objects in .jsonl or .parquet,
// else TREC's.
func readJudgments(h *host, path string) ([]judgmentLine, error) {
	var found []judgmentLine
	add := func(query, passage string, grade, line int) {
		found = append(found, judgmentLine{eval.Judgment{Query: query, Passage: passage, Grade: float64(grade)}, line})
	}
	err := readInput(h, "qrels", path, func(r io.Reader) error {
		switch filepath.Ext(unpackedName(path)) {
		case ".tsv", ".jsonl", ".parquet":
			judgments, err := beir.ReadQrels(r, path)
			for _, j := range judgments {
				add(j.Query, j.Passage, j.Grade, j.Line)
			}
			return err
		}
		judgments, err := trec.ReadQrels(r, path)
		for _, j := range judgments {
			add(j.Query, j.Document, j.Grade, j.Line)
		}
		if err == nil && len(judgments) == 0 {
			err = fmt.Errorf("%s: no judgments", path)
		}
		return err
	})
	return found, err
}
