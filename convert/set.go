// Package convert turns training sets and judged data sets from one file format into another, and says what the other
// format does not hold. A set is a stream of training rows, with or without the corpus that they name passages of.
package convert

import (
	"slices"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/trainingset"
)

// Set is what a file or folder holds.
type Set struct {
	// Rows visits all rows in their order, from the first one, as often as it is called. A row is not to be kept.
	Rows func(visit func(*trainingset.Row) error) error
	// Corpus is all passages; nil where the rows alone hold them.
	Corpus   *corpus.Corpus
	Warnings []corpus.Warning
	Unread   []string // what the file holds beside, which is not read
}

// Survey is what the rows of a set hold, counted.
type Survey struct {
	Rows      int
	Counts    map[trainingset.Parts]int // rows that hold a part
	Negatives map[int]int               // rows by their number of negatives
	Keys      []string                  // other keys of rows, in the order in which they are met
	Unjudged  int                       // rows without positives and negatives
	Adjacent  int                       // rows of the query of the row before
	Unscored  int                       // rows that lack a score of some passage
	Prompts   int                       // different prompts that follow each other; 1 where all rows have the same
	Prompt    string                    // the first
	Unused    int                       // passages of the corpus that no row names
	Twins     int                       // rows with a negative, or a positive without an id, whose text alone names another passage
}

// Look reads all rows and counts.
func (s *Set) Look() (Survey, error) {
	found := Survey{Counts: map[trainingset.Parts]int{}, Negatives: map[int]int{}}
	used, twins := map[string]bool{}, s.newTwins()
	before, prompt := "", ""
	err := s.Rows(func(row *trainingset.Row) error {
		parts := row.Parts()
		for _, part := range trainingset.All() {
			if parts&part.Part != 0 {
				found.Counts[part.Part]++
			}
		}
		for _, field := range row.Fields {
			if !slices.Contains(found.Keys, field.Key) && len(found.Keys) <= mostKeys {
				found.Keys = append(found.Keys, field.Key)
			}
		}
		found.Negatives[len(row.Negatives)]++
		if len(row.Positives)+len(row.Negatives) == 0 {
			found.Unjudged++
		}
		if all, _ := row.Scored(); !all {
			found.Unscored++
		}
		if found.Rows > 0 && row.Query == before {
			found.Adjacent++
		}
		if found.Rows == 0 || row.Prompt != prompt {
			found.Prompts++
			prompt = row.Prompt
		}
		if found.Rows == 0 {
			found.Prompt = prompt
		}
		if twins.of(row) {
			found.Twins++
		}
		before = row.Query
		found.Rows++
		if s.Corpus != nil {
			for _, p := range row.Passages() {
				if id, ok := s.idOf(p); ok {
					used[id] = true
				}
			}
		}
		return nil
	})
	if s.Corpus != nil {
		found.Unused = s.Corpus.Len() - len(used)
	}
	return found, err
}

// mostKeys is how many other keys are named where they are lost.
const mostKeys = 8

// idOf is the id of a passage in the corpus of the set.
func (s *Set) idOf(p trainingset.Passage) (string, bool) {
	if p.ID != "" {
		return p.ID, true
	}
	if same := s.Corpus.ByText(p.Full()); len(same) > 0 {
		return s.Corpus.ID(same[0]), true
	}
	return "", false
}

// most is the largest number of negatives of any row, and least the smallest of those that have one.
func (s Survey) most() int {
	most := 0
	for n := range s.Negatives {
		most = max(most, n)
	}
	return most
}

func (s Survey) least() int {
	least := s.most()
	for n := range s.Negatives {
		if n > 0 {
			least = min(least, n)
		}
	}
	return least
}

// fewer and more count the rows with less or more than n negatives.
func (s Survey) fewer(n int) int { return s.count(func(m int) bool { return m > 0 && m < n }) }

func (s Survey) more(n int) int { return s.count(func(m int) bool { return m > n }) }

func (s Survey) count(which func(negatives int) bool) int {
	rows := 0
	for n, count := range s.Negatives {
		if which(n) {
			rows += count
		}
	}
	return rows
}

// passageOf is a passage of a corpus as rows have it.
func passageOf(c *corpus.Corpus, position int32) trainingset.Passage {
	p := c.Passages[position]
	id := p.ID
	if !c.GivenIDs() {
		id = ""
	}
	return trainingset.Passage{ID: id, Title: p.Title, Text: p.Text}
}

// otherFields are the keys of a row that nothing else reads.
func otherFields(row corpus.Object, known ...string) corpus.Object {
	var found corpus.Object
	for _, field := range row {
		if !slices.Contains(known, field.Key) && string(field.Value) != "null" {
			found = append(found, corpus.Field{Key: field.Key, Value: slices.Clone(field.Value)})
		}
	}
	return found
}
