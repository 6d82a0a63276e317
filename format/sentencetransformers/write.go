package sentencetransformers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/trainingset"
)

// Options say what rows are written.
type Options struct {
	Layout    Layout
	Negatives int  // of a tuple; a query with fewer is not written, of one with more the first are
	Scores    bool // write scores, as output_scores does: beside triplets and tuples, in place of labels
	// Anchor and Positive name the first two columns; empty means anchor, and positive or, beside labels, document.
	Anchor, Positive string
}

// Holds is what of rows a layout holds beside the texts; without Scores, no scores.
func (o Options) Holds() trainingset.Parts {
	parts := trainingset.SeveralPositives | trainingset.CarriageReturns
	switch o.Layout {
	case Triplet:
		parts |= trainingset.RepeatedNegatives | trainingset.Contradictions
	case NTuple:
		parts |= trainingset.Repeats
		if o.Negatives == 0 {
			parts |= trainingset.NoNegatives
		}
	default:
		parts |= trainingset.Repeats | trainingset.NoNegatives
	}
	if o.Layout == LabeledPair {
		parts |= trainingset.NoPositives
	}
	if o.Scores && o.Layout != LabeledPair {
		parts |= trainingset.TeacherScores
	}
	return parts
}

// Writer writes queries as rows of a layout, those of one query behind each other: positives in their order, before each
// of them its negatives.
type Writer struct {
	to      table.Writer
	options Options
}

// NewWriter writes to a table. Closing that is the caller's.
func NewWriter(to table.Writer, o Options) (*Writer, error) {
	if err := o.Layout.Check(); err != nil {
		return nil, err
	}
	if o.Negatives < 0 {
		return nil, fmt.Errorf("%d negatives", o.Negatives)
	}
	o.Anchor = cmp.Or(o.Anchor, "anchor")
	o.Positive = cmp.Or(o.Positive, map[bool]string{true: "document", false: "positive"}[o.Layout == LabeledPair || o.Layout == LabeledList])
	return &Writer{to, o}, nil
}

// Write writes a query: no row where the layout has none for it. A passage without a score, where scores are asked for, and
// a score that is not finite are errors.
func (w *Writer) Write(row *trainingset.Row) error {
	if w.options.Scores {
		for _, p := range row.Passages() {
			if p.Score == nil {
				return fmt.Errorf("query %.40q: a passage has no score", row.Query)
			}
			if math.IsNaN(*p.Score) || math.IsInf(*p.Score, 0) {
				return fmt.Errorf("query %.40q: a score is %v, want a finite number", row.Query, *p.Score)
			}
		}
	}
	switch w.options.Layout {
	case Triplet:
		return w.triplets(row)
	case NTuple:
		if len(row.Negatives) < w.options.Negatives {
			return nil
		}
		return w.tuples(row, row.Negatives[:w.options.Negatives])
	case LabeledPair:
		return w.pairs(row)
	case LabeledList:
		return w.lists(row)
	}
	return errors.New("no layout")
}

func (w *Writer) triplets(row *trainingset.Row) error {
	for _, positive := range row.Positives {
		for _, negative := range row.Negatives {
			err := w.put(row.Query, positive, []trainingset.Passage{negative}, func(int) string { return "negative" })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) tuples(row *trainingset.Row, negatives []trainingset.Passage) error {
	for _, positive := range row.Positives {
		err := w.put(row.Query, positive, negatives, func(i int) string { return "negative_" + strconv.Itoa(i+1) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) put(query string, positive trainingset.Passage, negatives []trainingset.Passage, name func(int) string) error {
	object := w.object(query, table.String(positive.Plain()))
	for i, negative := range negatives {
		object = append(object, corpus.Field{Key: name(i), Value: table.String(negative.Plain())})
	}
	if w.options.Scores {
		scores := trainingset.Scores(append([]trainingset.Passage{positive}, negatives...))
		object = append(object, corpus.Field{Key: "scores", Value: table.Numbers(scores)})
	}
	return w.to.Write(object)
}

func (w *Writer) pairs(row *trainingset.Row) error {
	for i, p := range row.Passages() {
		label := corpus.Field{Key: "label", Value: json.RawMessage("0")}
		if i < len(row.Positives) {
			label.Value = json.RawMessage("1")
		}
		if w.options.Scores {
			label = corpus.Field{Key: "score", Value: table.Number(*p.Score)}
		}
		if err := w.to.Write(append(w.object(row.Query, table.String(p.Plain())), label)); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) lists(row *trainingset.Row) error {
	for _, positive := range row.Positives {
		passages := slices.Concat([]trainingset.Passage{positive}, row.Negatives)
		texts, labels := make([]string, len(passages)), []byte("[1")
		for i, p := range passages {
			texts[i] = p.Plain()
			if i > 0 {
				labels = append(labels, ", 0"...)
			}
		}
		label := corpus.Field{Key: "labels", Value: append(labels, ']')}
		if w.options.Scores {
			label = corpus.Field{Key: "scores", Value: table.Numbers(trainingset.Scores(passages))}
		}
		if err := w.to.Write(append(w.object(row.Query, table.Strings(texts)), label)); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) object(query string, documents json.RawMessage) corpus.Object {
	return corpus.Object{{Key: w.options.Anchor, Value: table.String(query)}, {Key: w.options.Positive, Value: documents}}
}
