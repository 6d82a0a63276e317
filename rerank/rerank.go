// Package rerank scores pairs of a query and a passage by a teacher: a cross-encoder, which reads both together, or a second
// embedder, which compares their vectors. Scores go to distillation, and tell which negatives may be answers.
package rerank

import (
	"context"
	"fmt"

	"github.com/quarry-ml/quarry/embedding"
)

// Pair is a query and a passage, as texts, without prompts.
type Pair struct{ Query, Passage string }

// Teacher scores pairs. A score depends on its pair alone, not on those beside it.
type Teacher interface {
	// Score hands the scores of pairs to sink in their order, some at a time: first is the place of the first of them. The
	// slice belongs to Score again after the call.
	Score(ctx context.Context, pairs []Pair, o Options, sink func(first int, scores []float32) error) (Stats, error)
}

// Judge is a Teacher that may not be asked of every pair. Scores that are kept from earlier are as little to be had of such
// pairs as new ones.
type Judge interface {
	Teacher
	// MayJudge refuses pairs of which some may not be asked.
	MayJudge(pairs []Pair) error
}

// Options say what is told on the way, and how much is done at once.
type Options struct {
	Progress func(label string, done, total int, unit string) // may be nil
	Block    int                                              // pairs that are in memory at once; 0 is as many as take some 40 MB. Score has no part in it
}

func (o Options) progress(label string, done, total int, unit string) {
	if o.Progress != nil {
		o.Progress(label, done, total, unit)
	}
}

// Stats counts what a teacher read.
type Stats struct {
	Pairs     int // scored
	Truncated int // sequences that were cut: pairs of a cross-encoder, texts of an embedder
	First     Cut // of those, in the order in which they were read; nothing where none was cut
}

// Part is what a teacher reads of a pair at once.
type Part string

// The parts.
const (
	BothTexts   Part = "pair"    // a cross-encoder reads query and passage as one
	QueryText   Part = "query"   // an embedder reads
	PassageText Part = "passage" // each by itself
)

// Cut is a sequence that was longer than the teacher reads. Of a pair that was not read as one only the text that was cut is there.
type Cut struct {
	Pair Pair
	Part Part
}

// add counts further sequences that were cut.
func (s *Stats) add(more Stats) {
	if s.Truncated == 0 {
		s.First = more.First
	}
	s.Pairs += more.Pairs
	s.Truncated += more.Truncated
}

// Add counts what another of several teachers was asked of.
func (c *Counts) Add(more Counts) {
	c.Pairs += more.Pairs
	c.Asked += more.Asked
	c.Stored += more.Stored
	c.add(more.Stats)
}

// CutNote says how much was cut, and by place where the first of it stands; empty where nothing was.
func (s Stats) CutNote(place func(Cut) string) string {
	if s.Truncated == 0 {
		return ""
	}
	what := "texts"
	if s.First.Part == BothTexts {
		what = "pairs"
	}
	if s.Truncated == 1 {
		return fmt.Sprintf("1 of the %s is longer than the teacher reads and was cut, at %s", what, place(s.First))
	}
	return fmt.Sprintf("%d of the %s are longer than the teacher reads and were cut, the first at %s", s.Truncated, what, place(s.First))
}

// Place is where a cut sequence stands, by the places of a query's text and of a passage's.
func (c Cut) Place(query, passage func(text string) string) string {
	switch c.Part {
	case QueryText:
		return query(c.Pair.Query)
	case PassageText:
		return passage(c.Pair.Passage)
	}
	return query(c.Pair.Query) + " with " + passage(c.Pair.Passage)
}

// distinct lists texts in the order in which they first come, and gives the place of each in the list.
type distinct struct {
	texts []string
	place map[string]int
}

func (d *distinct) add(text string) {
	if d.place == nil {
		d.place = map[string]int{}
	}
	if _, ok := d.place[text]; !ok {
		d.place[text] = len(d.texts)
		d.texts = append(d.texts, text)
	}
}

func (d *distinct) each(yield func(embedding.Text, error) bool) {
	for _, text := range d.texts {
		if !yield(embedding.Text{Text: text}, nil) {
			return
		}
	}
}
