package rerank

import (
	"fmt"

	"github.com/quarry-ml/quarry/model"
)

// OutOfFold says which of several cross-encoders, that were each trained on other queries, scores the pairs of each query: the first that was
// not trained on it. That is the one which left the query's fold out, and for a query of nobody's training the first of
// all. A query that all were trained on is an error; one of which nothing is asked has -1.
func OutOfFold(asked Asked, trained []model.TrainedQueries) (by []int, err error) {
	for pairs, err := range asked {
		if err != nil {
			return nil, err
		}
		if len(pairs) == 0 {
			by = append(by, -1)
			continue
		}
		fold := 0
		for fold < len(trained) && trained[fold].Has(pairs[0].Query) {
			fold++
		}
		if fold == len(trained) {
			return nil, fmt.Errorf("the cross-encoder of every fold was trained on the query %q, so that none may judge it: were they trained from one that knew it?", pairs[0].Query)
		}
		by = append(by, fold)
	}
	return by, nil
}

// OfFold is the pairs of the queries that one of several cross-encoders scores, and none of the others.
func OfFold(asked Asked, by []int, fold int) Asked {
	return func(yield func([]Pair, error) bool) {
		at := 0
		for pairs, err := range asked {
			if err == nil && by[at] != fold {
				pairs = nil
			}
			if !yield(pairs, err) {
				return
			}
			at++
		}
	}
}
