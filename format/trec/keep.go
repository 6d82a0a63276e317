package trec

import "github.com/quarry-ml/quarry/ranking"

// Wanted is what is to be kept of a run.
type Wanted struct {
	Queries   []string  // by the names that the run has for them
	Positives [][]int32 // of each query
	Depth     int       // hits of a query
	Order     ranking.Order
	Position  func(document string) (int32, bool)
}

// Kept is what a run leaves of itself.
type Kept struct {
	Ranked  []ranking.Ranked // of each wanted query; one that the run lacks has no hits
	Found   int              // wanted queries that the run has
	Longest int              // most lines of one of these
}

// Keep orders the lines of each wanted query by score, ties by passage, and keeps the first of them and where positives stand
// among all. Queries that nobody wants are passed over. An unknown document is an error with file and line.
func (r Run) Keep(w Wanted) (Kept, error) {
	kept := Kept{Ranked: make([]ranking.Ranked, len(w.Queries))}
	place := make(map[string]int, len(w.Queries))
	for i, q := range w.Queries {
		place[q] = i
		kept.Ranked[i] = ranking.Ranking(nil).Keep(w.Depth, w.Positives[i])
	}
	for _, q := range r.Queries {
		i, ok := place[q.Query]
		if !ok {
			continue // a run may be of more queries
		}
		hits, err := q.Ranking(w.Position)
		if err != nil {
			return Kept{}, err
		}
		w.Order.Sort(hits)
		kept.Found++
		kept.Longest = max(kept.Longest, len(hits))
		kept.Ranked[i] = hits.Keep(w.Depth, w.Positives[i])
	}
	return kept, nil
}
