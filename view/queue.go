package view

import (
	"slices"

	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/review"
	"github.com/quarry-ml/quarry/rundir"
)

// suspect is a doubted negative of a set.
type suspect = review.Suspect

// suspects is the queue of doubted negatives, most suspicious first, and the state of the files that it was made of.
type suspects struct {
	state string
	all   []suspect
}

// suspectRow is a doubted negative with what every round says of it.
type suspectRow struct {
	Query     queryRow    `json:"query"`
	Positives []textOf    `json:"positives"`
	Passage   textOf      `json:"passage"`
	Agree     int32       `json:"agree"`
	Searches  int         `json:"searches"`          // rounds that could have agreed
	Sources   int32       `json:"sources,omitempty"` // of all rounds that fused several
	Teachers  int32       `json:"teachers,omitempty"`
	Rounds    []pairRound `json:"rounds"`
	Verdict   string      `json:"verdict,omitempty"`
}

// pairRound is what one round says of a query and a passage; its score is absent where the passage is neither among the hits
// kept nor a positive.
type pairRound struct {
	Round    int      `json:"round"`
	Mined    bool     `json:"mined"`
	Rank     int32    `json:"rank"` // counted from 1; 0 is unknown
	Score    *float32 `json:"score,omitempty"`
	Positive *float32 `json:"positive,omitempty"` // score of the weakest positive

	Teacher         *float32 `json:"teacher,omitempty"` // score by the round's teacher, which mined rows have; absent without one
	TeacherPositive *float32 `json:"teacher_positive,omitempty"`

	Sources []pairSource `json:"sources,omitempty"` // of a round that fused several
}

// pairSource is what one of several sources says of a query and a passage, as pairRound does of them together.
type pairSource struct {
	Source   string   `json:"source"`
	Rank     int32    `json:"rank"`
	Score    *float32 `json:"score,omitempty"`
	Positive *float32 `json:"positive,omitempty"`
}

// The filters of the queue.
const (
	openOnly   = "open"   // without a verdict
	judgedOnly = "judged" // with one
	everything = "all"
)

// queue lists doubted negatives, most suspicious first: by the rounds, sources and teachers that agree, then by their place in a ranking,
// then by how far above the positive they come, then in the order of queries and passages.
func (v *View) queue(split rundir.Split, filter string, page int) (list[suspectRow], error) {
	set := v.run.sets[split]
	if !set.trained() {
		return list[suspectRow]{}, wrongf("%s is not trained on: negatives are doubted of training queries", split)
	}
	if err := v.findSuspects(set); err != nil {
		return list[suspectRow]{}, err
	}
	if !slices.Contains([]string{openOnly, judgedOnly, everything}, filter) {
		return list[suspectRow]{}, wrongf("filter %q is unknown", filter)
	}
	var places []suspect
	for _, s := range v.suspects[split].all {
		judged := v.verdictOn(set, s.Query, s.Passage) != ""
		if filter == everything || judged == (filter == judgedOnly) {
			places = append(places, s)
		}
	}
	return pageOf(places, page, func(s suspect) (suspectRow, error) { return v.suspectRow(set, s) })
}

// findSuspects goes over candidates and negatives of a set, where they have changed since the last time.
func (v *View) findSuspects(set *set) error {
	rounds, err := v.run.rounds()
	if err != nil {
		return err
	}
	state := ""
	for _, round := range rounds {
		for _, path := range []string{v.run.files(set, round).Candidates(set.split), v.run.files(set, round).Negatives(set.split)} {
			one, err := stateOf(v.run.dir, path)
			if err != nil {
				return err
			}
			state += one + ";"
		}
	}
	if was := v.suspects[set.name]; was != nil && was.state == state {
		return nil
	}
	all, err := v.run.suspects(set, rounds)
	if err != nil {
		return err
	}
	if v.suspects == nil {
		v.suspects = map[rundir.Split]*suspects{}
	}
	v.suspects[set.name] = &suspects{state, all}
	return nil
}

func (r *run) suspects(set *set, rounds []int) ([]suspect, error) {
	var found []*searched
	var mined [][][]negative
	for _, round := range rounds {
		c, err := r.candidates(round, set.name)
		if err != nil {
			return nil, err
		}
		n, err := r.negatives(round, set.name)
		if err != nil {
			return nil, err
		}
		if c != nil {
			found = append(found, c)
		}
		if n != nil {
			mined = append(mined, n)
		}
	}
	ranks := make([][]int32, len(found)) // of the best positives, for who orders queries by them: each record is read here anyway
	ranked := make([]review.Ranked, len(found))
	negatives := make([][]review.Mined, len(mined)) // of one query, by round
	var all []suspect
	for q := range set.queries {
		for i, round := range found {
			c, err := round.index.At(q)
			if err != nil {
				return nil, err
			}
			ranked[i], ranks[i] = review.Ranked{Candidates: c, Scored: fuse.ScoredBy(round.index.Header().Fusion)}, append(ranks[i], bestRank(c))
		}
		for i, round := range mined {
			negatives[i] = negatives[i][:0]
			for _, n := range round[q] {
				negatives[i] = append(negatives[i], review.Mined{Passage: n.passage, Taught: n.taughtAbove()})
			}
		}
		all = append(all, review.Suspects(int32(q), ranked, negatives)...)
	}
	for i, round := range found {
		round.ranks = ranks[i]
	}
	review.SortSuspects(all)
	return all, nil
}

func (v *View) suspectRow(set *set, s suspect) (suspectRow, error) {
	q := set.queries[s.Query]
	row := suspectRow{
		Query: queryRow{Index: int(s.Query), Key: q.Key, Text: q.Text}, Passage: set.over.textOf(s.Passage), Positives: []textOf{},
		Agree: s.Agree, Sources: s.Sources, Teachers: s.Teachers, Rounds: []pairRound{}, Verdict: v.verdictOn(set, s.Query, s.Passage),
	}
	for _, p := range q.Positives {
		row.Positives = append(row.Positives, set.over.textOf(p))
	}
	rounds, err := v.run.rounds()
	if err != nil {
		return row, err
	}
	for _, round := range rounds {
		one, searched, err := v.run.pairRound(set, s.Query, s.Passage, round)
		if err != nil {
			return row, err
		}
		if searched {
			row.Searches++
		}
		row.Rounds = append(row.Rounds, one)
	}
	return row, nil
}

func (r *run) pairRound(set *set, query, passage int32, round int) (one pairRound, searched bool, err error) {
	one.Round = round
	mined, err := r.negatives(round, set.name)
	if err != nil {
		return one, false, err
	}
	if mined != nil {
		for _, n := range mined[query] {
			if n.passage != passage {
				continue
			}
			one.Mined, one.Rank = true, n.rank+1
			if one.Teacher == nil || n.taughtAbove() {
				one.Teacher, one.TeacherPositive = n.teacher, n.positive
			}
		}
	}
	found, err := r.candidates(round, set.name)
	if found == nil || err != nil {
		return one, false, err
	}
	c, err := found.index.At(int(query))
	if err != nil {
		return one, false, err
	}
	one.Positive = review.Weakest(c.Hits, c.Positives)
	if rank, score := placeOf(passage, c.Hits, c.Positives); score != nil {
		one.Rank, one.Score = rank, score
	}
	for i, source := range c.Sources {
		rank, score := placeOf(passage, source.Hits, source.Positives)
		one.Sources = append(one.Sources, pairSource{found.index.Header().Sources[i].Name, rank, score, review.Weakest(source.Hits, source.Positives)})
	}
	return one, true, nil
}

// placeOf is a passage's rank, counted from 1, and score in a ranking; 0 and nil where that has neither.
func placeOf(passage int32, hits ranking.Ranking, positives []ranking.Positive) (rank int32, score *float32) {
	for i, h := range hits {
		if h.Passage == passage {
			return int32(i) + 1, &h.Score
		}
	}
	for _, p := range positives {
		if p.Passage == passage && p.Rank >= 0 {
			return p.Rank + 1, &p.Score
		}
	}
	return 0, nil
}
