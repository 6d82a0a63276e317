package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Judgment is one line of a file of judgments: how well a passage answers a query, both by id.
type Judgment struct {
	Query, Passage string
	Grade          float64
}

// Pool is the passages that judgments and rankings name, numbered in the order of their ids. It stands for a corpus where
// only a run and its judgments are given, and a nil ranking.Order is the order of its ids.
type Pool struct {
	ids []string
}

// NewPool numbers ids, which may repeat.
func NewPool(ids []string) *Pool {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return &Pool{slices.Compact(ids)}
}

// ByID is the number of a passage, and whether the pool has it.
func (p *Pool) ByID(id string) (int32, bool) {
	i, ok := slices.BinarySearch(p.ids, id)
	return int32(i), ok
}

// ID is the id of the passage with a number.
func (p *Pool) ID(passage int32) string { return p.ids[passage] }

// Judge gathers judgments by query, queries ascending, passages numbered by byID: a Pool's, or a corpus's. A passage that
// byID does not know and a pair judged twice are errors.
func Judge(judgments []Judgment, byID func(id string) (int32, bool)) ([]Judged, error) {
	judgments = slices.SortedStableFunc(slices.Values(judgments), func(a, b Judgment) int {
		return strings.Compare(a.Query, b.Query)
	})
	var judged []Judged
	for _, j := range judgments {
		passage, ok := byID(j.Passage)
		if !ok {
			return nil, fmt.Errorf("query %q is judged on passage %q, which the corpus has not", j.Query, j.Passage)
		}
		if n := len(judged); n == 0 || judged[n-1].Query != j.Query {
			judged = append(judged, Judged{Query: j.Query})
			if own, ok := byID(j.Query); ok {
				judged[n].OwnID = []int32{own}
			}
		}
		last := &judged[len(judged)-1]
		last.Grades = append(last.Grades, Grade{passage, j.Grade})
	}
	for i := range judged {
		grades := judged[i].Grades
		slices.SortFunc(grades, func(a, b Grade) int { return cmp.Compare(a.Passage, b.Passage) })
		for k := 1; k < len(grades); k++ {
			if grades[k].Passage == grades[k-1].Passage {
				return nil, fmt.Errorf("query %q: a passage is judged twice", judged[i].Query)
			}
		}
	}
	return judged, nil
}
