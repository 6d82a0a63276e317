package rerank

import (
	"fmt"
	"slices"

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

// ScoresByFold returns the scores of pairs by query, each by the cross-encoder that by names (OutOfFold). score hands those of one of them to
// sink, as Scores does; of queries that others score nothing is asked. One by which no query goes is not asked at all.
func ScoresByFold(asked Asked, by []int, folds int, score func(fold int, asked Asked, sink func(scores []float32) error) error) ([][]float32, error) {
	scores := make([][]float32, len(by))
	for fold := range folds {
		if !slices.Contains(by, fold) {
			continue
		}
		query := 0
		err := score(fold, ofFold(asked, by, fold), func(said []float32) error {
			if by[query] == fold {
				scores[query] = said
			}
			query++
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return scores, nil
}

// ofFold is the pairs of the queries that one of several cross-encoders scores, and none of the others.
func ofFold(asked Asked, by []int, fold int) Asked {
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
