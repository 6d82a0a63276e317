package prepare

import "github.com/quarry-ml/quarry/draw"

// examplesOf draws one train query for each pair of subject and construct, in the order in which the pairs first occur.
// A query of dev or test is shown the example of its construct, else one of its subject.
func examplesOf(train []query, seed uint64) []query {
	type pair struct{ subject, construct string }
	position := map[pair]int{}
	var examples []query
	var drawn []uint64
	for _, q := range train {
		number := draw.Hash(seed, draw.Split, 0, 0, "example "+q.id)
		i, known := position[pair{q.subject, q.construct}]
		switch {
		case !known:
			position[pair{q.subject, q.construct}] = len(examples)
			examples, drawn = append(examples, q), append(drawn, number)
		case number < drawn[i]:
			examples[i], drawn[i] = q, number
		}
	}
	return examples
}
