package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/incontext"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
)

// EvalSet is what the reference pipeline's fork measures every epoch on: queries over a whole corpus, each behind an in-context example.
type EvalSet struct {
	Corpus, Queries string // files; both or none
	Examples        string // file of examples; empty shows none
}

// evalSet takes the fork's flags of evaluation.
func evalSet(a pythonArgs) (EvalSet, error) {
	e := EvalSet{a.text("eval_corpus_path"), a.text("eval_queries_path"), a.text("eval_examples_path")}
	switch {
	case (e.Corpus == "") != (e.Queries == ""):
		return e, errors.New("--eval_corpus_path and --eval_queries_path go together: a corpus, and queries with the ids or texts of what answers them there")
	case e.Examples != "" && e.Corpus == "" && !a.given("eval_data"):
		return e, errors.New("--eval_examples_path: nothing is evaluated: give --eval_data, or --eval_corpus_path and --eval_queries_path")
	}
	return e, nil
}

// exampleFields are the keys by which the fork picks an example: the nearest in kind before others.
var exampleFields = []string{"construct_id", "subject_id"}

// readEvaluation reads what epochs are measured on, and the examples that stand before queries.
func (o FinetuneOptions) readEvaluation(h *host, set *trainingSet) error {
	var by []string
	var rows [][]byte
	if o.Eval.Examples != "" {
		var err error
		if rows, err = exampleRows(h, o.Eval.Examples); err != nil {
			return err
		}
		if by, err = o.commonFields(h, rows); err != nil {
			return err
		}
	}
	if o.Eval.Corpus != "" {
		d := DataOptions{Corpus: o.Eval.Corpus, Queries: o.Eval.Queries, IDField: o.Data.IDField}
		c, err := d.readCorpus(h)
		if err != nil {
			return err
		}
		set.judged = &data{corpus: c}
		if set.judged.queries, err = readWithFields(h, "eval_queries_path", o.Eval.Queries, c, by); err != nil {
			return err
		}
	}
	if o.Eval.Examples == "" {
		return nil
	}
	examples, err := incontext.Read(bytes.NewReader(bytes.Join(rows, []byte("\n"))), o.Eval.Examples, by)
	if err != nil {
		return badInput(err)
	}
	if set.judged != nil {
		queries, c := set.judged.queries, set.judged.corpus
		if set.shownJudged, err = o.show(examples, by, queries, c.AnswersOf(queries), c); err != nil {
			return err
		}
	}
	if o.Dev == "" {
		return nil
	}
	queries, err := readWithFields(h, "eval_data", o.Dev, set.corpus, by)
	if err != nil {
		return err
	}
	set.shownDev, err = o.show(examples, by, queries, set.corpus.AnswersOf(queries, set.train), set.corpus)
	return err
}

// shown are the examples before the queries of a file in evaluation, by the query's text; nil where none are shown.
type shown map[string][]prompt.Example

// show draws an example for each query: the first of the draw that is nearest in kind and does not leak.
func (o FinetuneOptions) show(examples []incontext.Example, by []string, queries []corpus.Query, answers corpus.Answers, c *corpus.Corpus) (shown, error) {
	choice, err := incontext.Choose(examples, queries, c, answers, incontext.Options{Count: 1, Seed: o.Tune.Seed, By: by, PassOver: true, OneByOne: true})
	if err != nil {
		return nil, badInputf("--eval_examples_path: %s: %w", o.Eval.Examples, err)
	}
	s := shown{}
	for i, q := range queries {
		s[q.Text] = choice.Of(i)
	}
	return s, nil
}

// before is what stands before a query in evaluation.
func (s shown) before(q corpus.Query, p model.Prompt) string {
	return prompt.Examples(p.Template, p.Suffix, s[q.Text])
}

// exampleRows are the rows of a file of examples: JSON a line, or one JSON list, as the reference's examples.json.
func exampleRows(h *host, path string) ([][]byte, error) {
	var rows [][]byte
	err := readInput(h, "eval_examples_path", path, func(r io.Reader) error {
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if content = bytes.TrimSpace(content); !bytes.HasPrefix(content, []byte("[")) {
			rows = bytes.Split(content, []byte("\n"))
			return nil
		}
		var list []json.RawMessage
		if err := corpus.Decode(content, &list); err != nil {
			return badInputf(`%s: %w: want a JSON list of {"query", "response"}, or one a line`, path, err)
		}
		for _, raw := range list {
			var row bytes.Buffer
			if err := json.Compact(&row, raw); err != nil {
				return err
			}
			rows = append(rows, row.Bytes())
		}
		return nil
	})
	return rows, err
}

// commonFields are those of exampleFields that all examples and all queries of the evaluation have.
func (o FinetuneOptions) commonFields(h *host, examples [][]byte) ([]string, error) {
	var by []string
	for _, field := range exampleFields {
		has := true
		look := func(r io.Reader, name string) error {
			return corpus.NewLines(r, name, corpus.LineOptions{}).Each(func(row corpus.Object) error {
				_, ok := row.Get(field)
				has = has && ok
				return nil
			})
		}
		if err := look(bytes.NewReader(bytes.Join(examples, []byte("\n"))), o.Eval.Examples); err != nil {
			return nil, badInput(err)
		}
		for _, file := range []struct{ flag, path string }{{"eval_queries_path", o.Eval.Queries}, {"eval_data", o.Dev}} {
			if file.path == "" {
				continue
			}
			if err := readInput(h, file.flag, file.path, func(r io.Reader) error { return look(r, file.path) }); err != nil {
				return nil, err
			}
		}
		if has {
			by = append(by, field)
		}
	}
	return by, nil
}

// readWithFields reads queries with what examples are chosen by. Rows with texts alone, as those of --eval_data, are judged by them.
func readWithFields(h *host, flag, path string, c *corpus.Corpus, fields []string) ([]corpus.Query, error) {
	var queries []corpus.Query
	err := readInput(h, flag, path, func(r io.Reader) error {
		var warnings []corpus.Warning
		var err error
		queries, warnings, err = corpus.ReadQueries(r, path, c, corpus.ReadOptions{Fields: fields, ByTexts: flag == "eval_data"})
		if flag != "eval_data" { // of which readRows has told
			warn(h, warnings)
		}
		return err
	})
	return queries, err
}
