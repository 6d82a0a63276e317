package sentencetransformers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// Reader reads rows back into queries: rows of one anchor that follow each other are one query, as the miner takes a
// repeated anchor for more positives.
type Reader struct {
	rows    table.Rows
	layout  Layout
	columns columns
	started bool
	ahead   *line // read, but of the next query
	err     error
}

// line is one row of a file: the texts that stand beside an anchor.
type line struct {
	number              int
	anchor              string
	positive, negatives []trainingset.Passage
}

// NewReader reads a file of one layout.
func NewReader(rows table.Rows, layout Layout) (*Reader, error) {
	if err := layout.Check(); err != nil {
		return nil, err
	}
	return &Reader{rows: rows, layout: layout}, nil
}

// Next returns the next query, or io.EOF. Errors name file, line and column.
func (r *Reader) Next() (*trainingset.Row, error) {
	first := r.ahead
	r.ahead = nil
	if first == nil {
		var err error
		if first, err = r.line(); err != nil {
			return nil, err
		}
	}
	group := []*line{first}
	for {
		next, err := r.line()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if next.anchor != first.anchor {
			r.ahead = next
			break
		}
		group = append(group, next)
	}
	row := &trainingset.Row{Query: first.anchor, Line: first.number}
	row.Positives, row.Negatives = joined(group, r.layout)
	return row, nil
}

// joined puts the rows of a query together. Where every positive stands before the same negatives, which is how rows of
// several positives are written, they are given once; else each text is kept once.
func joined(group []*line, layout Layout) (positives, negatives []trainingset.Passage) {
	if layout == LabeledPair {
		for _, l := range group {
			positives, negatives = append(positives, l.positive...), append(negatives, l.negatives...)
		}
		return positives, negatives
	}
	if layout == Triplet {
		group = blocks(group)
	}
	if len(group) == 1 {
		return group[0].positive, group[0].negatives
	}
	same := true
	for _, l := range group {
		same = same && len(l.positive) == 1 && slices.EqualFunc(l.negatives, group[0].negatives, sameText)
	}
	if same {
		for _, l := range group {
			positives = append(positives, l.positive...)
		}
		return positives, group[0].negatives
	}
	for _, l := range group {
		positives, negatives = once(positives, l.positive), once(negatives, l.negatives)
	}
	return positives, negatives
}

// blocks puts triplets of one positive together, as long as the next have its number of negatives.
func blocks(group []*line) []*line {
	var found []*line
	for _, l := range group {
		if n := len(found); n > 0 && sameText(found[n-1].positive[0], l.positive[0]) {
			found[n-1].negatives = append(found[n-1].negatives, l.negatives...)
			continue
		}
		found = append(found, l)
	}
	return found
}

func sameText(a, b trainingset.Passage) bool { return a.Text == b.Text }

func once(known, more []trainingset.Passage) []trainingset.Passage {
	for _, p := range more {
		if !slices.ContainsFunc(known, func(q trainingset.Passage) bool { return sameText(p, q) }) {
			known = append(known, p)
		}
	}
	return known
}

// line reads the next row.
func (r *Reader) line() (*line, error) {
	row, err := r.rows.NextObject()
	if err != nil {
		return nil, err
	}
	if !r.started {
		r.started = true
		if r.columns, err = columnsOf(row, r.layout); err != nil {
			return nil, r.rows.Errorf("%w", err)
		}
	}
	l := &line{number: r.rows.Number()}
	if err := r.read(row, l); err != nil {
		return nil, r.rows.Errorf("%w", err)
	}
	return l, nil
}

func (r *Reader) read(row corpus.Object, l *line) (err error) {
	c := r.columns
	if l.anchor, err = text(row, c.anchor); err != nil {
		return err
	}
	if strings.TrimSpace(l.anchor) == "" {
		return fmt.Errorf("%q is empty", c.anchor)
	}
	if len(row) != c.number {
		return fmt.Errorf("%d columns, and the first row has %d", len(row), c.number)
	}
	switch r.layout {
	case LabeledPair:
		return r.pair(row, l)
	case LabeledList:
		return r.list(row, l)
	}
	return r.tuple(row, l)
}

// tuple reads a positive and its negatives. A null in place of a negative is none.
func (r *Reader) tuple(row corpus.Object, l *line) error {
	c := r.columns
	positive, err := text(row, c.document)
	if err != nil {
		return err
	}
	l.positive = []trainingset.Passage{{Text: positive}}
	for _, column := range c.negatives {
		value, ok := row.Get(column)
		if !ok {
			if !row.Has(column) {
				return fmt.Errorf("the row has no %q, which the first row has", column)
			}
			continue
		}
		negative, err := corpus.Text(value)
		if err != nil {
			return fmt.Errorf("%q: %w", column, err)
		}
		l.negatives = append(l.negatives, trainingset.Passage{Text: negative})
	}
	if c.label == "" {
		return nil
	}
	scores, err := numbers(row, c.label)
	if err != nil {
		return err
	}
	return l.score(c.label, scores)
}

func (r *Reader) pair(row corpus.Object, l *line) error {
	c := r.columns
	document, err := text(row, c.document)
	if err != nil {
		return err
	}
	value, ok := row.Get(c.label)
	if !ok {
		return fmt.Errorf("the row has no %q", c.label)
	}
	label, err := number(value)
	if err != nil {
		return fmt.Errorf("%q: %w", c.label, err)
	}
	return l.judge(c.label, document, label)
}

// list reads documents with their labels. Scores tell the positive by its place: it is the first.
func (r *Reader) list(row corpus.Object, l *line) error {
	c := r.columns
	value, ok := row.Get(c.document)
	if !ok {
		return fmt.Errorf("the row has no %q", c.document)
	}
	documents, err := corpus.Texts(value)
	if err != nil {
		return fmt.Errorf("%q: %w", c.document, err)
	}
	labels, err := numbers(row, c.label)
	if err != nil {
		return err
	}
	if len(labels) != len(documents) {
		return fmt.Errorf("%q: %d for %d texts in %q", c.label, len(labels), len(documents), c.document)
	}
	if c.scores {
		for i, document := range documents {
			into := &l.negatives
			if i == 0 {
				into = &l.positive
			}
			*into = append(*into, trainingset.Passage{Text: document, Score: &labels[i]})
		}
		return nil
	}
	for i, document := range documents {
		if err := l.judge(c.label, document, labels[i]); err != nil {
			return err
		}
	}
	return nil
}

// judge takes a document by its label: 1 is a positive, 0 a negative.
func (l *line) judge(column, document string, label float64) error {
	switch label {
	case 1:
		l.positive = append(l.positive, trainingset.Passage{Text: document})
	case 0:
		l.negatives = append(l.negatives, trainingset.Passage{Text: document})
	default:
		return fmt.Errorf("%q is %v: want 1 for a positive, 0 for a negative; a score does not tell them apart", column, label)
	}
	return nil
}

// score gives the positive and the negatives their scores.
func (l *line) score(column string, scores []float64) error {
	if len(scores) != 1+len(l.negatives) {
		return fmt.Errorf("%q: %d scores for a positive and %d negatives", column, len(scores), len(l.negatives))
	}
	trainingset.SetScores(l.positive, scores[:1])
	trainingset.SetScores(l.negatives, scores[1:])
	return nil
}

func text(row corpus.Object, column string) (string, error) {
	value, ok := row.Get(column)
	if !ok {
		return "", fmt.Errorf("the row has no %q", column)
	}
	found, err := corpus.Text(value)
	if err != nil {
		return "", fmt.Errorf("%q: %w", column, err)
	}
	return found, nil
}

// numbers reads a list of numbers, or a text that holds one, as columns of CSV do: with commas, or as NumPy prints it.
func numbers(row corpus.Object, column string) ([]float64, error) {
	value, ok := row.Get(column)
	if !ok {
		return nil, fmt.Errorf("the row has no %q", column)
	}
	if len(value) > 0 && value[0] == '"' {
		inner, err := corpus.Text(value)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", column, err)
		}
		return printed(column, inner)
	}
	var list []*float64
	if json.Unmarshal(value, &list) != nil || list == nil || slices.Contains(list, nil) {
		return nil, fmt.Errorf("%q: want a list of numbers", column)
	}
	found := make([]float64, len(list))
	for i, n := range list {
		found[i] = *n
	}
	return found, nil
}

func printed(column, list string) ([]float64, error) {
	inner, open := strings.CutPrefix(strings.TrimSpace(list), "[")
	inner, closed := strings.CutSuffix(inner, "]")
	found := []float64{}
	for _, digits := range strings.FieldsFunc(inner, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, fmt.Errorf("%q: %.20q is no number", column, digits)
		}
		found = append(found, n)
	}
	if !open || !closed {
		return nil, fmt.Errorf("%q: want a list of numbers", column)
	}
	return found, nil
}

// number reads a number, true or false, or a text that holds one of them, as columns of CSV do.
func number(value json.RawMessage) (float64, error) {
	if len(value) > 0 && value[0] == '"' {
		inner, err := corpus.Text(value)
		if err != nil {
			return 0, err
		}
		value = json.RawMessage(strings.ToLower(inner))
	}
	switch string(value) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	var n float64
	if err := json.Unmarshal(value, &n); err != nil || math.IsNaN(n) {
		return 0, errors.New("want a number")
	}
	return n, nil
}
