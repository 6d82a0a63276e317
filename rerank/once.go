package rerank

// Once tells, as pairs come query by query, which of them come for the first time. It holds the pairs of a query for as long as others of
// its text are to come, and of all queries the text and a number.
type Once struct {
	queries []Pair         // each text once, without a passage
	pairs   int            // in all, as often as they come
	last    map[string]int // of each text the last group that has it
	at      int            // groups that have come
	come    map[string]names
}

// NewOnce goes through all pairs to know which queries come again.
func NewOnce(asked Asked) (*Once, error) {
	o := &Once{last: map[string]int{}, come: map[string]names{}}
	group := 0
	for pairs, err := range asked {
		if err != nil {
			return nil, err
		}
		if len(pairs) > 0 {
			query := pairs[0].Query
			if _, known := o.last[query]; !known {
				o.queries = append(o.queries, Pair{Query: query})
			}
			o.last[query] = group
		}
		o.pairs += len(pairs)
		group++
	}
	return o, nil
}

// Next says of each pair of the next query, whose digests are given, whether it comes for the first time.
func (o *Once) Next(pairs []Pair, digests []Digest) []bool {
	at := o.at
	o.at++
	if len(pairs) == 0 {
		return nil
	}
	query := pairs[0].Query
	come := o.come[query]
	if come == nil {
		come = make(names, len(pairs))
	}
	first := make([]bool, len(pairs))
	for i, d := range digests {
		first[i] = !come[d]
		come[d] = true
	}
	if o.last[query] > at {
		o.come[query] = come
	} else {
		delete(o.come, query)
	}
	return first
}
