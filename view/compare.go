package view

import (
	"cmp"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// comparison is two rankings, query by query: ranks of the best positive.
type comparison struct {
	A      string            `json:"a"`
	B      string            `json:"b"`
	Better int               `json:"better"` // queries whose positive B ranks higher
	Worse  int               `json:"worse"`
	Same   int               `json:"same"`
	Alone  int               `json:"alone"` // queries that only one of the two has
	Notes  []string          `json:"notes"`
	List   list[comparedRow] `json:"list"`
}

// comparedRow is one query in both; ranks count from 1.
type comparedRow struct {
	Index int    `json:"index"` // in A
	Key   string `json:"key"`
	Text  string `json:"text"`
	A     int32  `json:"a"`
	B     int32  `json:"b"`
}

type compared struct{ query, a, b int32 }

// The orders of a comparison.
const (
	byChange = "change" // the largest first, either way
	byWins   = "wins"   // risen most from A to B first
	byLosses = "losses" // fallen most first
)

// compare sets a ranker of this run against one of the other, or of this one where there is no other.
func (v *View) compare(split rundir.Split, first, second ranker, order string, page int) (*comparison, error) {
	other := v.other()
	c := &comparison{A: first.name(v.run), B: second.name(other), Notes: []string{}}
	setA, setB := v.run.sets[split], other.sets[split]
	if setB == nil {
		return nil, wrongf("%s has no %s: its sets are %v", other.dir.Name(), split, other.order)
	}
	for _, data := range []struct{ role, a, b string }{{"corpus", setA.over.digest, setB.over.digest}, {string(split), setA.digest, setB.digest}} {
		if data.a != data.b {
			c.Notes = append(c.Notes, "The two runs have other data in "+data.role+": queries are matched by their keys, and ranks are of corpora of their own.")
		}
	}
	a, err := v.run.ranksOf(split, first)
	if err != nil {
		return nil, err
	}
	b, err := other.ranksOf(split, second)
	if err != nil {
		return nil, err
	}
	var rows []compared
	for i, q := range setA.queries {
		j, ok := setB.byKey[q.Key]
		if !ok || a[i] < 0 || b[j] < 0 {
			c.Alone++
			continue
		}
		rows = append(rows, compared{int32(i), a[i], b[j]})
		switch {
		case b[j] < a[i]:
			c.Better++
		case b[j] > a[i]:
			c.Worse++
		default:
			c.Same++
		}
	}
	for key := range setB.byKey {
		if _, ok := setA.byKey[key]; !ok {
			c.Alone++
		}
	}
	by, ok := map[string]func(compared) int32{
		byChange: func(r compared) int32 { return -max(r.a-r.b, r.b-r.a) },
		byWins:   func(r compared) int32 { return r.b - r.a },
		byLosses: func(r compared) int32 { return r.a - r.b },
		byFile:   func(compared) int32 { return 0 },
	}[order]
	if !ok {
		return nil, wrongf("order %q is unknown", order)
	}
	slices.SortStableFunc(rows, func(x, y compared) int { return cmp.Compare(by(x), by(y)) })
	c.List, err = pageOf(rows, page, func(r compared) (comparedRow, error) {
		q := setA.queries[r.query]
		return comparedRow{Index: int(r.query), Key: q.Key, Text: q.Text, A: r.a + 1, B: r.b + 1}, nil
	})
	return c, err
}

func (r *run) ranksOf(split rundir.Split, who ranker) ([]int32, error) {
	found, err := r.rankedBy(who, split)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, wrongf("%s has not ranked %s, or it is not kept", who.name(r), split)
	}
	return found.bestRanks()
}
