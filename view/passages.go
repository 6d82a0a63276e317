package view

import (
	"cmp"
	"slices"

	"github.com/quarry-ml/quarry/rundir"
)

// passageRow is a passage in a list, and how many queries of all sets over its corpus know it.
type passageRow struct {
	textOf
	Answers int32 `json:"answers"` // queries that have it as a positive
	Mined   int32 `json:"mined"`   // training queries that some round mined it for
}

// The orders of a list of passages, besides that of the file.
const (
	byMined   = "mined"   // mined for most queries first
	byAnswers = "answers" // positive of most queries first
)

// passages lists the passages that the queries of a split are searched in, those whose id or text holds what is searched,
// whatever the case.
func (r *run) passages(split rundir.Split, search, order string, page int) (list[passageRow], error) {
	over := r.sets[split].over
	answers, mined, err := r.known(over)
	if err != nil {
		return list[passageRow]{}, err
	}
	var found []int32
	words := newFinder(search)
	for i, p := range over.corpus.Passages {
		if words.in(p.ID, p.Full()) {
			found = append(found, int32(i))
		}
	}
	switch order {
	case byFile:
	case byMined:
		slices.SortStableFunc(found, func(a, b int32) int { return cmp.Compare(mined[b], mined[a]) })
	case byAnswers:
		slices.SortStableFunc(found, func(a, b int32) int { return cmp.Compare(answers[b], answers[a]) })
	default:
		return list[passageRow]{}, wrongf("order %q is unknown", order)
	}
	return pageOf(found, page, func(p int32) (passageRow, error) {
		return passageRow{over.textOf(p), answers[p], mined[p]}, nil
	})
}

// known counts for every passage of a corpus the queries that have it as a positive, and those that it was mined for.
func (r *run) known(over *passages) (answers, mined []int32, err error) {
	answers, mined = make([]int32, over.corpus.Len()), make([]int32, over.corpus.Len())
	for _, split := range r.order {
		s := r.sets[split]
		if s.over != over {
			continue
		}
		for _, q := range s.queries {
			for _, p := range q.Positives {
				answers[p]++
			}
		}
		if s.split != rundir.Train {
			continue
		}
		rounds, err := r.allNegatives(s)
		if err != nil {
			return nil, nil, err
		}
		counted := make([]int, over.corpus.Len()) // 1 + the last query that a passage was counted for
		for q := range s.queries {
			for _, round := range rounds {
				for _, n := range round[q] {
					if counted[n.passage] != q+1 {
						counted[n.passage] = q + 1
						mined[n.passage]++
					}
				}
			}
		}
	}
	return answers, mined, nil
}

// allNegatives is what every round that has mined a set mined for its queries.
func (r *run) allNegatives(s *set) ([][][]negative, error) {
	rounds, err := r.rounds()
	if err != nil {
		return nil, err
	}
	var all [][][]negative
	for _, round := range rounds {
		mined, err := r.negatives(round, s.name)
		if err != nil {
			return nil, err
		}
		if mined != nil {
			all = append(all, mined)
		}
	}
	return all, nil
}

// passageView is a passage, and the queries of one set that know it.
type passageView struct {
	Passage textOf             `json:"passage"`
	Corpus  string             `json:"corpus"`
	Same    []textOf           `json:"same"` // other passages of its text, up to a page of them
	List    list[passageQuery] `json:"list"`
}

// passageQuery is a query that has a passage as a positive, or as a negative that some round mined.
type passageQuery struct {
	Query    queryRow    `json:"query"`
	Positive bool        `json:"positive"`
	Rounds   []pairRound `json:"rounds"`
	Verdict  string      `json:"verdict,omitempty"`
}

// passage is one passage, with the queries of a split that it answers and then those that it was mined for, each in the order
// of their file.
func (v *View) passage(split rundir.Split, index, page int) (*passageView, error) {
	s := v.run.sets[split]
	if index >= s.over.corpus.Len() {
		return nil, wrongf("the corpus of %s has no passage %d", split, index)
	}
	p := int32(index)
	view := &passageView{Passage: s.over.textOf(p), Corpus: string(s.over.first), Same: []textOf{}}
	for _, same := range s.over.corpus.SameText(p) {
		if same != p && len(view.Same) < pageSize {
			view.Same = append(view.Same, s.over.textOf(same))
		}
	}
	mined, err := v.run.allNegatives(s)
	if err != nil {
		return nil, err
	}
	var answered, asked []int32
	for q := range s.queries {
		switch {
		case slices.Contains(s.queries[q].Positives, p):
			answered = append(answered, int32(q))
		case slices.ContainsFunc(mined, func(round [][]negative) bool {
			return slices.ContainsFunc(round[q], func(n negative) bool { return n.passage == p })
		}):
			asked = append(asked, int32(q))
		}
	}
	rounds, err := v.run.rounds()
	if err != nil {
		return nil, err
	}
	view.List, err = pageOf(slices.Concat(answered, asked), page, func(q int32) (passageQuery, error) {
		query := s.queries[q]
		row := passageQuery{
			Query: queryRow{Index: int(q), Key: query.Key, Text: query.Text}, Positive: slices.Contains(query.Positives, p),
			Rounds: []pairRound{}, Verdict: v.verdictOn(s, q, p),
		}
		for _, round := range rounds {
			one, _, err := v.run.pairRound(s, q, p, round)
			if err != nil {
				return row, err
			}
			row.Rounds = append(row.Rounds, one)
		}
		return row, nil
	})
	return view, err
}
