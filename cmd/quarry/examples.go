package main

import (
	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/finetune"
	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/model"
)

// examples turns queries into what a trainer takes, tokenized, with the scores of a teacher where there is one; of says which
// file each is of, and trained that they are trained on, and not judged.
func (t *training) examples(queries []corpus.Query, of func(row int) trainFile, trained bool) (finetune.Data, error) {
	c := t.set.corpus
	d := finetune.Data{Examples: make([]finetune.Example, len(queries))}
	sequences := make([]model.Sequence, len(queries))
	answers := c.AnswersOf(t.set.train, queries)
	asked, passages := cutTexts{what: "queries", side: t.query}, cutTexts{what: "passages", side: t.passage}
	for i, q := range queries {
		path, teacher := of(i).path, of(i).teacher
		e, err := t.example(q, path, answers)
		if err != nil {
			return d, err
		}
		if teacher != nil {
			if e.PositiveScores, e.NegativeScores, err = taught(teacher, c, q.Text, e); err != nil {
				return d, badInputf("%s:%d: %w", path, q.Line, err)
			}
		}
		queries[i].Negatives = nil // what was read of them is in the corpus, or not needed
		p := t.promptOf(q)
		if !trained && t.set.shownDev != nil {
			p.Examples = t.set.shownDev.before(q, p)
		}
		if sequences[i], err = t.model.Sequence(q.Text, p, t.query.maxLength); err != nil {
			return d, badInputf("%s:%d: %w", path, q.Line, err)
		}
		d.Examples[i] = e
		row := fileLine{path, q.Line}
		asked.add(sequences[i], row)
		if err := t.tokenizePassages(e, func(s model.Sequence) { passages.add(s, row) }); err != nil {
			return d, badInputf("%s: %w", row, err)
		}
	}
	if t.cross == nil { // pairs are cut as a whole
		asked.tell(t.host)
		passages.tell(t.host)
	}
	d.Query = func(i int) model.Sequence { return sequences[i] }
	d.Passage = func(p int32) model.Sequence { return t.passages[p] }
	d.PassageKey = t.passageKey()
	if !trained {
		return d, nil
	}
	if t.options.Tune.ShuffleRatio > 0 { // which may give a text more tokens than it has
		d.Shuffled, d.Longest = t.shuffled, t.passage.maxLength
	}
	return d, t.showInTraining(&d, queries)
}

// example is a query with the places of its passages in the corpus.
func (t *training) example(q corpus.Query, path string, answers corpus.Answers) (finetune.Example, error) {
	e := finetune.Example{Key: q.Key, Positives: q.Positives, Known: answers.Of(q)}
	for _, text := range q.Negatives {
		same := t.set.corpus.ByText(text)
		if same == nil {
			return e, badInputf("%s:%d: the corpus has no passage with the \"neg\" text %q", path, q.Line, text)
		}
		e.Negatives = append(e.Negatives, t.set.corpus.InOrder(same)[0])
	}
	return e, nil
}

// passageKey is the identity of passages in draws.
func (t *training) passageKey() func(p int32) string {
	c := t.set.corpus
	if t.set.named {
		return c.ID
	}
	// A position in a corpus made of rows depends on their order; the text does not.
	return func(p int32) string { return c.Passages[p].Full() }
}

// promptOf is what stands around a query.
func (t *training) promptOf(q corpus.Query) model.Prompt {
	if format := t.options.Texts.rowFormat; format != "" && q.Prompt != "" {
		if template, err := format.With(q.Prompt); err == nil { // it has no placeholder: readRows has seen to that
			return model.Prompt{Name: "row", Template: template, Suffix: t.query.prompt.Suffix}
		}
	}
	if row := rowPrompt(q, t.options.Texts.PromptFromRow, t.query.prompt.Suffix); row != nil {
		return *row
	}
	return t.query.prompt
}

// taught returns a teacher's scores of an example's positives and negatives.
func taught(teacher *flagembedding.Teacher, c *corpus.Corpus, query string, e finetune.Example) (positives, negatives []float64, err error) {
	texts := func(passages []int32) []string {
		list := make([]string, len(passages))
		for i, p := range passages {
			list[i] = c.Passages[p].Full()
		}
		return list
	}
	if positives, err = teacher.Scores(query, texts(e.Positives)); err != nil {
		return nil, nil, err
	}
	negatives, err = teacher.Scores(query, texts(e.Negatives))
	return positives, negatives, err
}

// cutTexts counts the texts of a training that are longer than their limit.
type cutTexts struct {
	what    string
	side    side
	cut, of int
	first   fileLine // the row that brings the first of them
}

func (c *cutTexts) add(s model.Sequence, row fileLine) {
	c.of++
	if !s.Truncated {
		return
	}
	if c.cut++; c.cut == 1 {
		c.first = row
	}
}

func (c *cutTexts) tell(h *host) {
	if c.cut > 0 {
		h.note("training: %d of %d %s are longer than %d tokens (%s) and were cut, the first in %s", c.cut, c.of, c.what, c.side.maxLength, c.side.limit, c.first)
	}
}

// tokenizePassages tokenizes the passages of an example that no other has brought yet, and hands each to made.
func (t *training) tokenizePassages(e finetune.Example, made func(model.Sequence)) error {
	for _, list := range [][]int32{e.Positives, e.Negatives} {
		for _, p := range list {
			if t.passages[p].IDs != nil {
				continue
			}
			var err error
			if t.passages[p], err = t.model.Sequence(t.set.corpus.Passages[p].Full(), t.passage.prompt, t.passage.maxLength); err != nil {
				return err
			}
			made(t.passages[p])
		}
	}
	return nil
}
