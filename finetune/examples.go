package finetune

import (
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/draw"
	"github.com/quarry-ml/quarry/model"
)

// examples draws the in-context examples of a step's rows: for each query a number from 0 to Options.Examples, and so many
// of the step's other queries with their positives, keyed by seed, epoch and query. An example that answers the query,
// or asks the same, is left out and counted.
func (d Data) examples(o Options, rows []row, epoch int) (shown [][]Shown, leaks int) {
	shown = make([][]Shown, len(rows))
	for i, r := range rows {
		e := d.Examples[r.example]
		source := draw.New(o.Seed, draw.Examples, o.Round, epoch, d.key(r.example))
		count := source.IntN(o.Examples + 1)
		for _, j := range source.Sample(len(rows)-1, count) {
			if j >= i {
				j++ // the query itself is none of them
			}
			x := Shown{Example: rows[j].example, Passage: rows[j].passages[0], Chunks: rows[j].chunks}
			if d.leaks(e, x) {
				leaks++
				continue
			}
			shown[i] = append(shown[i], x)
		}
	}
	return shown, leaks
}

// leaks says whether an example gives a query's answer away. A row of the same text does, for rows of one text know each
// other's positives.
func (d Data) leaks(e Example, x Shown) bool {
	return contains(e.Known, x.Passage) || slices.Contains(e.Positives, x.Passage)
}

// passage reads a row's passage, the positive with its chunks in the order that was drawn.
func (d Data) passage(r row, k int) (model.Sequence, error) {
	if k > 0 || r.chunks == nil {
		return d.Passage(r.passages[k]), nil
	}
	s, err := d.Shuffled(r.passages[k], r.chunks)
	if err != nil {
		return s, fmt.Errorf("query %q: its positive with its chunks shuffled: %w", d.Examples[r.example].Key, err)
	}
	return s, nil
}

// query reads a row's query for training, and counts the examples that it shows.
func (d Data) query(r row) (model.Sequence, int, error) {
	if d.InContext == nil || !r.training {
		return d.Query(r.example), 0, nil
	}
	s, count, err := d.InContext(r.example, r.shown)
	if err != nil {
		return s, count, fmt.Errorf("query %q: %w", d.Examples[r.example].Key, err)
	}
	return s, count, nil
}
