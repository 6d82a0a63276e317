package eval

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
)

// Options say what is measured and by whose definitions.
type Options struct {
	Measures   []Measure
	Convention Convention    // empty is SentenceTransformers
	Depth      int           // hits that were kept a query; a cutoff beyond it is an error. 0: the rankings are whole, as a run file's are
	Order      ranking.Order // passages by id, which TrecEval needs to break ties; nil is corpus order
	Missing    Missing       // what becomes of a judged query without a ranking
}

// Scores are the values of each measure: per query, and their means.
type Scores struct {
	Convention Convention
	Measures   []Measure
	Queries    []string    // keys, ascending
	Groups     []string    // the group of each query
	PerQuery   [][]float64 // [query, measure]
	Means      []float64   // [measure], over all queries
	Slices     []Slice     // queries whose positive was seen in training, and those whose was not
	Skipped    []string    // keys of judged queries that the convention does not score, ascending
}

// Slice is the mean over a part of the queries.
type Slice struct {
	Name    string // "seen" or "unseen"
	Queries int
	Means   []float64 // [measure]; nil where the slice is empty
}

// Mean returns the mean of one measure, and whether it was measured.
func (s Scores) Mean(m Measure) (float64, bool) {
	i := slices.Index(s.Measures, m)
	if i < 0 {
		return 0, false
	}
	return s.Means[i], true
}

// Values returns one measure query by query, in the order of Queries; nil if it was not measured.
func (s Scores) Values(m Measure) []float64 {
	i := slices.Index(s.Measures, m)
	if i < 0 {
		return nil
	}
	values := make([]float64, len(s.PerQuery))
	for q, row := range s.PerQuery {
		values[q] = row[i]
	}
	return values
}

// Evaluate scores candidates against judgments. The two are matched by query key and may come in any order: sums run
// in the order of keys, so the result does not depend on it. Candidates of queries that are not judged are passed
// over. A judged query without candidates is an error, unless the convention skips it.
func Evaluate(judged []Judged, candidates []ranking.Candidates, o Options) (Scores, error) {
	if o.Convention == "" {
		o.Convention = SentenceTransformers
	}
	r, err := o.Convention.rules()
	if err != nil {
		return Scores{}, err
	}
	if err := o.checkMeasures(); err != nil {
		return Scores{}, err
	}
	if _, err := ParseMissing(string(o.Missing)); err != nil {
		return Scores{}, err
	}
	byKey, err := indexCandidates(candidates)
	if err != nil {
		return Scores{}, err
	}
	judged = slices.SortedFunc(slices.Values(judged), func(a, b Judged) int { return cmp.Compare(a.Query, b.Query) })
	scores := Scores{Convention: o.Convention, Measures: slices.Clone(o.Measures)}
	var seen []bool
	for i, j := range judged {
		if i > 0 && judged[i-1].Query == j.Query {
			return Scores{}, fmt.Errorf("query %q is judged twice", j.Query)
		}
		row, err := scoreQuery(j, candidates, byKey, o, r)
		if errors.Is(err, errSkipped) {
			scores.Skipped = append(scores.Skipped, j.Query)
			continue
		}
		if err != nil {
			return Scores{}, err
		}
		scores.Queries = append(scores.Queries, j.Query)
		scores.Groups = append(scores.Groups, j.Group)
		scores.PerQuery = append(scores.PerQuery, row)
		seen = append(seen, j.Seen)
	}
	if len(scores.Queries) == 0 {
		return Scores{}, fmt.Errorf("no query to score: %d judged, none of them with a positive and a ranking", len(judged))
	}
	scores.average(seen)
	return scores, nil
}

// errSkipped marks a query that the convention leaves out of the mean.
var errSkipped = errors.New("skipped")

// scoreQuery is one row of PerQuery.
func scoreQuery(j Judged, candidates []ranking.Candidates, byKey map[string]int, o Options, r rules) ([]float64, error) {
	if err := j.check(r); err != nil {
		return nil, err
	}
	i, ok := byKey[j.Query]
	if !ok {
		return scoreMissing(j, o, r)
	}
	c := candidates[i]
	f, err := locate(j, c, o, r)
	if err != nil {
		return nil, err
	}
	if f.positives() == 0 && !r.scoresUnanswered {
		return nil, errSkipped
	}
	row := make([]float64, len(o.Measures))
	for m, measure := range o.Measures {
		if measure.Kind == RPrecision && o.Depth > 0 && f.positives() > o.Depth && len(c.Positives) == 0 {
			return nil, fmt.Errorf("query %q has %d positives: r-precision needs that depth, but only %d hits were kept", j.Query, f.positives(), o.Depth)
		}
		if measure.Kind == NDCG {
			if err := f.checkGains(); err != nil {
				return nil, fmt.Errorf("query %q: %s as %s has it: %w", j.Query, measure, o.Convention, err)
			}
		}
		row[m] = measure.score(f, r)
	}
	return row, nil
}

// scoreMissing is the row of a query that has no ranking.
func scoreMissing(j Judged, o Options, r rules) ([]float64, error) {
	answered := slices.ContainsFunc(j.Grades, func(g Grade) bool { return g.Grade > 0 })
	switch rule := o.Missing.resolve(r); {
	case rule == MissingIsSkipped, !answered && !r.scoresUnanswered: // the latter with a ranking, too
		return nil, errSkipped
	case rule == MissingIsError:
		return nil, fmt.Errorf("query %q is judged but %w", j.Query, ErrNoRanking)
	}
	return make([]float64, len(o.Measures)), nil
}

// average fills the means, over all queries and over each slice, adding in the order of keys.
func (s *Scores) average(seen []bool) {
	mean := func(keep func(q int) bool) (int, []float64) {
		sums, n := make([]float64, len(s.Measures)), 0
		for q, row := range s.PerQuery {
			if !keep(q) {
				continue
			}
			n++
			for m, v := range row {
				sums[m] += v
			}
		}
		if n == 0 {
			return 0, nil
		}
		for m := range sums {
			sums[m] /= float64(n)
		}
		return n, sums
	}
	_, s.Means = mean(func(int) bool { return true })
	for _, slice := range []struct {
		name string
		want bool
	}{{"seen", true}, {"unseen", false}} {
		n, means := mean(func(q int) bool { return seen[q] == slice.want })
		s.Slices = append(s.Slices, Slice{Name: slice.name, Queries: n, Means: means})
	}
}

// checkMeasures refuses measures that the kept depth cannot answer.
func (o Options) checkMeasures() error {
	if len(o.Measures) == 0 {
		return errors.New("no measure is named")
	}
	for i, m := range o.Measures {
		if parsed, err := ParseMeasure(m.String()); err != nil || parsed != m {
			return cmp.Or(err, fmt.Errorf("measure %q is malformed", m))
		}
		if slices.Contains(o.Measures[:i], m) {
			return fmt.Errorf("measure %q is named twice", m)
		}
		if o.Depth > 0 && m.K > o.Depth {
			return fmt.Errorf("measure %q needs %d ranks, but only %d hits a query were kept; search with a depth of at least %d", m, m.K, o.Depth, m.K)
		}
	}
	return nil
}

// indexCandidates finds candidates by query key.
func indexCandidates(candidates []ranking.Candidates) (map[string]int, error) {
	byKey := make(map[string]int, len(candidates))
	for i, c := range candidates {
		if _, ok := byKey[c.Query]; ok {
			return nil, fmt.Errorf("query %q has two rankings", c.Query)
		}
		byKey[c.Query] = i
	}
	return byKey, nil
}
