package view

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// pageSize is how many rows a page of a list has.
const pageSize = 50

// list is one page of a list.
type list[T any] struct {
	Total int `json:"total"`
	Page  int `json:"page"`
	Size  int `json:"size"`
	Rows  []T `json:"rows"`
}

// pageOf cuts a page out of the places of a list's rows and makes the rows.
func pageOf[P, T any](places []P, page int, row func(P) (T, error)) (list[T], error) {
	from := min(len(places), max(0, page)*pageSize)
	l := list[T]{Total: len(places), Page: page, Size: pageSize, Rows: []T{}}
	for _, place := range places[from:min(len(places), from+pageSize)] {
		one, err := row(place)
		if err != nil {
			return l, err
		}
		l.Rows = append(l.Rows, one)
	}
	return l, nil
}

// queryList is a page of queries, and what ranked them: the headings of their ranks.
type queryList struct {
	list[queryRow]
	Columns []string `json:"columns"`
}

// queryRow is a query in a list. Ranks are those of the best positive, counted from 1, a column each; 0 is unknown.
type queryRow struct {
	Index int     `json:"index"`
	Key   string  `json:"key"`
	Text  string  `json:"text"`
	Ranks []int32 `json:"ranks"`
}

// The orders of a list of queries.
const (
	byFile  = "file"  // as in the file
	byWorst = "worst" // the worst rank in the last ranking first
	byRise  = "rise"  // risen most from the first ranking to the last
	byFall  = "fall"  // fallen most
)

// queries lists the queries of a split whose key or text holds what is searched, whatever the case.
func (r *run) queries(split rundir.Split, search, order string, page int) (*queryList, error) {
	s := r.sets[split]
	columns, err := r.columns(split)
	if err != nil {
		return nil, err
	}
	ranks, err := r.allRanks(split, columns, order != byFile)
	if err != nil {
		return nil, err
	}
	var found []int32
	words := newFinder(search)
	for i, q := range s.queries {
		if words.in(q.Key, q.Text) {
			found = append(found, int32(i))
		}
	}
	if by, ok := ordering(order, ranks); !ok {
		return nil, wrongf("order %q is unknown", order)
	} else if by != nil {
		slices.SortStableFunc(found, by)
	}
	l := &queryList{Columns: []string{}}
	for _, c := range columns {
		l.Columns = append(l.Columns, c.name)
	}
	l.list, err = pageOf(found, page, func(i int32) (queryRow, error) {
		q := s.queries[i]
		row := queryRow{Index: int(i), Key: q.Key, Text: q.Text, Ranks: []int32{}}
		for _, round := range ranks {
			rank, err := round.of(i)
			if err != nil {
				return row, err
			}
			row.Ranks = append(row.Ranks, rank+1)
		}
		return row, nil
	})
	return l, err
}

// roundRanks is the ranks of one ranking: all of them, or what its file has when asked.
type roundRanks struct {
	all   []int32
	found *searched // nil where there is none
}

func (r roundRanks) of(query int32) (int32, error) {
	switch {
	case r.found == nil:
		return -1, nil
	case r.all != nil:
		return r.all[query], nil
	}
	c, err := r.found.index.At(int(query))
	return bestRank(c), err
}

// allRanks is the ranks of a split, column by column; whole reads them all.
func (r *run) allRanks(split rundir.Split, columns []column, whole bool) ([]roundRanks, error) {
	var all []roundRanks
	for _, c := range columns {
		found, err := r.rankedBy(c.who, split)
		if err != nil {
			return nil, err
		}
		one := roundRanks{found: found}
		if found != nil && whole {
			var err error
			if one.all, err = found.bestRanks(); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// ordering compares two queries by an order; nil leaves them as they are.
func ordering(order string, ranks []roundRanks) (by func(a, b int32) int, ok bool) {
	ranks = slices.DeleteFunc(slices.Clone(ranks), func(r roundRanks) bool { return r.all == nil })
	rise := func(q int32) int32 { return ranks[0].all[q] - ranks[len(ranks)-1].all[q] }
	switch order {
	case byFile:
		return nil, true
	case byWorst:
		by = func(a, b int32) int { return cmp.Compare(ranks[len(ranks)-1].all[b], ranks[len(ranks)-1].all[a]) }
	case byRise:
		by = func(a, b int32) int { return cmp.Compare(rise(b), rise(a)) }
	case byFall:
		by = func(a, b int32) int { return cmp.Compare(rise(a), rise(b)) }
	default:
		return nil, false
	}
	if len(ranks) == 0 {
		by = nil
	}
	return by, true
}

// queryView is a query with its ranking in every round.
type queryView struct {
	Index     int         `json:"index"`
	Key       string      `json:"key"`
	Text      string      `json:"text"`
	Corpus    string      `json:"corpus"` // the set that names it
	Positives []textOf    `json:"positives"`
	Rounds    []roundView `json:"rounds"`
}

// textOf is a passage.
type textOf struct {
	Index int32  `json:"index"`
	ID    string `json:"id"`
	Text  string `json:"text"`
}

// roundView is the ranking of a round's miner: the best hits, and every positive and negative further down; and what its epochs
// rank.
type roundView struct {
	Round    int         `json:"round"`
	Searched bool        `json:"searched"`
	Hits     []hit       `json:"hits"`
	Epochs   []epochView `json:"epochs"`
	Unkept   bool        `json:"unkept,omitempty"` // its epochs are scored, and what they rank is not kept
}

// hit is a passage in a ranking; ranks count from 1.
type hit struct {
	Rank     int32    `json:"rank"` // 0 where it was drawn at random
	Score    *float32 `json:"score,omitempty"`
	Index    int32    `json:"index"` // of the passage
	ID       string   `json:"id"`
	Text     string   `json:"text"`
	Positive bool     `json:"positive,omitempty"`
	Negative bool     `json:"negative,omitempty"` // mined in this round
	Verdict  string   `json:"verdict,omitempty"`
}

// shownHits is how many of the best hits are shown of each ranking.
const shownHits = 30

// query is one query with its rankings.
func (v *View) query(split rundir.Split, index int) (*queryView, error) {
	s := v.run.sets[split]
	if index < 0 || index >= len(s.queries) {
		return nil, wrongf("%s has no query %d", split, index)
	}
	rounds, err := v.run.rounds()
	if err != nil {
		return nil, err
	}
	q := s.queries[index]
	view := &queryView{Index: index, Key: q.Key, Text: q.Text, Corpus: string(s.over.first), Rounds: []roundView{}, Positives: []textOf{}}
	for _, p := range q.Positives {
		view.Positives = append(view.Positives, s.over.textOf(p))
	}
	for _, round := range rounds {
		one, err := v.ranking(split, index, round)
		if err != nil {
			return nil, err
		}
		view.Rounds = append(view.Rounds, one)
	}
	return view, nil
}

func (o *passages) textOf(p int32) textOf {
	return textOf{p, o.corpus.ID(p), o.corpus.Passages[p].Full()}
}

// ranking is what a round's search kept of a query and what its epochs rank, the marks of mining on both.
func (v *View) ranking(split rundir.Split, index, round int) (roundView, error) {
	view := roundView{Round: round, Hits: []hit{}, Epochs: []epochView{}}
	s := v.run.sets[split]
	found, err := v.run.candidates(round, split)
	if err != nil {
		return view, err
	}
	mined, err := v.run.minedFor(round, split, index)
	if err != nil {
		return view, err
	}
	if found == nil {
		for _, n := range mined {
			view.Hits = append(view.Hits, v.hit(s, index, n.passage, n.rank, nil, true))
		}
	} else {
		view.Searched = true
		if view.Hits, err = v.hits(s, index, found, mined); err != nil {
			return view, err
		}
	}
	all, err := v.run.epochs(split)
	if err != nil {
		return view, err
	}
	shown := shownEpochs(all, round)
	if view.Unkept, err = v.run.unkept(s, round, shown); err != nil {
		return view, err
	}
	for _, e := range shown {
		found, err := v.run.rankedBy(ranker{round, e.Epoch}, split)
		if err != nil || found == nil {
			return view, err
		}
		hits, err := v.hits(s, index, found, mined)
		if err != nil {
			return view, err
		}
		view.Epochs = append(view.Epochs, epochView{Epoch: e.Epoch, Name: e.Name(), Chosen: e.Chosen, Hits: hits})
	}
	return view, nil
}

// hits are the best hits of a ranking of one query, and further down all positives and negatives. The set may be the other run's.
func (v *View) hits(s *set, index int, found *searched, mined []negative) ([]hit, error) {
	isNegative := map[int32]bool{}
	for _, n := range mined {
		isNegative[n.passage] = true
	}
	c, err := found.index.At(index)
	if err != nil {
		return nil, err
	}
	hits := []hit{}
	for rank, h := range c.Hits {
		negative := isNegative[h.Passage]
		if one := v.hit(s, index, h.Passage, int32(rank), &h.Score, negative); rank < shownHits || negative || one.Positive {
			hits = append(hits, one)
		}
	}
	for _, p := range c.Positives {
		if int(p.Rank) >= len(c.Hits) {
			hits = append(hits, v.hit(s, index, p.Passage, p.Rank, &p.Score, isNegative[p.Passage]))
		}
	}
	return hits, nil
}

func (v *View) hit(s *set, index int, p, rank int32, score *float32, negative bool) hit {
	text := s.over.textOf(p)
	h := hit{Rank: rank + 1, Score: score, Index: p, ID: text.ID, Text: text.Text, Negative: negative, Positive: slices.Contains(s.queries[index].Positives, p)}
	if s.same(v.run.sets[s.name]) { // verdicts are on this run's
		h.Verdict = v.verdictOn(s, int32(index), p)
	}
	return h
}

// wrong is a request that makes no sense, as opposed to files that cannot be read.
type wrong struct{ error }

func wrongf(format string, args ...any) error { return wrong{fmt.Errorf(format, args...)} }
