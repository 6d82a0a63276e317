package audit

import "slices"

// question is what all rows of a query say of it.
type question struct {
	first   kept
	other   *kept // the first one with other positives than the first; nil where all have the same
	answers map[digest]bool
}

func (q *question) add(k kept) {
	if q.other == nil && !slices.Equal(k.positives, q.first.positives) {
		q.other = &k
	}
	for _, p := range k.positives {
		q.answers[p] = true
	}
}

// contrary is a row whose positives are others than those of k; nil where there is none.
func (q question) contrary(k kept) *kept {
	if !slices.Equal(k.positives, q.first.positives) {
		return &q.first
	}
	return q.other
}
