package view

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/rundir"
)

// mined is the negatives of each query.
type mined struct {
	state     string
	negatives [][]negative
}

type negative struct {
	passage int32
	rank    int32 // -1 where it was drawn at random

	teacher, positive *float32 // scores by the round's teacher, of it and of the row's lowest positive; nil without
}

// taughtAbove says whether the round's teacher scores the negative at least as high as the row's lowest positive.
func (n negative) taughtAbove() bool { return n.teacher != nil && *n.teacher >= *n.positive }

// negatives returns what a round mined for each query of a split; nil where it has not mined.
func (r *run) negatives(round int, split rundir.Split) ([][]negative, error) {
	s := r.sets[split]
	path := r.files(s, round).Negatives(s.split)
	state, err := stateOf(r.dir, path)
	if err != nil || state == "" {
		return nil, err
	}
	if was := s.mined[round]; was != nil && was.state == state {
		return was.negatives, nil
	}
	strange, err := r.eachMined(s, round, func(provenance.Row) error { return nil })
	if err := cmp.Or(err, strange); err != nil {
		return nil, err
	}
	return s.mined[round].negatives, nil
}

// minedFor is what a round mined for one query; nothing where it has not mined the set.
func (r *run) minedFor(round int, split rundir.Split, index int) ([]negative, error) {
	all, err := r.negatives(round, split)
	if err != nil || all == nil {
		return nil, err
	}
	return all[index], nil
}

// eachMined visits what a round mined for a set, and keeps the negatives: what draws the charts and what lists the negatives
// read the same large file, which is parsed once for both. strange is a row of other data than the view's; nothing is kept then.
func (r *run) eachMined(s *set, round int, visit func(provenance.Row) error) (strange, err error) {
	path := r.files(s, round).Negatives(s.split)
	state, err := stateOf(r.dir, path)
	if err != nil {
		return nil, err
	}
	all := make([][]negative, len(s.queries))
	err = r.dir.EachMinedOf(r.files(s, round), s.split, func(m provenance.Row) error {
		if strange == nil {
			strange = s.take(all, path, m)
		}
		return visit(m)
	})
	if err == nil && strange == nil {
		s.mined[round] = &mined{state: state, negatives: all}
	}
	return strange, err
}

// take adds the negatives of a mined row to those of its query.
func (s *set) take(all [][]negative, path string, m provenance.Row) error {
	q, ok := s.queryOf(m)
	if !ok {
		return fmt.Errorf("%s: query %q is not in %s", path, m.Key, s.name)
	}
	all[q] = slices.Grow(all[q], len(m.Negatives))
	for _, n := range m.Negatives {
		p, ok := s.over.corpus.ByID(n.ID)
		if !ok {
			return fmt.Errorf("%s: passage %q is not in the corpus", path, n.ID)
		}
		one := negative{passage: p, rank: -1}
		if n.TeacherScore != nil && m.TeacherPositive != nil {
			one.teacher, one.positive = n.TeacherScore, m.TeacherPositive
		}
		if n.Rank != nil {
			one.rank = *n.Rank
		}
		all[q] = append(all[q], one)
	}
	return nil
}

// queryOf is the query that a mined row belongs to.
func (s *set) queryOf(m provenance.Row) (query int32, ok bool) {
	for _, key := range m.QueryKeys() {
		if query, ok = s.byKey[key]; ok {
			return query, true
		}
	}
	return 0, false
}
