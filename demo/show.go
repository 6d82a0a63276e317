package demo

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Ranked is a passage where the miner put it.
type Ranked struct {
	Text  string
	Rank  int // 0-based, in the whole corpus
	Score float32
}

// Mined is one query with its positive and the negatives that were mined for it.
type Mined struct {
	Query     string
	Positive  Ranked
	Negatives []Ranked
}

// Write prints a mined example for people: the query, then all its passages by rank. Ranks are counted from 1.
func (m Mined) Write(w io.Writer) error {
	type row struct {
		Ranked
		role string
	}
	rows := []row{{m.Positive, "right"}}
	for _, n := range m.Negatives {
		rows = append(rows, row{n, "mined"})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.Rank - b.Rank })
	var b strings.Builder
	for line := range strings.Lines(m.Query) {
		b.WriteString("  " + strings.TrimSuffix(line, "\n") + "\n")
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "    %s  rank %3d  score %6.3f  %s\n", r.role, r.Rank+1, r.Score, r.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Showcase returns the train queries whose mined negatives the demo prints: the first of three well-known
// misconceptions, each of which has a near-duplicate.
func (d *Dataset) Showcase() []Query {
	var chosen []Query
	for _, id := range []string{"fractions-add-across", "order-add-before-multiply", "column-smaller-from-larger"} {
		i := slices.IndexFunc(d.Train, func(q Query) bool { return q.CorrectID == id })
		chosen = append(chosen, d.Train[i]) // every kind has a train question
	}
	return chosen
}
