package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
)

// Grade is how well one passage answers a query; more than 0 is a positive.
type Grade struct {
	Passage int32
	Grade   float64
}

// Judged is what is known of one query's answers.
type Judged struct {
	Query  string  // the query's key
	Grades []Grade // sorted by passage; a grade of 0 is a judged negative
	Group  string  // queries that share a question share a group; empty where there are none
	Seen   bool    // a positive of this query is a positive of some training query
	OwnID  []int32 // passages whose id is the query's: BEIR strikes them from the ranking
}

// found is what the formulas need of one query: where its positives stand, and what they are worth.
type found struct {
	ranks []int     // 0-based ranks of the positives that were found, ascending
	gains []float64 // gain of each, aligned with ranks
	ideal []float64 // gains of all positives, descending
}

// positives counts the positives, R.
func (f found) positives() int { return len(f.ideal) }

// check refuses judgments that a convention has no meaning for.
func (j Judged) check(r rules) error {
	for i, g := range j.Grades {
		switch {
		case i > 0 && j.Grades[i-1].Passage >= g.Passage:
			return fmt.Errorf("query %q: judgments are not sorted by passage (%d then %d)", j.Query, j.Grades[i-1].Passage, g.Passage)
		case math.IsNaN(g.Grade) || math.IsInf(g.Grade, 0):
			return fmt.Errorf("query %q: passage %d has grade %v", j.Query, g.Passage, g.Grade)
		case r.wholeGrades && g.Grade > 0 && g.Grade < 1:
			return fmt.Errorf("query %q: passage %d has grade %v, which this convention does not count as relevant; use whole grades", j.Query, g.Passage, g.Grade)
		}
	}
	return nil
}

// grade returns the grade of a passage, 0 where it is not judged.
func (j Judged) grade(passage int32) float64 {
	i, ok := slices.BinarySearchFunc(j.Grades, passage, func(g Grade, p int32) int { return int(g.Passage) - int(p) })
	if !ok {
		return 0
	}
	return j.Grades[i].Grade
}

// locate finds the positives of a query in its candidates: among the hits, and beyond them by their whole-corpus rank.
func locate(j Judged, c ranking.Candidates, o Options, r rules) (found, error) {
	var f found
	for _, g := range j.Grades {
		if g.Grade > 0 {
			f.ideal = append(f.ideal, r.gain(g.Grade))
		}
	}
	slices.SortFunc(f.ideal, func(a, b float64) int { return cmp.Compare(b, a) })
	hits, err := orderedHits(j, c, o, r)
	if err != nil {
		return found{}, err
	}
	seen := make(map[int32]bool, len(f.ideal)) // looked up, never ranged over
	for rank, h := range hits {
		grade := j.grade(h.Passage)
		if grade <= 0 {
			continue
		}
		if seen[h.Passage] {
			if r.repeats {
				continue
			}
			return found{}, fmt.Errorf("query %q: passage %d is ranked twice", j.Query, h.Passage)
		}
		seen[h.Passage] = true
		f.ranks = append(f.ranks, rank)
		f.gains = append(f.gains, r.gain(grade))
	}
	if r.hitsOnly || len(c.Positives) == 0 {
		return f, nil
	}
	return f, f.addDeep(j, c, seen, r)
}

// addDeep adds the positives that stand below the kept hits. Candidates that know any positive must know every one.
func (f *found) addDeep(j Judged, c ranking.Candidates, seen map[int32]bool, r rules) error {
	missing := 0
	for _, g := range j.Grades {
		if g.Grade > 0 && !seen[g.Passage] {
			missing++
		}
	}
	for _, p := range slices.SortedFunc(slices.Values(c.Positives), func(a, b ranking.Positive) int { return int(a.Rank) - int(b.Rank) }) {
		grade := j.grade(p.Passage)
		switch {
		case int(p.Rank) < len(c.Hits) && c.Hits[p.Rank].Passage != p.Passage, int(p.Rank) >= len(c.Hits) && seen[p.Passage]:
			return fmt.Errorf("query %q: passage %d is said to rank %d, but the hits say otherwise; search again", j.Query, p.Passage, p.Rank)
		case grade <= 0 || seen[p.Passage]:
			continue
		}
		f.ranks = append(f.ranks, int(p.Rank))
		f.gains = append(f.gains, r.gain(grade))
		missing--
	}
	if missing > 0 {
		return fmt.Errorf("query %q: %d of its positives have no rank; the candidates were searched with other judgments, search again", j.Query, missing)
	}
	return nil
}

// orderedHits checks that scores descend and, where a convention breaks ties its own way, returns a copy so ordered, without
// what the convention strikes.
func orderedHits(j Judged, c ranking.Candidates, o Options, r rules) (ranking.Ranking, error) {
	for i, h := range c.Hits {
		if h.Score != h.Score || i > 0 && h.Score > c.Hits[i-1].Score {
			return nil, fmt.Errorf("query %q: the hits are not sorted by score: rank %d has %v", c.Query, i, h.Score)
		}
		if o.Order != nil && int(h.Passage) >= len(o.Order) || h.Passage < 0 {
			return nil, fmt.Errorf("query %q: passage %d is not in the corpus", c.Query, h.Passage)
		}
	}
	if !r.tiesDescending {
		return c.Hits, nil
	}
	hits := slices.Clone(c.Hits)
	if r.strikesOwnID {
		hits = slices.DeleteFunc(hits, func(h ranking.Hit) bool { return slices.Contains(j.OwnID, h.Passage) })
	}
	slices.SortStableFunc(hits, func(a, b ranking.Hit) int {
		if a.Score != b.Score {
			return o.Order.Compare(a, b)
		}
		return o.Order.Compare(b, a)
	})
	return hits, nil
}
