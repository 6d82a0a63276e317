// Package trainingset is what the rows of a training set hold, whatever file they stand in: a query with its positives and
// negatives, their ids, scores and grades, and what else a row says. Packages of formats read and write these rows; each
// holds some Parts of them, and what it does not hold can be told beforehand.
package trainingset

import (
	"strings"

	"github.com/quarry-ml/quarry/corpus"
)

// Row is a query with what is known to answer it and what is not.
type Row struct {
	ID        string // of the query; empty where none is given
	Key       string // what stands for the id where one is needed and none is given; empty means a digest of the texts
	Query     string
	Prompt    string // the row's own instruction
	Type      string // how FlagEmbedding's trainer treats the row
	Positives []Passage
	Negatives []Passage
	Fields    corpus.Object // what else the row says, in its order
	Line      int           // 1-based line or row of its file; 0 where it comes from none
}

// Passage is a text of a row, or of the corpus that the row names it from.
type Passage struct {
	ID    string // empty where none is given
	Title string
	Text  string
	Score *float64 // a teacher's; nil where none is given
	Grade int      // of a judgment; 0 of a positive is 1 that is not said
}

// Full is the text that is embedded: title and text, as a corpus has it.
func (p Passage) Full() string { return corpus.Passage{Title: p.Title, Text: p.Text}.Full() }

// Plain is the passage's text for a format without titles: as it was read where there is none.
func (p Passage) Plain() string {
	if p.Title == "" {
		return p.Text
	}
	return p.Full()
}

// Passages are the positives, then the negatives.
func (r *Row) Passages() []Passage {
	return append(r.Positives[:len(r.Positives):len(r.Positives)], r.Negatives...)
}

// Scored reports whether every passage of the row has a score, and whether any has.
func (r *Row) Scored() (all, some bool) {
	passages := r.Passages()
	all = len(passages) > 0
	for _, p := range passages {
		all, some = all && p.Score != nil, some || p.Score != nil
	}
	return all, some
}

// Scores are the scores of passages, 0 where one has none.
func Scores(passages []Passage) []float64 {
	scores := make([]float64, len(passages))
	for i, p := range passages {
		if p.Score != nil {
			scores[i] = *p.Score
		}
	}
	return scores
}

// SetScores gives passages their scores, by index.
func SetScores(passages []Passage, scores []float64) {
	for i := range scores {
		passages[i].Score = &scores[i]
	}
}

// Parts is a set of what a row may hold beside the texts of query, positives and negatives.
type Parts uint32

// What a row may hold.
const (
	QueryIDs Parts = 1 << iota
	PassageIDs
	Titles
	Prompts
	Types
	TeacherScores
	Grades
	Fields
	NoPositives
	NoNegatives
	SeveralPositives
	RepeatedPositives
	RepeatedNegatives
	Contradictions
	CarriageReturns
)

// Repeats is a passage twice in a row, wherever.
const Repeats = RepeatedPositives | RepeatedNegatives | Contradictions

// Part is one of them with its name.
type Part struct {
	Part Parts
	Name string // as documents and messages have it
}

// All are the parts in the order of documents and messages.
func All() []Part {
	return []Part{
		{QueryIDs, "ids of queries"}, {PassageIDs, "ids of passages"}, {Titles, "titles apart from texts"}, {Prompts, "prompts of rows"}, {Types, "types of rows"},
		{TeacherScores, "a teacher's scores"}, {Grades, "grades of judgments"}, {Fields, "other keys"}, {NoPositives, "queries without a positive"},
		{NoNegatives, "queries without a negative"}, {SeveralPositives, "several positives of a row"}, {RepeatedPositives, "a positive twice in a row"},
		{RepeatedNegatives, "a negative twice in a row"}, {Contradictions, "a positive among the negatives"},
		{CarriageReturns, "carriage returns before line ends"},
	}
}

// Parts is what a row holds.
func (r *Row) Parts() Parts {
	var parts Parts
	has := func(part Parts, held bool) {
		if held {
			parts |= part
		}
	}
	has(QueryIDs, r.ID != "")
	has(Prompts, r.Prompt != "")
	has(Types, r.Type != "")
	has(Fields, len(r.Fields) > 0)
	has(NoPositives, len(r.Positives) == 0)
	has(NoNegatives, len(r.Negatives) == 0)
	has(SeveralPositives, len(r.Positives) > 1)
	has(CarriageReturns, strings.Contains(r.Query, "\r\n"))
	seen := map[[3]string]Parts{} // where a passage stands
	for i, p := range r.Passages() {
		has(PassageIDs, p.ID != "")
		has(Titles, p.Title != "")
		has(TeacherScores, p.Score != nil)
		has(Grades, i < len(r.Positives) && p.Grade > 1 || p.Grade < 0)
		has(CarriageReturns, strings.Contains(p.Text, "\r\n") || strings.Contains(p.Title, "\r\n"))
		place := RepeatedNegatives
		if i < len(r.Positives) {
			place = RepeatedPositives
		}
		name := [3]string{p.ID, p.Title, p.Text}
		has(place, seen[name]&place != 0)
		has(Contradictions, place == RepeatedNegatives && seen[name]&RepeatedPositives != 0)
		seen[name] |= place
	}
	return parts
}
