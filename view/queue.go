package view

import (
	"cmp"
	"math"
	"slices"

	"github.com/quarry-ml/quarry/ranking"
	"github.com/quarry-ml/quarry/rundir"
)

// near is how close to the score of the weakest positive a negative must come to be doubted, as a share of that score.
const near = 0.05

// suspect is a mined negative that some round scores above the query's weakest positive, or near it, or some round's teacher above it.
type suspect struct {
	query, passage int32
	agree          int32   // rounds that score it so
	margin         float32 // the most by which a round scores it above the positive; negative is below
	teachers       int32   // rounds whose teacher scores it at least as high as the weakest positive
}

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
	Searches  int         `json:"searches"` // rounds that could have agreed
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
}

// The filters of the queue.
const (
	openOnly   = "open"   // without a verdict
	judgedOnly = "judged" // with one
	everything = "all"
)

// queue lists doubted negatives, most suspicious first: by the rounds and teachers that agree, then by how far above the positive they
// come, then in the order of queries and passages.
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
		judged := v.verdictOn(set, s.query, s.passage) != ""
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
	ranked := make([]ranking.Candidates, len(found))
	var all []suspect
	for q := range set.queries {
		for i, round := range found {
			c, err := round.index.At(q)
			if err != nil {
				return nil, err
			}
			ranked[i], ranks[i] = c, append(ranks[i], bestRank(c))
		}
		all = append(all, suspectsOf(q, ranked, mined)...)
	}
	for i, round := range found {
		round.ranks = ranks[i]
	}
	slices.SortFunc(all, func(a, b suspect) int {
		return cmp.Or(cmp.Compare(b.agree+b.teachers, a.agree+a.teachers), cmp.Compare(b.margin, a.margin), cmp.Compare(a.query, b.query), cmp.Compare(a.passage, b.passage))
	})
	return all, nil
}

// suspectsOf doubts the negatives that any round mined for a query, by what all searches say of them.
func suspectsOf(query int, found []ranking.Candidates, mined [][][]negative) []suspect {
	doubted := map[int32]*suspect{}
	for _, round := range mined {
		taught := map[int32]bool{} // a round may have several rows of a query
		for _, n := range round[query] {
			if doubted[n.passage] == nil {
				doubted[n.passage] = &suspect{query: int32(query), passage: n.passage, margin: float32(math.Inf(-1))}
			}
			if n.taughtAbove() && !taught[n.passage] {
				taught[n.passage] = true
				doubted[n.passage].teachers++
			}
		}
	}
	if len(doubted) == 0 {
		return nil
	}
	for _, c := range found {
		if len(c.Positives) == 0 {
			continue
		}
		weakest := c.Positives[len(c.Positives)-1].Score
		for _, h := range c.Hits {
			s := doubted[h.Passage]
			if margin := h.Score - weakest; s != nil && margin >= -near*max(weakest, -weakest) {
				if s.agree == 0 || margin > s.margin {
					s.margin = margin
				}
				s.agree++
			}
		}
	}
	var all []suspect
	for _, s := range doubted {
		if s.agree+s.teachers > 0 {
			all = append(all, *s)
		}
	}
	return all
}

func (v *View) suspectRow(set *set, s suspect) (suspectRow, error) {
	q := set.queries[s.query]
	row := suspectRow{
		Query: queryRow{Index: int(s.query), Key: q.Key, Text: q.Text}, Passage: set.over.textOf(s.passage), Positives: []textOf{},
		Agree: s.agree, Teachers: s.teachers, Rounds: []pairRound{}, Verdict: v.verdictOn(set, s.query, s.passage),
	}
	for _, p := range q.Positives {
		row.Positives = append(row.Positives, set.over.textOf(p))
	}
	rounds, err := v.run.rounds()
	if err != nil {
		return row, err
	}
	for _, round := range rounds {
		one, searched, err := v.run.pairRound(set, s.query, s.passage, round)
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
	if n := len(c.Positives); n > 0 {
		one.Positive = &c.Positives[n-1].Score
	}
	for rank, h := range c.Hits {
		if h.Passage == passage {
			one.Rank, one.Score = int32(rank)+1, &h.Score
		}
	}
	for _, p := range c.Positives {
		if p.Passage == passage && p.Rank >= 0 {
			one.Rank, one.Score = p.Rank+1, &p.Score
		}
	}
	return one, true, nil
}
