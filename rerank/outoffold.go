package rerank

import (
	"fmt"

	"github.com/quarry-ml/quarry/model"
)

// OutOfFold says which of several cross-encoders, that were each trained on other queries, scores each pair: the first that was not
// trained on the pair's query. That is the one which left the query's fold out, and for a query of nobody's training the first of
// all. A query that all were trained on is an error.
func OutOfFold(pairs []Pair, trained []model.TrainedQueries) (by []int, err error) {
	by = make([]int, len(pairs))
	known := map[string]int{}
	for i, p := range pairs {
		fold, ok := known[p.Query]
		if !ok {
			for fold < len(trained) && trained[fold].Has(p.Query) {
				fold++
			}
			known[p.Query] = fold
		}
		if fold == len(trained) {
			return nil, fmt.Errorf("the cross-encoder of every fold was trained on the query %q, so that none may judge it: were they trained from one that knew it?", p.Query)
		}
		by[i] = fold
	}
	return by, nil
}
