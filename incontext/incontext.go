// Package incontext reads in-context examples and chooses which of them are shown before which query, in mining and in
// evaluation. None is ever shown before its own query, or before one that it answers.
//
// What is shown in training is drawn of a step's own queries: package finetune.
package incontext

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/prompt"
)

// Example is a row of a file of examples.
type Example struct {
	prompt.Example
	QueryID string            // of the query that it was made of; empty where none is given
	Fields  map[string]string // values of the fields that were asked for
	Line    int               // 1-based
}

// Read reads examples from JSONL: `query`, `response`, optionally `query_id`, and the fields, which every row must have.
// Errors name file and line.
func Read(r io.Reader, name string, fields []string) ([]Example, error) {
	lines := corpus.NewLines(r, name, corpus.LineOptions{})
	var examples []Example
	err := lines.Each(func(row corpus.Object) error {
		e, err := exampleOf(row, fields)
		if err != nil {
			return lines.Errorf("%w", err)
		}
		e.Line = lines.Number()
		examples = append(examples, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(examples) == 0 {
		return nil, fmt.Errorf("%s: no examples", name)
	}
	return examples, nil
}

func exampleOf(row corpus.Object, fields []string) (Example, error) {
	e := Example{Fields: map[string]string{}}
	for _, text := range []struct {
		key  string
		into *string
	}{{"query", &e.Query}, {"response", &e.Response}} {
		raw, ok := row.Get(text.key)
		if !ok {
			return e, fmt.Errorf("no %q: an example is a query and its response", text.key)
		}
		var err error
		if *text.into, err = corpus.Text(raw); err != nil {
			return e, fmt.Errorf("%q: %w", text.key, err)
		}
		if *text.into == "" {
			return e, fmt.Errorf("%q is empty", text.key)
		}
	}
	if raw, ok := row.Get("query_id"); ok {
		var err error
		if e.QueryID, err = corpus.DecodeID(raw); err != nil {
			return e, fmt.Errorf("%q: %w", "query_id", err)
		}
	}
	for _, field := range fields {
		raw, ok := row.Get(field)
		if !ok {
			return e, fmt.Errorf("no %q, by which examples are chosen", field)
		}
		var err error
		if e.Fields[field], err = corpus.DecodeID(raw); err != nil {
			return e, fmt.Errorf("%q: %w", field, err)
		}
	}
	return e, nil
}

// Options say how examples are chosen.
type Options struct {
	Count int    // shown before a query
	Seed  uint64 // of the draw

	// By names fields that queries and examples have: those with the query's value of the first field come before those
	// with its value of the second, and these before all others. Without fields every query is shown the same examples.
	By []string

	// PassOver leaves examples that would leak out of the draw: without By those that leak to any query, with it those
	// that leak to the query at hand. Otherwise a drawn one that leaks is an error.
	PassOver bool

	// OneByOne looks at each query by itself without By, too: those that leak to it alone are passed over, and queries are not
	// all shown the same.
	OneByOne bool
}

// Choice is which examples each query is shown, as positions in the list that was chosen from.
type Choice struct {
	Examples []Example
	Shown    [][]int // by query, in the order of Choose
}

// Of returns what a query, by its position, is shown.
func (c Choice) Of(query int) []prompt.Example {
	var shown []prompt.Example
	for _, i := range c.Shown[query] {
		shown = append(shown, c.Examples[i].Example)
	}
	return shown
}

// Choose draws the examples of each query. The draw depends on the seed and the examples' own texts alone, not on their
// order or on other queries.
func Choose(examples []Example, queries []corpus.Query, c *corpus.Corpus, answers corpus.Answers, o Options) (Choice, error) {
	choice := Choice{Examples: examples, Shown: make([][]int, len(queries))}
	if o.Count == 0 {
		return choice, nil
	}
	leaks := leaksTo(examples, c, answers)
	order := drawn(examples, o.Seed)
	same := len(o.By) == 0 && !o.OneByOne
	if same && o.PassOver {
		order = slices.DeleteFunc(order, func(i int) bool {
			return slices.ContainsFunc(queries, func(q corpus.Query) bool { return leaks(i, q) != "" })
		})
	}
	near := nearBy(examples, order, o.By)
	for n, q := range queries {
		var mine []int
		for i := range near.to(q) {
			if len(mine) == o.Count {
				break
			}
			if same || !o.PassOver || leaks(i, q) == "" {
				mine = append(mine, i)
			}
		}
		if len(mine) < o.Count {
			err := fmt.Errorf("%d in-context examples are to be shown, but there are %d that may be", o.Count, len(mine))
			if !same {
				err = fmt.Errorf("%s: %w", q.Place(), err)
			}
			return choice, err
		}
		choice.Shown[n] = mine
		for _, i := range mine {
			if why := leaks(i, q); why != "" {
				return choice, fmt.Errorf("the in-context example on line %d %s query %q (line %d): take it out of the file, draw with another seed, or let leaking examples be passed over",
					examples[i].Line, why, q.Key, q.Line)
			}
		}
	}
	return choice, nil
}

// drawn is the examples in the order of the draw.
func drawn(examples []Example, seed uint64) []int {
	hashes, order := make([]uint64, len(examples)), make([]int, len(examples))
	for i, e := range examples {
		order[i] = i
		hashes[i] = draw.Hash(seed, draw.Examples, 0, 0, e.Query+"\x00"+e.Response)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(hashes[a], hashes[b]) })
	return order
}

// near is drawn examples by the fields that queries share with them.
type near struct {
	examples []Example
	order    []int // of the draw
	by       []string
	of       []map[string][]int // for each field, the examples of a value, in the order of the draw
}

func nearBy(examples []Example, order []int, by []string) near {
	n := near{examples, order, by, make([]map[string][]int, len(by))}
	for f, field := range by {
		n.of[f] = map[string][]int{}
		for _, i := range order {
			value := examples[i].Fields[field]
			n.of[f][value] = append(n.of[f][value], i)
		}
	}
	return n
}

// to yields all examples, by the first field in which each agrees with a query, and within that in the order of the draw. Who stops
// early has looked at few.
func (n near) to(q corpus.Query) iter.Seq[int] {
	agrees := func(i, fields int) bool {
		return slices.ContainsFunc(n.by[:fields], func(field string) bool { return n.examples[i].Fields[field] == q.Fields[field] })
	}
	return func(yield func(int) bool) {
		for f := range len(n.by) + 1 {
			group := n.order
			if f < len(n.by) {
				group = n.of[f][q.Fields[n.by[f]]]
			}
			for _, i := range group {
				if !agrees(i, f) && !yield(i) {
					return
				}
			}
		}
	}
}

// leaksTo says why an example, by its position, must not stand before a query; empty where it may.
func leaksTo(examples []Example, c *corpus.Corpus, answers corpus.Answers) func(i int, q corpus.Query) string {
	texts, responses := make([]string, len(examples)), make([][]int32, len(examples))
	for i, e := range examples {
		texts[i] = corpus.Query{Text: e.Query}.Stripped()
		responses[i] = c.ByText(e.Response)
	}
	return func(i int, q corpus.Query) string {
		switch {
		case examples[i].QueryID != "" && examples[i].QueryID == q.ID, texts[i] == q.Stripped():
			return "is"
		case slices.ContainsFunc(responses[i], func(p int32) bool {
			_, known := slices.BinarySearch(answers.Of(q), p)
			return known
		}):
			return "has an answer of"
		}
		return ""
	}
}
