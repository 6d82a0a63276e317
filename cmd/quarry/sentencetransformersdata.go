package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
)

// stQuery is a query with the places of its positives in the corpus, in the order of its rows.
type stQuery struct {
	text      string
	line      fileLine // where it stands first
	rows      int
	positives []int32
}

// read reads the pairs and the corpus. Equal texts are one, the first; texts are compared and embedded as they stand.
func (o *stMine) read(h *host) error {
	var anchors, positives []string
	var pairs []fileLine
	path := o.args.text("dataset")
	err := readInput(h, "dataset", path, func(r io.Reader) error {
		lines := corpus.NewLines(r, path, corpus.LineOptions{})
		return lines.Each(func(row corpus.Object) error {
			err := o.columns(row)
			var anchor, positive string
			if err == nil {
				anchor, err = column(row, o.anchor)
			}
			if err == nil {
				positive, err = column(row, o.positive)
			}
			if err != nil {
				return lines.Errorf("%w", err)
			}
			anchors, positives = append(anchors, anchor), append(positives, positive)
			pairs = append(pairs, fileLine{path, lines.Number()})
			return nil
		})
	})
	if err == nil && len(anchors) == 0 {
		err = badInputf("%s: the data set is empty", path)
	}
	if err != nil {
		return err
	}
	place := map[string]int32{}
	add := func(text string, line fileLine) {
		if _, known := place[text]; !known {
			place[text] = int32(len(o.corpus))
			o.corpus, o.lines = append(o.corpus, text), append(o.lines, line)
		}
	}
	if o.args.given("corpus") {
		if err := o.readCorpus(h, add); err != nil {
			return err
		}
	}
	for i, text := range positives {
		add(text, pairs[i])
	}
	asked := map[string]int{}
	for i, text := range anchors {
		at, known := asked[text]
		if !known {
			at = len(o.queries)
			asked[text] = at
			o.queries = append(o.queries, stQuery{text: text, line: pairs[i]})
		}
		q := &o.queries[at]
		q.rows++
		if p := place[positives[i]]; !slices.Contains(q.positives, p) {
			q.positives = append(q.positives, p)
		}
	}
	o.pairs = len(anchors)
	return nil
}

// columns finds the columns by the first row: those that are named, else its first two. A name that it has not is an error;
// there another column is taken without a word.
func (o *stMine) columns(first corpus.Object) error {
	if o.anchor != "" {
		return nil
	}
	for i, c := range []struct {
		flag string
		into *string
	}{{"anchor_column_name", &o.anchor}, {"positive_column_name", &o.positive}} {
		name := o.args.text(c.flag)
		switch {
		case name != "" && !first.Has(name):
			return fmt.Errorf("--%s: the first row has no %q", c.flag, name)
		case name == "" && len(first) <= i:
			return fmt.Errorf("the first row has fewer than two columns: name a file of anchors and positives")
		case name == "":
			name = first[i].Key
		}
		*c.into = name
	}
	if o.anchor == o.positive {
		return fmt.Errorf("%q is the column of anchors and of positives: name the other", o.anchor)
	}
	return nil
}

func column(row corpus.Object, name string) (string, error) {
	raw, ok := row.Get(name)
	if !ok {
		return "", fmt.Errorf("the row has no %q", name)
	}
	text, err := corpus.Text(raw)
	if err != nil {
		return "", fmt.Errorf("%q: %w", name, err)
	}
	return text, nil
}

// readCorpus hands on the texts of --corpus: the key text of each row.
func (o *stMine) readCorpus(h *host, add func(text string, line fileLine)) error {
	path := o.args.text("corpus")
	return readInput(h, "corpus", path, func(r io.Reader) error {
		lines := corpus.NewLines(r, path, corpus.LineOptions{})
		return lines.Each(func(row corpus.Object) error {
			text, err := column(row, "text")
			if err != nil {
				return lines.Errorf("%w", err)
			}
			add(text, fileLine{path, lines.Number()})
			return nil
		})
	})
}
