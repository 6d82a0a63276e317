package demo

import "slices"

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
