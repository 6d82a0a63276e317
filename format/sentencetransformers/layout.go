// Package sentencetransformers reads and writes the training data of sentence-transformers: the four layouts that its
// mine_hard_negatives puts out, as rows of columns (package table). A trainer takes columns by their order, not by their
// names, but for label, labels, score and scores. Layouts and errors: docs/formats/training-rows.md.
package sentencetransformers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Layout is one of the four; the names are mine_hard_negatives' output_format.
type Layout string

// The layouts.
const (
	Triplet     Layout = "triplet"      // anchor, positive, negative: a row a pair of positive and negative
	NTuple      Layout = "n-tuple"      // anchor, positive, negative_1 … negative_n: a row a positive
	LabeledPair Layout = "labeled-pair" // anchor, document, label: a row a document
	LabeledList Layout = "labeled-list" // anchor, documents, labels: a row a positive
)

// Layouts are all of them.
func Layouts() []Layout { return []Layout{Triplet, NTuple, LabeledPair, LabeledList} }

// columns are the names of a file's columns, by what they hold.
type columns struct {
	layout    Layout
	anchor    string
	document  string   // the positive; of labelled layouts, any document
	negatives []string // of triplets and tuples
	label     string   // label, labels, score or scores; empty where there is none
	scores    bool     // the label is a score
	number    int      // of all columns
}

// columnsOf tells the columns of a row by their order.
func columnsOf(row corpus.Object, layout Layout) (columns, error) {
	c := columns{layout: layout, number: len(row)}
	var texts []string
	for _, field := range row {
		switch field.Key {
		case "label", "labels", "score", "scores":
			if c.label != "" {
				return c, fmt.Errorf("%q beside %q: keep one", field.Key, c.label)
			}
			c.label, c.scores = field.Key, strings.HasPrefix(field.Key, "score")
		default:
			texts = append(texts, field.Key)
		}
	}
	want, most := 2, 2
	switch layout {
	case Triplet:
		want, most = 3, 3
	case NTuple:
		most = len(texts)
	}
	if len(texts) < want || len(texts) > most {
		return c, fmt.Errorf("%d columns of texts (%s), and a %s has %s", len(texts), strings.Join(texts, ", "), layout, shapes[layout])
	}
	c.anchor, c.document, c.negatives = texts[0], texts[1], slices.Clone(texts[2:])
	labelled := layout == LabeledPair || layout == LabeledList
	switch {
	case labelled && c.label == "":
		return c, fmt.Errorf(`no "label": a %s has %s`, layout, shapes[layout])
	case layout == LabeledPair && c.scores:
		return c, fmt.Errorf("%q does not tell positives from negatives: mine with output_scores=False, or give \"label\" in its place", c.label)
	case !labelled && c.label != "" && c.label != "scores":
		return c, fmt.Errorf("%q: a %s has %s", c.label, layout, shapes[layout])
	}
	return c, nil
}

var shapes = map[Layout]string{
	Triplet:     "anchor, positive, negative, perhaps scores",
	NTuple:      "anchor, positive and any number of negatives, perhaps scores",
	LabeledPair: "anchor, document, label",
	LabeledList: "anchor, documents, labels or scores",
}

// Detect tells the layout of a file by its first row; ok is false where it is none of the four.
func Detect(row corpus.Object) (layout Layout, ok bool) {
	lists := 0
	for _, field := range row {
		if len(field.Value) > 0 && field.Value[0] == '[' && !strings.HasPrefix(field.Key, "score") && field.Key != "labels" {
			lists++
		}
	}
	candidates := []Layout{Triplet, NTuple, LabeledPair}
	if lists > 0 {
		candidates = []Layout{LabeledList}
	}
	for _, layout := range candidates {
		if c, err := columnsOf(row, layout); err == nil && (layout != LabeledPair || !c.scores) {
			return layout, true
		}
	}
	return "", false
}

// Check refuses an unknown layout.
func (l Layout) Check() error {
	if slices.Contains(Layouts(), l) {
		return nil
	}
	return errors.New("layout " + string(l) + " is unknown: use triplet, n-tuple, labeled-pair or labeled-list")
}
