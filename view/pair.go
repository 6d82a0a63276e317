package view

import "github.com/quarry-ml/quarry/rundir"

// pairView is a query as two rankers rank it, side by side.
type pairView struct {
	Index     int        `json:"index"`
	Key       string     `json:"key"`
	Text      string     `json:"text"`
	Positives []textOf   `json:"positives"`
	Sides     []sideView `json:"sides"` // A and B
}

// sideView is the ranking of one of two: the best hits, and every positive and negative further down. Negatives are those that the
// ranker's round mined, in its run.
type sideView struct {
	Name  string `json:"name"`
	Rank  int32  `json:"rank"` // of the best positive, counted from 1; 0 is unknown
	Hits  []hit  `json:"hits"`
	Known bool   `json:"known"` // the run has the query
	Same  bool   `json:"same"`  // its passages are those of the run that is viewed
}

// pair sets what a ranker of this run ranks for a query beside what one of the other does, or of this one where there is no other. The
// query is that of the same key there.
func (v *View) pair(split rundir.Split, first, second ranker, index int) (*pairView, error) {
	other := v.other()
	s := v.run.sets[split]
	if index < 0 || index >= len(s.queries) {
		return nil, wrongf("%s has no query %d", split, index)
	}
	if other.sets[split] == nil {
		return nil, wrongf("%s has no %s: its sets are %v", other.dir.Name(), split, other.order)
	}
	q := s.queries[index]
	p := &pairView{Index: index, Key: q.Key, Text: q.Text, Positives: []textOf{}}
	for _, positive := range q.Positives {
		p.Positives = append(p.Positives, s.over.textOf(positive))
	}
	for _, side := range []struct {
		of  *run
		who ranker
	}{{v.run, first}, {other, second}} {
		one, err := v.side(side.of, side.who, split, q.Key)
		if err != nil {
			return nil, err
		}
		p.Sides = append(p.Sides, one)
	}
	return p, nil
}

func (v *View) side(of *run, who ranker, split rundir.Split, key string) (sideView, error) {
	s := of.sets[split]
	side := sideView{Name: who.name(of), Hits: []hit{}, Same: s.over.digest == v.run.sets[split].over.digest}
	found, err := of.rankedBy(who, split)
	if err != nil {
		return side, err
	}
	if found == nil {
		return side, wrongf("%s has not ranked %s, or it is not kept", side.Name, split)
	}
	index, ok := s.byKey[key]
	if !ok {
		return side, nil
	}
	side.Known = true
	c, err := found.index.At(int(index))
	if err != nil {
		return side, err
	}
	side.Rank = bestRank(c) + 1
	mined, err := of.minedFor(who.round, split, int(index))
	if err != nil {
		return side, err
	}
	side.Hits, err = v.hits(s, int(index), found, mined)
	return side, err
}
