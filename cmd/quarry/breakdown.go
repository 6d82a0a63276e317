package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/eval"
)

// What queries can be told apart by, beside the fields of their rows.
const (
	bySeen      = "seen"      // whether a training query has a positive of theirs
	byFrequency = "frequency" // training queries that have the positive
	byLength    = "length"    // words of the query
)

// parseBy reads --by: a list of labels.
func (o EvalOptions) parseBy() ([]string, error) {
	if o.By == "" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(o.By, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return nil, badInputf("--by %q: a name is empty", o.By)
		case (name == bySeen || name == byFrequency) && o.Train == "":
			return nil, badInputf("--by %s has no part without --train", name)
		case name != bySeen && name != byFrequency && o.Rank.Data.Queries == "" && o.Judgments.Folder == "":
			return nil, badInputf("--by %s needs the rows of the queries: --queries or --data", name)
		}
		names = append(names, name)
	}
	return names, nil
}

// labels are what each query is told apart by under a name, by the query's key.
func (o EvalOptions) labels(h *host, name string, e *evaluation, train []corpus.Query) (map[string]string, error) {
	labels := map[string]string{}
	switch name {
	case bySeen:
		return e.seen(), nil
	case byFrequency:
		trained := corpus.Frequencies(train)
		for _, j := range e.judged {
			most := 0
			for _, g := range j.Grades {
				if g.Grade > 0 {
					most = max(most, trained[g.Passage])
				}
			}
			labels[j.Query] = eval.Doubling(most)
		}
	case byLength:
		for _, q := range e.queries {
			labels[q.Key] = eval.Doubling(q.Words())
		}
	default:
		rows := e.asked // of a folder
		if len(rows) == 0 {
			rows = []string{o.Rank.Data.Queries}
		}
		named, err := fieldLabels(h, name, rows, e.queries, labels)
		if err == nil && !named {
			err = badInputf("--by: no row of %s has the field %q", strings.Join(rows, ", "), name)
		}
		return labels, err
	}
	return labels, nil
}

// seen tells the queries whose positive some training query has from the others, by their keys.
func (e *evaluation) seen() map[string]string {
	labels := map[string]string{}
	for _, j := range e.judged {
		labels[j.Query] = "unseen"
		if j.Seen {
			labels[j.Query] = "seen"
		}
	}
	return labels
}

// noLabel stands where a row has no such field.
const noLabel = "(none)"

// fieldLabels reads a field of the queries' rows, in one file or in shards; named is false where no row has it.
func fieldLabels(h *host, field string, files []string, queries []corpus.Query, labels map[string]string) (named bool, err error) {
	keyOf := map[int]string{}
	for _, q := range queries {
		keyOf[q.Line] = q.Key
	}
	err = readShards(h, "queries", files, func(r io.Reader) error {
		lines := corpus.NewLines(r, files[0], corpus.LineOptions{})
		return lines.Each(func(row corpus.Object) error {
			key, ok := keyOf[lines.Number()]
			if !ok {
				return nil
			}
			labels[key] = noLabel
			if value, ok := row.Get(field); ok {
				named = true
				var err error
				if labels[key], err = corpus.Label(value); err != nil {
					return lines.Errorf("%q: %w", field, err)
				}
			}
			return nil
		})
	})
	return named, err
}

// readShards is readInput of a table that may lie in several files.
func readShards(h *host, flag string, files []string, read func(io.Reader) error) (err error) {
	if len(files) == 1 {
		return readInput(h, flag, files[0], read)
	}
	var shards []corpus.Shard
	for _, file := range files {
		f, failed := h.open(flag, file)
		if failed != nil {
			return badInputf("--%s: %w", flag, failed)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		shards = append(shards, corpus.Shard{Name: file, Content: f})
	}
	return badInput(read(corpus.Join(shards...)))
}

// breakdown is the scores of the parts of the queries under one name.
type breakdown struct {
	name  string
	parts []eval.Part
}

// breakdowns tells the scores apart by each name.
func (o EvalOptions) breakdowns(h *host, names []string, e *evaluation, train []corpus.Query, s eval.Scores) ([]breakdown, error) {
	var found []breakdown
	for _, name := range names {
		labels, err := o.labels(h, name, e, train)
		if err != nil {
			return nil, fmt.Errorf("tell the scores apart by %s: %w", name, err)
		}
		found = append(found, breakdown{name, s.Parts(func(query string) string { return labels[query] })})
	}
	return found, nil
}
